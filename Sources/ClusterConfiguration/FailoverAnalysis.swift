// What failing trackers would do to a virtual router, by arithmetic alone: who holds it, who is next, and whether a failure
// on the holder is worth enough to move it there. `vipctl plan` plays the same in time; this needs none.

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
    let ranking = router.members.compactMap { Standing($0, in: router, of: cluster) }.sorted(by: >)
    prospects = ranking.indices.map { index in
      Prospect(holder: ranking[index], next: ranking.dropFirst(index + 1).first, in: router)
    }
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
    /// A Backup that is merely equal does not take over: RFC 9568 §6.4.2 (455).
    func moves(_ failed: Set<TrackerName>) -> Bool {
      guard let next else { return false }
      guard let left = router.effectivePriority(of: holder.base, failed: failed) else { return true }
      return left < next.priority
    }
    let scales = Scales(holder: holder, next: next, in: router)
    effects = router.trackers.map { tracker in
      let alone = moves([tracker.tracker])
      return FailoverAnalysis.Effect(
        tracker: tracker,
        priorityAfter: router.effectivePriority(of: holder.base, failed: [tracker.tracker]),
        movesAlone: alone,
        matters: alone || scales.canBeTipped(by: tracker))
    }
    priorityWhenAllFail = router.effectivePriority(of: holder.base, failed: Set(router.trackers.map(\.tracker)))
  }
}

/// Which failures can, with others, bring a holder below the next node.
private struct Scales {
  /// How much the holder must lose; nil where no loss is enough.
  private let needed: Int?
  /// What each tracker's failure costs, without those that cost nothing in numbers (weight 0 moves the address at once).
  private let costs: [TrackerName: Int]

  init(
    holder: FailoverAnalysis.Standing, next: FailoverAnalysis.Standing?, in router: ClusterConfiguration.VirtualRouter
  ) {
    let weighted = router.trackers.filter { $0.weight != 0 }
    costs = Dictionary(weighted.map { ($0.tracker, abs($0.weight)) }, uniquingKeysWith: { first, _ in first })
    // Nothing goes below 1, and 255 stays what it is.
    guard let next, next.priority.rawValue > 1, holder.base != .addressOwner else {
      needed = nil
      return
    }
    let unclamped = Int(holder.base.rawValue) + weighted.map { max($0.weight, 0) }.reduce(0, +)
    needed = unclamped - Int(next.priority.rawValue) + 1
  }

  /// Whether there are other failures that do not suffice without this one, but do with it.
  func canBeTipped(by tracker: ClusterConfiguration.TrackedBy) -> Bool {
    guard let needed, needed > 0, let cost = costs[tracker.tracker] else { return false }
    // The sums below `needed` that failures of the others can come to.
    var reachable = [Bool](repeating: false, count: needed)
    reachable[0] = true
    for (other, cost) in costs where other != tracker.tracker && cost < needed {
      for sum in stride(from: needed - 1, through: cost, by: -1) where reachable[sum - cost] { reachable[sum] = true }
    }
    return reachable[max(0, needed - cost)...].contains(true)
  }
}
