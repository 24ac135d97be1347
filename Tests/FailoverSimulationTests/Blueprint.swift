// A cluster in a few words, for tests: what a cluster file would say, and what it comes to on each node.

import FailoverSimulation
import NetworkTypes
import VRRP

struct Blueprint: Equatable {
  var nodes: [Node] = []
  var routers: [Router] = []
  var clients: [String] = []

  struct Node: Equatable {
    var name: String
    /// One of each family at most.
    var addresses: [IPAddress]
  }

  struct Router: Equatable {
    var name: String
    var vrid: VRID
    var addresses: [InterfaceAddress]
    /// The nodes that take part, each with its priority here.
    var members: [Member]
    var interval: AdvertisementInterval = .oneSecond
    var preemption: Preemption = .immediate
    var trackers: [TrackerWeight] = []
    var transport: Transport = .unicast
    var version: VRRPVersion = .v3
    /// Version 2's.
    var password: SimplePassword?
  }

  struct Member: Equatable {
    var node: String
    var priority: Priority
  }

  var cluster: SimulatedCluster {
    SimulatedCluster(
      nodes: nodes.map { SimulatedCluster.Node(name: $0.name, virtualRouters: configurations(for: $0.name)) },
      clients: clients)
  }

  func configurations(for node: String) -> [VirtualRouterConfiguration] {
    routers.compactMap { router in
      router.members.first { $0.node == node }.map { configuration(of: router, for: $0) }
    }
  }

  private func configuration(of router: Router, for member: Member) -> VirtualRouterConfiguration {
    let me = nodes.first { $0.name == member.node }
    let families = IPFamily.allCases.compactMap { family -> FamilyConfiguration? in
      let addresses = router.addresses.filter { $0.family == family }.map { VirtualAddress($0) }
      guard !addresses.isEmpty, let local = me?.address(family) else { return nil }
      let peers = router.members.filter { $0.node != member.node }.compactMap { other in
        nodes.first { $0.name == other.node }?.address(family).map {
          Peer(node: other.node, address: $0, healthyPriority: router.healthyPriority(of: other))
        }
      }
      return FamilyConfiguration(localAddress: local, peers: peers, addresses: addresses)
    }
    return VirtualRouterConfiguration(
      name: router.name, vrid: router.vrid, version: router.version, priority: member.priority,
      interval: router.interval,
      preemption: router.preemption, families: families, trackers: router.trackers, transport: router.transport,
      password: router.password)
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
func given<Value>(_ value: Value?) -> Value {
  guard let value else { preconditionFailure("a fixture is wrong") }
  return value
}
