// What a node's kernel says of its addresses: the last word on who holds a virtual address.

import CLinux
import Glibc

/// An address that an interface in a node holds.
public struct NodeAddress: Sendable, Hashable {
  public var interface: String
  /// Canonical text, without zone and prefix length.
  public var address: String
  public var prefixLength: Int

  /// Canonical text for 4 or 16 bytes.
  static func text(of bytes: [UInt8]) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
      let family = bytes.count == 4 ? AF_INET : AF_INET6
      guard inet_ntop(family, bytes, buffer.baseAddress, socklen_t(buffer.count)) != nil, let text = buffer.baseAddress
      else { return "?" }
      return String(cString: text)
    }
  }
}

extension TestbedNode {
  /// All addresses of all interfaces but loopback; none of a dead host.
  public var addresses: [NodeAddress] {
    guard let holder = try? living() else { return [] }
    return (try? holder.inNetwork { Self.addressesHere() }) ?? []
  }

  /// Whether the node holds an address now, given without prefix length.
  public func holds(_ address: String) -> Bool { addresses.contains { $0.address == address } }

  /// Removes an address behind the back of whoever added it.
  public func deleteAddress(_ address: String, interface: String = "eth0") throws(TestbedError) {
    try Wire.batch(["addr del \(address) dev \(interface)"], in: living())
  }

  private static func addressesHere() -> [NodeAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    return sequence(first: list, next: { $0?.pointee.ifa_next }).prefix { $0 != nil }.compactMap { entry in
      guard let entry = entry?.pointee, let address = entry.ifa_addr, let mask = entry.ifa_netmask else { return nil }
      let interface = String(cString: entry.ifa_name)
      guard interface != "lo", let bytes = bytes(of: address), let maskBytes = Self.bytes(of: mask) else { return nil }
      let length = maskBytes.reduce(0) { $0 + $1.nonzeroBitCount }
      return NodeAddress(interface: interface, address: NodeAddress.text(of: bytes), prefixLength: length)
    }
  }

  private static func bytes(of address: UnsafeMutablePointer<sockaddr>) -> [UInt8]? {
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        withUnsafeBytes(of: $0.pointee.sin_addr) { Array($0) }
      }
    case AF_INET6:
      address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
        withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) }
      }
    default: nil
    }
  }
}

extension Testbed {
  /// The nodes that hold an address now, by what their kernels say.
  public func holders(of address: String) -> [TestbedNode] { nodes.filter { $0.holds(address) } }
}
