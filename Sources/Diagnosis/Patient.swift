// What is examined: a cluster file, the node of it that this host is, the interfaces that its virtual routers are on, and
// what the running vipd says, where one runs.

import ClusterConfiguration
import ControlAPI
import Glibc
import NetworkTypes
import VRRP

/// This host, as far as it concerns vipd.
public struct Patient: Sendable {
  public var configuration: ClusterConfiguration
  public var file: ClusterFileText
  public var node: ClusterConfiguration.Node
  public var interfaces: [HostInterface]
  /// What vipd says; nil where none runs.
  public var status: NodeStatus?

  public init(
    configuration: ClusterConfiguration, file: ClusterFileText, node: ClusterConfiguration.Node,
    interfaces: [HostInterface], status: NodeStatus? = nil
  ) {
    self.configuration = configuration
    self.file = file
    self.node = node
    self.interfaces = interfaces
    self.status = status
  }

  /// What this node takes part in.
  var routers: [ClusterConfiguration.VirtualRouter] {
    configuration.virtualRouters.filter { router in router.members.contains { $0.node == node.name } }
  }

  /// The other nodes of its virtual routers, in the file's order.
  var peers: [ClusterConfiguration.Node] {
    configuration.nodes.filter { other in
      other.name != node.name && routers.contains { $0.members.contains { $0.node == other.name } }
    }
  }

  /// Where VRRP is spoken: the interfaces that hold the node's addresses, or that the file names.
  var vrrpInterfaces: [HostInterface] {
    let named = Set(routers.compactMap(\.interface))
    let isImplied = routers.contains { $0.interface == nil }
    return interfaces.filter { interface in
      named.contains(interface.name) || isImplied && node.addresses.contains(where: interface.holds)
    }
  }

  /// Where a virtual router's address goes.
  func interface(of address: VirtualAddress, in router: ClusterConfiguration.VirtualRouter) -> HostInterface? {
    if let name = address.interface ?? router.interface { return interfaces.first { $0.name == name } }
    return interfaces.first { interface in
      node.address(address.address.family).map(interface.holds) ?? false
    }
  }

  /// What mends the file, and has the running vipd read it again.
  func commands(_ edit: String) -> [String] { status == nil ? [edit] : [edit, "vipctl reload"] }
}

/// An interface of this host.
public struct HostInterface: Sendable, Hashable {
  public var name: String
  public var index: Int
  public var isUp: Bool
  public var hasCarrier: Bool
  public var addresses: [InterfaceAddress]
  /// Nil where it has none of Ethernet's kind.
  public var hardwareAddress: MACAddress?

  public init(
    name: String, index: Int, isUp: Bool = true, hasCarrier: Bool = true, addresses: [InterfaceAddress] = []
  ) {
    self.name = name
    self.index = index
    self.isUp = isUp
    self.hasCarrier = hasCarrier
    self.addresses = addresses
  }

  var isLoopback: Bool { name == "lo" }

  /// Whether it only joins containers of this host to it, by the names that engines give such interfaces.
  var isForContainers: Bool {
    ["docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "lxc", "podman"].contains { name.hasPrefix($0) }
  }

  func holds(_ address: IPAddress) -> Bool { addresses.contains { $0.address == address } }
}

extension HostInterface {
  /// All of this host's, by their index.
  public static func all() -> [HostInterface] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var found: [String: HostInterface] = [:]
    var next = list
    while let entry = next?.pointee {
      let name = String(cString: entry.ifa_name)
      var interface =
        found[name]
        ?? HostInterface(
          name: name, index: Int(if_nametoindex(name)), isUp: entry.ifa_flags & UInt32(IFF_UP) != 0,
          hasCarrier: entry.ifa_flags & UInt32(IFF_RUNNING) != 0)
      if let address = entry.ifa_addr.flatMap(address), let mask = entry.ifa_netmask.flatMap(Self.address),
        let held = InterfaceAddress(
          address: address, prefixLength: mask.bytes.reduce(0) { $0 + $1.nonzeroBitCount })
      {
        interface.addresses.append(held)
      }
      if let hardware = entry.ifa_addr.flatMap(hardwareAddress) { interface.hardwareAddress = hardware }
      found[name] = interface
      next = entry.ifa_next
    }
    return found.values.sorted { $0.index < $1.index }
  }

  private static func hardwareAddress(_ address: UnsafeMutablePointer<sockaddr>) -> MACAddress? {
    guard CInt(address.pointee.sa_family) == AF_PACKET else { return nil }
    // packet(7), sockaddr_ll: the address's length is its twelfth byte, and the address follows.
    let link = UnsafeRawBufferPointer(start: address, count: 20)
    return link[11] == 6 ? MACAddress(bytes: Array(link[12..<18])) : nil
  }

  private static func address(_ address: UnsafeMutablePointer<sockaddr>) -> IPAddress? {
    switch CInt(address.pointee.sa_family) {
    case AF_INET:
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { inet in
        withUnsafeBytes(of: inet.pointee.sin_addr) { IPAddress(bytes: Array($0)) }
      }
    case AF_INET6:
      address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { inet in
        withUnsafeBytes(of: inet.pointee.sin6_addr) { IPAddress(bytes: Array($0)) }
      }
    default: nil
    }
  }
}
