// The failover matrix of a cluster: for every node and everything that can fail on it, who holds the addresses before and
// after, and for how long nobody does. Found by simulation, so it says what vipd does and not what it was meant to do.

import ClusterConfiguration
import VRRP

public struct FailoverPlan: Sendable, Hashable {
  public var cluster: String
  public var virtualRouters: [VirtualRouter]

  /// Plays every fault on the virtual routers of a cluster, each by itself.
  /// - Parameters:
  ///   - routers: only these; all where nil.
  ///   - nodes: only faults on these; all where nil. Chains of failures always go through all nodes.
  ///   - progress: told the name of each virtual router before it is played.
  public init(
    of configuration: ClusterConfiguration, routers: Set<VirtualRouterName>? = nil, nodes: Set<NodeName>? = nil,
    progress: (VirtualRouterName) -> Void = { _ in }
  ) {
    cluster = configuration.name
    virtualRouters = configuration.virtualRouters.filter { routers?.contains($0.name) ?? true }.map { router in
      progress(router.name)
      return Planner(router, in: configuration).plan(nodes: nodes)
    }
  }

  /// How often something deserves the admin's attention.
  public var markCount: Int {
    virtualRouters.map { $0.rows.count { $0.mark != nil } + $0.chains.count { $0.mark != nil } }.reduce(0, +)
  }

  public struct VirtualRouter: Sendable, Hashable {
    public var name: VirtualRouterName
    public var addresses: [VirtualAddress]
    public var interval: AdvertisementInterval
    /// Who holds the addresses while all is well; nil for nobody.
    public var holder: NodeName?
    /// One for each fault on each node: in the file's order of nodes, and of faults as ``Fault/all(of:)`` has them.
    public var rows: [Row]
    /// What comes of failures one after another.
    public var chains: [Chain]
  }

  public enum Fault: Sendable, Hashable {
    case trackerFails(TrackerName)
    /// The host loses power.
    case hostDies
    case linkCut
    /// vipd is told to end (SIGTERM).
    case stopped
    /// Carrier stays, but the node and the rest do not hear each other.
    case cutOff

    /// What can befall a node, as far as this virtual router is concerned.
    public static func all(of router: ClusterConfiguration.VirtualRouter) -> [Fault] {
      router.trackers.map { .trackerFails($0.tracker) } + [.hostDies, .linkCut, .stopped, .cutOff]
    }
  }

  /// One fault on one node, all else being well. Times are the least and the most over all phases between the fault and
  /// the holder's advertisements, and a tracker's checks.
  public struct Row: Sendable, Hashable {
    public var fault: Fault
    public var node: NodeName
    public var before: NodeName?
    /// Who holds the addresses once all has settled: nobody, one node, or each side's while a node is cut off.
    public var after: [NodeName]
    /// From the fault until the new holder has the addresses, the tracker's detection included; nil where nobody takes over.
    public var movedAfter: ClosedRange<Duration>?
    /// How long no node had the addresses that clients could reach: those with the rest, where a node is cut off. Nil
    /// where nobody takes over, so that it does not end.
    public var unheld: ClosedRange<Duration>?
    /// How long two nodes had the addresses while they could hear each other: after a partition was healed.
    public var contested: ClosedRange<Duration>
    /// How long it takes until vipd knows; nil for what no tracker tells.
    public var detection: ClosedRange<Duration>?
    /// The rule that decided, in words.
    public var reason: String
    public var mark: Mark?

    public var isMove: Bool { after != [before].compactMap(\.self) }
  }

  /// A tracker fails on the holder, then one on its successor, and so on until the addresses stay or nobody is left.
  public struct Chain: Sendable, Hashable {
    public var failures: [Failure]
    /// The holder at first, and after each of the failures; nil for nobody.
    public var holders: [NodeName?]
    public var mark: Mark?

    public struct Failure: Sendable, Hashable {
      public var tracker: TrackerName
      public var node: NodeName
    }

    /// Whether it is one tracker that fails on node after node.
    public var isUniform: Bool { Set(failures.map(\.tracker)).count == 1 }
  }

  /// What deserves the admin's attention.
  public enum Mark: String, Sendable, Hashable, CaseIterable {
    /// No node holds the addresses afterwards.
    case leavesNobody = "leaves_nobody"
    /// The tracker's weight is too small to move the addresses, whatever else fails. `vipctl check` warns of the same.
    case neverMoves = "never_moves"
    /// The addresses are on a node with failed trackers, although another has none.
    case unfitHolder = "unfit_holder"
  }
}
