// The arithmetic that nobody should have to do: priorities and weights that the file leaves out, and what failures
// make of a priority. The VRRP core's `Fitness` adds up in the same way, there for what is and here for what could
// be.

import VRRP

enum PriorityRules {
  /// More nodes than any cluster has; it bounds the work of the checks.
  static let mostNodes = 32
  /// As `mostNodes`.
  static let mostTrackers = 32
  /// Each has a VRID of its own.
  static let mostVirtualRouters = 255
  /// More could not count, since priorities go from 1 to 254.
  static let weights = -253...253
  /// 250, 240, … 10
  static let mostImplicitPriorities = 25

  /// The priority of the node at a place in the file that gives none: 250, 240, 230, …, high so that Skew_Time is
  /// small.
  static func implicitPriority(at index: Int) -> Priority { Priority(clamping: 250 - 10 * index) }

  /// The members of a virtual router that lists `nodes` itself: the priorities of these nodes, the highest to the one
  /// listed first, so that another order gives other roles even where priorities are explicit.
  static func members(_ nodes: [ClusterConfiguration.Node]) -> [ClusterConfiguration.Member] {
    let priorities = nodes.map(\.priority).sorted(by: >)
    return zip(nodes, priorities).map { ClusterConfiguration.Member(node: $0.name, priority: $1) }
  }

  /// The weight of every tracker whose weight the file leaves out: a failure costs more than the best of these nodes is
  /// ahead of the worst, so that each failed tracker puts a node below all that have fewer.
  ///
  /// An address owner counts for nothing here, since trackers do not change its priority.
  static func automaticWeight(for priorities: [Priority]) -> Int {
    let contending = priorities.filter { $0 != .addressOwner }.map { Int($0.rawValue) }
    return -(spread(of: contending) + 1)
  }

  static func spread(of values: [Int]) -> Int { (values.max() ?? 0) - (values.min() ?? 0) }

  /// How many automatic trackers may fail on a node before the rule "fewer failures rank higher" breaks, because 1 is
  /// the lowest priority; nil where it holds for all of them.
  ///
  /// - Parameter bases: what the nodes have while all is well, before clamping: explicit positive weights included.
  static func failuresUntilRankingBreaks(bases: [Int], weight: Int, trackers: Int) -> Int? {
    guard trackers > 0 else { return nil }
    return (1...trackers).first { failures in
      // Priorities fall with each failure, so neighbouring counts are the hardest to tell apart.
      bases.indices.contains { worse in
        bases.indices.contains { better in
          worse != better
            && clamped(bases[worse] + failures * weight) >= clamped(bases[better] + (failures - 1) * weight)
        }
      }
    }
  }

  private static func clamped(_ value: Int) -> Int { min(max(value, 1), 254) }
}

extension ClusterConfiguration.VirtualRouter {
  /// What is left of `priority` while the trackers in `failed` are down; nil where the node takes no part, because a
  /// tracker of weight 0 is down.
  ///
  /// The address owner's 255 is never changed by trackers, not even by one of weight 0.
  public func effectivePriority(of priority: Priority, failed: Set<TrackerName>) -> Priority? {
    let fitness = Fitness(of: priority, weights: trackerWeights) { name in
      !failed.contains { $0.rawValue == name }
    }
    return fitness.obstacle == nil ? fitness.priority : nil
  }
}
