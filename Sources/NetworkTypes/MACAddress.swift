// A 48-bit link-layer address.

public struct MACAddress: Sendable, Hashable {
  /// Always six.
  public let bytes: [UInt8]

  /// Nil unless there are six bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 6 else { return nil }
    self.bytes = bytes
  }

  private init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, _ fifth: UInt8, _ sixth: UInt8) {
    bytes = [first, second, third, fourth, fifth, sixth]
  }

  /// ff:ff:ff:ff:ff:ff
  public static let broadcast = MACAddress(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)

  /// 33:33:00:00:00:01, where ff02::1 (all nodes) lives on Ethernet. RFC 2464 §7
  public static let ipv6AllNodes = MACAddress(0x33, 0x33, 0, 0, 0, 1)

  /// The virtual router MAC address of a VRID. RFC 9568 §7.3
  public static func virtualRouter(vrid: UInt8, family: IPFamily) -> MACAddress {
    MACAddress(0x00, 0x00, 0x5e, 0x00, family == .ipv4 ? 0x01 : 0x02, vrid)
  }
}

extension MACAddress: CustomStringConvertible {
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
