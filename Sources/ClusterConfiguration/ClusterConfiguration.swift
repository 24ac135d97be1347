// The cluster file after it was read and found good: what vipd runs by, what the simulator plays, what `vipctl check`
// sums up. Whoever holds one of these need not check anything again; `ClusterFile` makes them from text.

import NetworkTypes
import VRRP

/// A whole cluster: the same on every node.
public struct ClusterConfiguration: Sendable, Hashable {
  /// The cluster's name, by which people tell two clusters apart.
  public var name: String
  /// At least one, in the file's order: of preference. Names and addresses are unique.
  public var nodes: [Node]
  /// In the file's order. Names are unique.
  public var trackers: [Tracker]
  /// At least one, in the file's order. Names, VRIDs and addresses are unique.
  public var virtualRouters: [VirtualRouter]
  public var control: Control

  public init(
    name: String, nodes: [Node], trackers: [Tracker] = [], virtualRouters: [VirtualRouter], control: Control = Control()
  ) {
    self.name = name
    self.nodes = nodes
    self.trackers = trackers
    self.virtualRouters = virtualRouters
    self.control = control
  }

  /// One host of the cluster: a VRRP Router.
  public struct Node: Sendable, Hashable {
    public var name: NodeName
    /// One or two, each family at most once, IPv4 first: VRRP is spoken from here.
    public var addresses: [IPAddress]
    /// The file's, or 250, 240, 230, … in order where the file gives none.
    public var priority: Priority

    public init(name: NodeName, addresses: [IPAddress], priority: Priority) {
      self.name = name
      self.addresses = addresses
      self.priority = priority
    }

    /// Its address of that family; nil where it has none.
    public func address(_ family: IPFamily) -> IPAddress? { addresses.first { $0.family == family } }
  }

  /// How `vipctl` and monitoring reach the daemon.
  public struct Control: Sendable, Hashable {
    /// An absolute path.
    public var socket: String
    /// Where read-only HTTP is served; nil for nowhere (`listen: off`).
    public var listen: Endpoint?

    public init(socket: String = Control.standardSocket, listen: Endpoint? = .standard) {
      self.socket = socket
      self.listen = listen
    }

    public static let standardSocket = "/run/vipd/vipd.sock"
  }

  /// An address and a TCP port.
  public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16

    public init(address: IPAddress, port: UInt16) {
      self.address = address
      self.port = port
    }

    /// 127.0.0.1:9112
    public static let standard = Endpoint(address: .v4(IPv4Address(rawValue: 0x7f00_0001)), port: 9112)

    /// `127.0.0.1:9112`, `[::1]:9112`
    public var description: String {
      switch address.family {
      case .ipv4: "\(address):\(port)"
      case .ipv6: "[\(address)]:\(port)"
      }
    }
  }
}

extension ClusterConfiguration {
  public func node(named name: NodeName) -> Node? { nodes.first { $0.name == name } }
  public func tracker(named name: TrackerName) -> Tracker? { trackers.first { $0.name == name } }
  public func virtualRouter(named name: VirtualRouterName) -> VirtualRouter? {
    virtualRouters.first { $0.name == name }
  }
}
