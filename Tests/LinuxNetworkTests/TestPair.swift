// Two hosts on one cable, and packets as an attacker or a peer would put them on it.

import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

/// Two namespaces joined by a cable, with a `LinuxHost` in each.
struct TestPair {
  let leftNamespace: TestNamespace
  let rightNamespace: TestNamespace
  let left: LinuxHost
  let right: LinuxHost
  let leftLink: NetworkInterface
  let rightLink: NetworkInterface

  static let left4 = ip("192.0.2.1")
  static let right4 = ip("192.0.2.2")
  static let left6 = ip("2001:db8::1")
  static let right6 = ip("2001:db8::2")

  init() throws {
    leftNamespace = try TestNamespace()
    rightNamespace = try TestNamespace()
    try leftNamespace.connect("left", to: rightNamespace, "right")
    try leftNamespace.ip("address add 192.0.2.1/24 dev left")
    try leftNamespace.ip("address add 2001:db8::1/64 dev left nodad")
    try rightNamespace.ip("address add 192.0.2.2/24 dev right")
    try rightNamespace.ip("address add 2001:db8::2/64 dev right nodad")
    left = try leftNamespace.inside { try LinuxHost() }
    right = try rightNamespace.inside { try LinuxHost() }
    leftLink = try left.waitForLink("left")
    rightLink = try right.waitForLink("right")
    try Self.waitForRoutes(of: TestPair.left6, in: leftNamespace)
    try Self.waitForRoutes(of: TestPair.right6, in: rightNamespace)
  }

  /// The kernel takes up an IPv6 address in the background: packets reach it once it is in the table of local routes.
  private static func waitForRoutes(of address: IPAddress, in namespace: TestNamespace) throws {
    let limit = ContinuousClock.now + .seconds(10)
    while try !namespace.ip("-6 route show table local").contains("local \(address) ") {
      try #require(ContinuousClock.now < limit, "\(address) does not come up")
      usleep(1000)
    }
  }

  /// Everything from the left host's addresses that has the VRID.
  func acceptFromLeft(vrids: [UInt8] = [12]) throws {
    let sources = leftLink.addresses.map(\.address.address)
    try right.setReceptionFilter(ReceptionFilter(sources: sources, vrids: vrids, versions: [3]))
  }

  /// A frame from left to right with any headers.
  func forgedFrame(_ payload: [UInt8], from source: IPAddress, to destination: IPAddress, hopLimit: UInt8) -> [UInt8] {
    let ethernet =
      (rightLink.hardwareAddress?.bytes ?? []) + (leftLink.hardwareAddress?.bytes ?? [])
      + (source.family == .ipv4 ? [0x08, 0x00] : [0x86, 0xdd])
    return ethernet + ipHeader(payload.count, from: source, to: destination, hopLimit: hopLimit) + payload
  }

  func forge(
    _ payload: [UInt8], from source: IPAddress, to destination: IPAddress, hopLimit: UInt8 = 255
  ) throws {
    let frame = forgedFrame(payload, from: source, to: destination, hopLimit: hopLimit)
    try left.sendFrame(frame, interfaceIndex: leftLink.index)
  }
}

/// An address that the test knows to be one.
func ip(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
  return address
}

/// An address with a prefix that the test knows to be one.
func withPrefix(_ text: String) -> InterfaceAddress {
  guard let address = InterfaceAddress(text) else { preconditionFailure("\(text) is no address with a prefix") }
  return address
}

func placement(_ text: String, on link: NetworkInterface) -> AddressPlacement {
  AddressPlacement(address: withPrefix(text), interfaceIndex: link.index)
}

/// The head of an advertisement; the checksum is wrong on purpose, since the kernel must not care.
func advertisement(vrid: UInt8, version: UInt8 = 3) -> [UInt8] {
  [version << 4 | 1, vrid, 200, 1, 0, 100, 0xde, 0xad, 192, 0, 2, 9]
}

/// An IP header of protocol 112 without options or extensions.
func ipHeader(_ length: Int, from source: IPAddress, to destination: IPAddress, hopLimit: UInt8) -> [UInt8] {
  switch source.family {
  case .ipv4:
    var header: [UInt8] =
      [0x45, 0xc0] + bigEndianBytes(of: UInt16(20 + length)) + [0, 0, 0, 0, hopLimit, 112, 0, 0]
      + source.bytes + destination.bytes
    var sum = stride(from: 0, to: 20, by: 2).reduce(0) { $0 + (Int(header[$1]) << 8 | Int(header[$1 + 1])) }
    while sum > 0xffff { sum = sum >> 16 + sum & 0xffff }
    header.replaceSubrange(10..<12, with: bigEndianBytes(of: ~UInt16(sum)))
    return header
  case .ipv6:
    return [0x6c, 0, 0, 0] + bigEndianBytes(of: UInt16(length)) + [112, hopLimit] + source.bytes + destination.bytes
  }
}

extension LinuxHost {
  /// The interface, once it is up and has its link-local address: the kernel brings links up in the background.
  func waitForLink(_ name: String) throws -> NetworkInterface {
    while true {
      let link = try interfaces().first { $0.name == name }
      if let link, link.isUp, link.addresses.contains(where: \.address.address.isLinkLocal) { return link }
      try #require(waitUntilReadable([changeDescriptor]), "\(name) does not come up")
      _ = drainChanges()
    }
  }

  /// The next packet, waited for.
  func waitForDatagram() -> ReceivedDatagram? {
    while true {
      if let datagram = nextDatagram() { return datagram }
      guard waitUntilReadable(receptionDescriptors) else { return nil }
    }
  }

  /// The next packet that the filter turned away, waited for.
  func waitForRejected() async throws -> ReceivedDatagram? {
    var found: ReceivedDatagram?
    _ = try await eventually {
      found = nextRejectedDatagram()
      return found != nil
    }
    return found
  }
}
