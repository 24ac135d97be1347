// Which nodes a test bed has, and how they are wired.

public struct TestbedLayout: Sendable, Hashable {
  public var nodes: [Node]
  /// The host from which the traffic comes: a node like the others, but for its place.
  public var client: Node
  /// Whether IPv6 addresses wait for duplicate address detection (more than a second) as they do on a real host.
  public var duplicateAddressDetection = false

  public init(nodes: [Node], client: Node) {
    self.nodes = nodes
    self.client = client
  }

  public struct Node: Sendable, Hashable {
    /// Also its host name.
    public var name: String
    public var interfaces: [Interface]

    public init(_ name: String, _ interfaces: [Interface]) {
      self.name = name
      self.interfaces = interfaces
    }
  }

  public struct Interface: Sendable, Hashable {
    /// At most 15 bytes.
    public var name: String
    /// Interfaces of the same network see each other.
    public var network: String
    /// With prefix lengths, of either family.
    public var addresses: [String]

    public init(_ name: String = "eth0", network: String = "lan", addresses: [String]) {
      self.name = name
      self.network = network
      self.addresses = addresses
    }
  }

  /// Nodes `n1`, `n2`, … at 10.0.10.31, .32, … and fd10::31, ::32, … on one network; the client at .250.
  public static func lan(nodes count: Int = 3) -> TestbedLayout {
    TestbedLayout(
      nodes: (0..<count).map { index in
        Node("n\(index + 1)", [Interface(addresses: ["10.0.10.\(31 + index)/24", "fd10::\(31 + index)/64"])])
      },
      client: Node("client", [Interface(addresses: ["10.0.10.250/24", "fd10::250/64"])]))
  }

  /// In the order of their first mention.
  var networks: [String] {
    (nodes + [client]).flatMap(\.interfaces).map(\.network).reduce(into: []) { networks, network in
      if !networks.contains(network) { networks.append(network) }
    }
  }
}
