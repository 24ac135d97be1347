// What failing trackers would do to a virtual router, by arithmetic alone: who holds it, who is next, and whether a
// failure on the holder is worth enough to move it there. `vipctl plan` plays the same in time; this needs none.

import NetworkTypes
import VRRP

/// The prospects of one virtual router.
public struct FailoverAnalysis: Sendable, Hashable {
  public let virtualRouter: VirtualRouterName
  /// One for each node that takes part, the best first: what happens on it while it holds the addresses, that is, while
  /// all nodes before it are away. The nodes after it are taken to be well.
  ///
  /// Between equals the one with the higher address stands first, as in RFC 9568 §6.4.3, although at run time whoever
  /// holds the addresses keeps them.
  public let prospects: [Prospect]

  public init(of router: ClusterConfiguration.VirtualRouter, in cluster: ClusterConfiguration) {
    virtualRouter = router.name
    prospects = Self.handovers(of: router, in: cluster).map { Prospect(holder: $0, next: $1, in: router) }
  }

  /// Each holder with the node that is next after it, the best holder first.
  static func handovers(
    of router: ClusterConfiguration.VirtualRouter, in cluster: ClusterConfiguration
  ) -> [(holder: Standing, next: Standing?)] {
    let ranking = router.members.compactMap { Standing($0, in: router, of: cluster) }.sorted(by: >)
    return ranking.indices.map { (ranking[$0], ranking.dropFirst($0 + 1).first) }
  }

  /// A node and what it is worth while all trackers are up.
  public struct Standing: Sendable, Hashable, Comparable {
    public let node: NodeName
    /// What the file gives it.
    public let base: Priority
    /// With all trackers up.
    public let priority: Priority
    private let address: IPAddress

    fileprivate init?(
      _ member: ClusterConfiguration.Member, in router: ClusterConfiguration.VirtualRouter,
      of cluster: ClusterConfiguration
    ) {
      guard let priority = router.effectivePriority(of: member.priority, failed: []),
        let family = router.families.first, let address = cluster.node(named: member.node)?.address(family)
      else { return nil }
      node = member.node
      base = member.priority
      self.priority = priority
      self.address = address
    }

    public static func < (lhs: Self, rhs: Self) -> Bool { (lhs.priority, lhs.address) < (rhs.priority, rhs.address) }
  }

  /// A node that holds the addresses, and what can take them away from it.
  public struct Prospect: Sendable, Hashable {
    public let holder: Standing
    /// The best of the nodes that rank below; nil for the last.
    public let next: Standing?
    /// One for each tracker, in the virtual router's order.
    public let effects: [Effect]
    /// What the holder is worth with every tracker down; nil where it then takes no part.
    public let priorityWhenAllFail: Priority?

    /// Whether any failures of trackers, together if need be, move the addresses to `next`.
    public var canMove: Bool { effects.contains(where: \.matters) }
  }

  /// One tracker's failure on a holder.
  public struct Effect: Sendable, Hashable {
    public let tracker: ClusterConfiguration.TrackedBy
    /// What the holder is worth then; nil where it takes no part.
    public let priorityAfter: Priority?
    /// Whether this failure by itself moves the addresses to the next node.
    public let movesAlone: Bool
    /// Whether it does so by itself or tips the scales together with other failures.
    public let matters: Bool
  }
}

extension FailoverAnalysis.Prospect {
  fileprivate init(
    holder: FailoverAnalysis.Standing, next: FailoverAnalysis.Standing?,
    in router: ClusterConfiguration.VirtualRouter
  ) {
    self.holder = holder
    self.next = next
    let scales = Scales(holder: holder, next: next, in: router)
    effects = router.trackers.enumerated().map { index, tracker in
      let alone = scales.tip(with: tracker)
      return FailoverAnalysis.Effect(
        tracker: tracker, priorityAfter: scales.priority(without: tracker), movesAlone: alone,
        matters: alone || scales.canBeTipped(byTrackerAt: index))
    }
    priorityWhenAllFail = router.effectivePriority(of: holder.base, failed: Set(router.trackers.map(\.tracker)))
  }
}

/// A holder weighed against the next node: which failures can bring it below.
struct Scales {
  private let holder: FailoverAnalysis.Standing
  private let next: FailoverAnalysis.Standing?
  /// The holder's priority with all trackers up, not yet brought within 1–254.
  private let sum: Int
  /// What each tracker's failure costs; 0 for those that move the address at once.
  private let costs: [Int]

  init(
    holder: FailoverAnalysis.Standing, next: FailoverAnalysis.Standing?, in router: ClusterConfiguration.VirtualRouter
  ) {
    self.holder = holder
    self.next = next
    sum = Int(holder.base.rawValue) + router.trackers.map { max($0.weight, 0) }.reduce(0, +)
    costs = router.trackers.map { abs($0.weight) }
  }

  /// What the holder is worth while one tracker is down; nil where it takes no part.
  func priority(without tracker: ClusterConfiguration.TrackedBy) -> Priority? {
    if holder.base == .addressOwner { return holder.base }
    return tracker.weight == 0 ? nil : Priority(clamping: sum - abs(tracker.weight))
  }

  /// Whether one tracker's failure moves the addresses.
  ///
  /// A Backup that is merely equal does not take over. RFC 9568 §6.4.2
  func tip(with tracker: ClusterConfiguration.TrackedBy) -> Bool {
    guard let next else { return false }
    return priority(without: tracker).map { $0 < next.priority } ?? true
  }

  /// Whether there are other failures that do not suffice without this one, but do with it.
  func canBeTipped(byTrackerAt index: Int) -> Bool {
    let cost = costs[index]
    guard let needed, cost > 0 else { return false }
    let lacking = max(0, needed - cost)
    guard costs.reduce(0, +) - cost >= lacking else { return false }
    // The sums below `needed` that failures of the others can come to; one that lacks no more than `cost` is sought.
    var reachable = [Bool](repeating: false, count: needed)
    reachable[0] = true
    var highest = 0
    for (other, cost) in costs.enumerated() where other != index && cost > 0 && cost < needed {
      highest = min(highest + cost, needed - 1)
      for sum in stride(from: highest, through: cost, by: -1) where reachable[sum - cost] { reachable[sum] = true }
      if reachable[lacking...].contains(true) { return true }
    }
    return lacking == 0
  }

  /// How much the holder must lose, at least 1; nil where no loss is enough: nothing goes below 1, and 255 stays.
  private var needed: Int? {
    guard let next, next.priority.rawValue > 1, holder.base != .addressOwner else { return nil }
    return max(1, sum - Int(next.priority.rawValue) + 1)
  }
}
