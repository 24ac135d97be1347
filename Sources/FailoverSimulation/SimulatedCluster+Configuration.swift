// From the cluster file to a cluster that can be simulated.

import ClusterConfiguration
import NetworkTypes
import VRRP

extension SimulatedCluster {
  /// Every node of the file with all virtual routers that it takes part in.
  public init(_ configuration: ClusterConfiguration, clients: [String] = []) {
    let nodes = configuration.nodes.map { node in
      Node(
        name: node.name.rawValue,
        virtualRouters: configuration.virtualRouters(for: node.name).withLinkLocalAddresses(of: node, in: configuration)
      )
    }
    self.init(nodes: nodes, clients: clients)
  }

  /// One virtual router by itself, and the nodes that take part in it: elections do not know of each other.
  init(_ router: ClusterConfiguration.VirtualRouter, of configuration: ClusterConfiguration) {
    let nodes = configuration.nodes.compactMap { node -> Node? in
      let mine = configuration.virtualRouters(for: node.name).filter { $0.vrid == router.vrid }
      return mine.isEmpty
        ? nil : Node(name: node.name.rawValue, virtualRouters: mine.withLinkLocalAddresses(of: node, in: configuration))
    }
    self.init(nodes: nodes)
  }
}

extension [VirtualRouterConfiguration] {
  /// As the host fills it in: multicast over IPv6 comes from the interface's link-local address (TX-3), which no file
  /// names. One of each node's own is made up.
  fileprivate func withLinkLocalAddresses(
    of node: ClusterConfiguration.Node, in configuration: ClusterConfiguration
  ) -> Self {
    guard let index = configuration.nodes.firstIndex(of: node) else { return self }
    let linkLocal = IPAddress.v6(IPv6Address(rawValue: 0xfe80 << 112 | 0xa_0000 | UInt128(index + 1)))
    return map { router in
      guard router.transport == .multicast else { return router }
      var router = router
      for index in router.families.indices where router.families[index].family == .ipv6 {
        router.families[index].primaryAddress = linkLocal
      }
      return router
    }
  }
}
