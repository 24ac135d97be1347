// What is simulated: the hosts of one network segment, each with its part of the cluster file, and the clients whose
// neighbour tables tell whether traffic would reach the holder.

import NetworkTypes
import VRRP

public struct SimulatedCluster: Sendable, Hashable {
  public var nodes: [Node]
  /// Hosts that use the virtual addresses and speak no VRRP.
  public var clients: [String]

  /// - Parameters:
  ///   - nodes: at least one; names differ, from those of the clients too.
  public init(nodes: [Node], clients: [String] = []) {
    self.nodes = nodes
    self.clients = clients
  }

  public struct Node: Sendable, Hashable {
    public var name: String
    /// What the cluster file comes to for this node.
    public var virtualRouters: [VirtualRouterConfiguration]

    public init(name: String, virtualRouters: [VirtualRouterConfiguration]) {
      self.name = name
      self.virtualRouters = virtualRouters
    }
  }
}

extension [VirtualRouterConfiguration] {
  /// Every tracker that one of these refers to, once, in order of appearance.
  var trackerNames: [String] {
    reduce(into: []) { names, configuration in
      for tracker in configuration.trackers.map(\.tracker) where !names.contains(tracker) { names.append(tracker) }
    }
  }
}
