// From the cluster file to a cluster that can be simulated.

import ClusterConfiguration
import VRRP

extension SimulatedCluster {
  /// Every node of the file with all virtual routers that it takes part in.
  public init(_ configuration: ClusterConfiguration, clients: [String] = []) {
    let nodes = configuration.nodes.map { node in
      Node(name: node.name.rawValue, virtualRouters: configuration.virtualRouters(for: node.name))
    }
    self.init(nodes: nodes, clients: clients)
  }

  /// One virtual router by itself, and the nodes that take part in it: elections do not know of each other.
  init(_ router: ClusterConfiguration.VirtualRouter, of configuration: ClusterConfiguration) {
    let nodes = configuration.nodes.compactMap { node -> Node? in
      let mine = configuration.virtualRouters(for: node.name).filter { $0.vrid == router.vrid }
      return mine.isEmpty ? nil : Node(name: node.name.rawValue, virtualRouters: mine)
    }
    self.init(nodes: nodes)
  }
}
