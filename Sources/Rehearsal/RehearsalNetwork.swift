// From a cluster's addresses to the networks that a test bed needs: which interface is where, with which prefix, and from
// which address the client asks.

import Glibc

extension RehearsalPlan {
  /// The interface that is meant where the file names none.
  static let standardInterface = "eth0"

  /// The test bed on which this cluster can run.
  var layout: TestbedLayout {
    let nodes = nodes.map { node in
      TestbedLayout.Node(
        node.name,
        interfaces.map { interface in
          let own = interface == nodeInterface ? node.addresses.map(withPrefixLength) : []
          return TestbedLayout.Interface(interface, network: interface, addresses: own)
        })
    }
    let client = TestbedLayout.Node(
      "client",
      interfaces.map { TestbedLayout.Interface($0, network: $0, addresses: clientAddresses(on: $0)) })
    return TestbedLayout(nodes: nodes, client: client)
  }

  /// The interface that holds the nodes' own addresses: the one that VRRP is said to be spoken on.
  var nodeInterface: String { virtualRouters.lazy.compactMap(\.interface).first ?? Self.standardInterface }

  /// All that the file mentions, the nodes' own first.
  var interfaces: [String] {
    let mentioned = virtualRouters.flatMap { router in [router.interface] + router.addresses.map(\.interface) }
    return mentioned.compactMap { $0 }.reduce(into: [nodeInterface]) { found, name in
      if !found.contains(name) { found.append(name) }
    }
  }

  func interface(of address: Address, in router: VirtualRouter) -> String {
    address.interface ?? router.interface ?? nodeInterface
  }

  /// What a client on an interface's network has to ask: all virtual addresses there, in the file's order.
  private func virtualAddresses(on interface: String) -> [Address] {
    virtualRouters.flatMap { router in router.addresses.filter { self.interface(of: $0, in: router) == interface } }
  }

  /// A node's address with the length of its network's prefix, which the file does not tell: that of a virtual address beside
  /// it, else the usual one, else as much as all nodes have in common.
  private func withPrefixLength(_ address: String) -> String {
    guard let range = AddressRange(address, prefixLength: 0) else { return address }
    let beside = virtualAddresses(on: nodeInterface).compactMap {
      AddressRange($0.address, prefixLength: $0.prefixLength)
    }
    if let network = beside.first(where: { $0.prefixLength < $0.bits && $0.contains(range.address) }) {
      return "\(address)/\(network.prefixLength)"
    }
    let peers = nodes.flatMap(\.addresses).compactMap { AddressRange($0, prefixLength: 0) }
      .filter { $0.bits == range.bits }
    let common = peers.map { $0.commonPrefixLength(with: range) }.min() ?? range.bits
    return "\(address)/\(min(common, range.bits == 32 ? 24 : 64))"
  }

  /// A free address in each network that there is on an interface.
  private func clientAddresses(on interface: String) -> [String] {
    let ownTexts = interface == nodeInterface ? nodes.flatMap(\.addresses).map(withPrefixLength) : []
    let own = ownTexts.compactMap { AddressRange($0) }
    let virtual = virtualAddresses(on: interface).compactMap { AddressRange($0.address, prefixLength: $0.prefixLength) }
    var taken = Set((own + virtual).map(\.address))
    var chosen: [AddressRange] = []
    for range in own + virtual where range.prefixLength < range.bits && !range.isLinkLocal {
      if chosen.contains(where: { $0.contains(range.address) }) { continue }
      guard let free = range.highestFree(besides: taken) else { continue }
      taken.insert(free.address)
      chosen.append(free)
    }
    return chosen.map(\.description)
  }

  /// Virtual addresses that lie in no network of the client's, as those of full prefix length often do: it needs a route.
  var routesForClient: [(address: String, interface: String)] {
    interfaces.flatMap { interface in
      let reachable = clientAddresses(on: interface).compactMap { AddressRange($0) }
      return virtualAddresses(on: interface).filter { address in
        guard let range = AddressRange(address.address, prefixLength: address.prefixLength) else { return false }
        return !range.isLinkLocal && !reachable.contains { $0.contains(range.address) }
      }.map { ($0.address, interface) }
    }
  }
}

/// An address in its network.
struct AddressRange: Sendable, Hashable, CustomStringConvertible {
  /// 4 or 16, in network order.
  let address: [UInt8]
  let prefixLength: Int

  init(address: [UInt8], prefixLength: Int) {
    self.address = address
    self.prefixLength = prefixLength
  }

  /// Nil unless `text` is an IPv4 or IPv6 address.
  init?(_ text: String, prefixLength: Int) {
    let isIPv6 = text.contains(":")
    var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    guard inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &bytes) == 1 else { return nil }
    self.init(address: bytes, prefixLength: prefixLength)
  }

  /// Reads `address/length`.
  init?(_ text: String) {
    let parts = text.split(separator: "/")
    guard parts.count == 2, let length = Int(parts[1]) else { return nil }
    self.init(String(parts[0]), prefixLength: length)
  }

  var bits: Int { address.count * 8 }
  var isLinkLocal: Bool { address.count == 16 && address[0] == 0xfe && address[1] & 0xc0 == 0x80 }
  var description: String { "\(NodeAddress.text(of: address))/\(prefixLength)" }

  func commonPrefixLength(with other: AddressRange) -> Int {
    var length = 0
    for (mine, theirs) in zip(address, other.address) {
      guard mine == theirs else { return length + (mine ^ theirs).leadingZeroBitCount }
      length += 8
    }
    return length
  }

  func contains(_ other: [UInt8]) -> Bool {
    other.count == address.count
      && commonPrefixLength(with: AddressRange(address: other, prefixLength: 0)) >= prefixLength
  }

  /// The highest address of the network that is neither in use nor, in IPv4, its broadcast address; looks at 250 of them.
  func highestFree(besides taken: Set<[UInt8]>) -> AddressRange? {
    var candidate = address
    for bit in prefixLength..<bits { candidate[bit / 8] |= 0x80 >> (bit % 8) }
    for _ in 0..<250 {
      // Below the highest one: it is the broadcast address in IPv4, and a reserved anycast address in IPv6.
      guard let lowered = Self.decremented(candidate), contains(lowered) else { return nil }
      candidate = lowered
      if !taken.contains(candidate) { return AddressRange(address: candidate, prefixLength: prefixLength) }
    }
    return nil
  }

  private static func decremented(_ bytes: [UInt8]) -> [UInt8]? {
    var bytes = bytes
    for index in bytes.indices.reversed() {
      if bytes[index] > 0 {
        bytes[index] -= 1
        return bytes
      }
      bytes[index] = 0xff
    }
    return nil
  }
}
