// A cluster in a few words, for tests: what a cluster file would say, and what it comes to on each node.

import FailoverSimulation
import NetworkTypes
import VRRP

package struct Blueprint: Equatable, Sendable {
  package var nodes: [Node] = []
  package var routers: [Router] = []
  package var clients: [String] = []

  package struct Node: Equatable, Sendable {
    package var name: String
    /// One of each family at most.
    package var addresses: [IPAddress]
  }

  package struct Router: Equatable, Sendable {
    package var name: String
    package var vrid: VRID
    package var addresses: [InterfaceAddress]
    /// The nodes that take part, each with its priority here.
    var members: [Member]
    var interval: AdvertisementInterval = .oneSecond
    var preemption: Preemption = .immediate
    var trackers: [TrackerWeight] = []
    var transport: Transport = .unicast
    var givesWay = true
    var releasesWhenUnfit = false
    package var version: VRRPVersion = .v3
    /// Version 2 alone has one.
    var password: SimplePassword?
  }

  package struct Member: Equatable, Sendable {
    var node: String
    var priority: Priority
  }

  package var cluster: SimulatedCluster {
    SimulatedCluster(
      nodes: nodes.map { SimulatedCluster.Node(name: $0.name, virtualRouters: configurations(for: $0.name)) },
      clients: clients)
  }

  package func configurations(for node: String) -> [VirtualRouterConfiguration] {
    routers.compactMap { router in
      router.members.first { $0.node == node }.map { configuration(of: router, for: $0) }
    }
  }

  private func configuration(of router: Router, for member: Member) -> VirtualRouterConfiguration {
    let index = nodes.firstIndex { $0.name == member.node }
    let me = index.map { nodes[$0] }
    let families = IPFamily.allCases.compactMap { family -> FamilyConfiguration? in
      let addresses = router.addresses.filter { $0.family == family }.map { VirtualAddress($0) }
      guard !addresses.isEmpty, let local = me?.address(family) else { return nil }
      let peers = router.members.filter { $0.node != member.node }.compactMap { other in
        nodes.first { $0.name == other.node }?.address(family).map {
          Peer(node: other.node, address: $0, healthyPriority: router.healthyPriority(of: other))
        }
      }
      // Multicast over IPv6 comes from a link-local address, which no file names (TX-3).
      let linkLocal = index.flatMap { IPAddress("fe80::a:\($0 + 1)") }
      return FamilyConfiguration(
        localAddress: local, primaryAddress: router.transport == .multicast && family == .ipv6 ? linkLocal : local,
        peers: peers, addresses: addresses)
    }
    return VirtualRouterConfiguration(
      name: router.name, vrid: router.vrid, version: router.version, priority: member.priority,
      interval: router.interval, preemption: router.preemption, families: families, trackers: router.trackers,
      transport: router.transport, password: router.password, givesWay: router.givesWay,
      releasesWhenUnfit: router.releasesWhenUnfit)
  }
}

extension Blueprint.Node {
  func address(_ family: IPFamily) -> IPAddress? { addresses.first { $0.family == family } }
}

extension Blueprint.Router {
  /// What a member contends with while nothing is wrong with it.
  fileprivate func healthyPriority(of member: Blueprint.Member) -> Priority {
    guard member.priority != .addressOwner else { return .addressOwner }
    return Priority(clamping: trackers.map(\.weight).filter { $0 > 0 }.reduce(Int(member.priority.rawValue), +))
  }
}

/// A fixture that is known to be right.
package func given<Value>(_ value: Value?) -> Value {
  guard let value else { preconditionFailure("a fixture is wrong") }
  return value
}
