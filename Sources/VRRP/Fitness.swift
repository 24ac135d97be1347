// From what the trackers say to the priority that a node contends with.

import NetworkTypes

/// A node's fitness for one virtual router.
public struct Fitness: Sendable, Hashable, Codable {
  /// The priority to contend with: the configured one and all adjustments, within 1–254. 255 is never changed.
  public var priority: Priority
  /// What each tracker that matters now adds or takes away, in the file's order.
  public var adjustments: [TrackerWeight]
  /// The first tracker of weight 0 that is not up: while there is one, the node takes no part.
  public var obstacle: Obstacle?

  /// - Parameters:
  ///   - trackers: whether each is up; one that has not been checked yet is missing and counts as down, so that a node
  ///     that has just started does not claim what it may be unfit to hold.
  ///   - worths: what trackers that are up add, in place of their weights.
  public init(of configuration: VirtualRouterConfiguration, trackers: [String: Bool], worths: [String: Int] = [:]) {
    self.init(of: configuration.priority, weights: configuration.trackers, worths: worths) { trackers[$0] }
    guard configuration.releasesWhenUnfit, priority != .addressOwner, obstacle == nil else { return }
    let failed = configuration.trackers.first { $0.weight <= 0 && trackers[$0.tracker] != true }
    obstacle = failed.map { trackers[$0.tracker] == nil ? .trackerUnchecked($0.tracker) : .unfit($0.tracker) }
  }

  /// - Parameters:
  ///   - priority: as configured.
  ///   - weights: what trackers do to it.
  ///   - isUp: whether the tracker of that name is; nil while that is not known.
  public init(
    of priority: Priority, weights: [TrackerWeight], worths: [String: Int] = [:], isUp: (String) -> Bool?
  ) {
    adjustments = []
    guard priority != .addressOwner else {
      self.priority = .addressOwner
      return
    }
    for tracker in weights {
      let known = isUp(tracker.tracker)
      let isUp = known ?? false
      if tracker.weight == 0, !isUp, obstacle == nil {
        obstacle = known == nil ? .trackerUnchecked(tracker.tracker) : .trackerDown(tracker.tracker)
      }
      if isUp, let worth = worths[tracker.tracker] {
        if worth != 0 { adjustments.append(TrackerWeight(tracker: tracker.tracker, weight: worth)) }
      } else if tracker.weight > 0 && isUp || tracker.weight < 0 && !isUp {
        adjustments.append(tracker)
      }
    }
    self.priority = Priority(clamping: Int(priority.rawValue) + adjustments.reduce(0) { $0 + $1.weight })
  }
}

extension VirtualRouterConfiguration {
  /// The priority that this node contends with while every tracker is up.
  public var healthyPriority: Priority {
    Fitness(of: priority, weights: trackers) { _ in true }.priority
  }

  /// All virtual addresses, in the order of the families.
  public var addresses: [VirtualAddress] { families.flatMap(\.addresses) }

  public func family(_ family: IPFamily) -> FamilyConfiguration? { families.first { $0.family == family } }

  /// The peer with this address.
  public func peer(at address: IPAddress) -> Peer? {
    family(address.family)?.peers.first { $0.address == address }
  }
}
