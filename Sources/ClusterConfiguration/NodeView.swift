// One node's view of the cluster: which of the nodes am I, and in what do I take part?

import NetworkTypes
import VRRP

extension ClusterConfiguration {
  /// What `name` must know of each virtual router that it takes part in, in the file's order; empty for a name that
  /// is not in the cluster.
  public func virtualRouters(for name: NodeName) -> [VirtualRouterConfiguration] {
    guard let me = node(named: name) else { return [] }
    return virtualRouters.compactMap { router in
      guard let membership = router.members.first(where: { $0.node == name }) else { return nil }
      return VirtualRouterConfiguration(
        name: router.name.rawValue,
        vrid: router.vrid,
        version: router.version,
        priority: membership.priority,
        interval: router.interval,
        preemption: router.preemption,
        families: router.families.compactMap { familyConfiguration(of: router, family: $0, for: me) },
        trackers: router.trackerWeights,
        minimumHopLimit: router.minimumHopLimit,
        transport: router.transport,
        checksum: router.checksum,
        password: router.password?.text,
        isLeased: router.lease == .on,
        givesWay: router.oneWay == .yield,
        releasesWhenUnfit: router.whenAllFail == .release
      )
    }
  }

  /// Nil where the node has no address of that family, which a validated configuration excludes.
  private func familyConfiguration(
    of router: VirtualRouter, family: IPFamily, for me: Node
  ) -> FamilyConfiguration? {
    guard let localAddress = me.address(family) else { return nil }
    let peers = router.members.compactMap { member -> Peer? in
      guard member.node != me.name, let address = node(named: member.node)?.address(family) else { return nil }
      return Peer(
        node: member.node.rawValue, address: address, healthyPriority: router.healthyPriority(of: member.priority))
    }
    return FamilyConfiguration(
      localAddress: localAddress,
      interface: router.interface,
      peers: peers,
      addresses: router.addresses.filter { $0.address.family == family })
  }

  /// The node that this host is: the one of whose addresses the host holds at least one.
  ///
  /// - Parameter held: all addresses that the host's interfaces hold.
  /// - Throws: `NodeSearchError` where none or several nodes fit.
  public func node(holding held: Set<IPAddress>) throws(NodeSearchError) -> Node {
    let fitting = nodes.filter { !held.isDisjoint(with: $0.addresses) }
    guard let found = fitting.first else { throw .noneFits(nodes: nodes, held: held.sorted()) }
    guard fitting.count == 1 else { throw .severalFit(fitting, held: held.sorted()) }
    return found
  }
}

extension ClusterConfiguration.VirtualRouter {
  /// The trackers as the core knows them.
  var trackerWeights: [TrackerWeight] {
    trackers.map { TrackerWeight(tracker: $0.tracker.rawValue, weight: $0.weight) }
  }

  /// What a member of this priority contends with while all its trackers are up.
  fileprivate func healthyPriority(of priority: Priority) -> Priority {
    Fitness(of: priority, weights: trackerWeights) { _ in true }.priority
  }
}

/// Why a host could not tell which node of the file it is.
public enum NodeSearchError: Error, Sendable, Hashable, CustomStringConvertible {
  case noneFits(nodes: [ClusterConfiguration.Node], held: [IPAddress])
  case severalFit([ClusterConfiguration.Node], held: [IPAddress])

  public var description: String {
    switch self {
    case .noneFits(let nodes, let held):
      """
      this host is none of the cluster's nodes: it holds \(Self.list(held)), the file has \(Self.list(nodes)) \
      (correct the file or the host's address, or say which node this is with --node NAME)
      """
    case .severalFit(let nodes, let held):
      """
      this host could be any of \(nodes.count) nodes: it holds \(Self.list(held)), the file has \(Self.list(nodes)) \
      (say which node this is with --node NAME)
      """
    }
  }

  /// Loopback addresses are every host's, so they only lengthen the message.
  private static func list(_ addresses: [IPAddress]) -> String {
    let telling = addresses.filter { !$0.isLoopback }
    return telling.isEmpty ? "no address" : telling.map(\.description).joined(separator: ", ")
  }

  private static func list(_ nodes: [ClusterConfiguration.Node]) -> String {
    nodes.map { "\($0.name) at \($0.addresses.map(\.description).joined(separator: " and "))" }.joined(separator: ", ")
  }
}

extension IPAddress {
  /// 127.0.0.0/8 or ::1.
  package var isLoopback: Bool {
    switch self {
    case .v4(let address): address.rawValue >> 24 == 127
    case .v6(let address): address.rawValue == 1
    }
  }
}
