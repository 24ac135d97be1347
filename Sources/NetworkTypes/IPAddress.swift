// IPv4 and IPv6 addresses as values: parsed once at the edge, compared as VRRP compares them
// (unsigned, in network order), printed the one canonical way.

/// The two families that VRRPv3 elects an Active Router for, each on its own.
public enum IPFamily: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  case ipv4
  case ipv6

  /// 32 or 128.
  public var addressBits: Int { self == .ipv4 ? 32 : 128 }

  /// 4 or 16.
  public var addressBytes: Int { addressBits / 8 }

  public static func < (lhs: IPFamily, rhs: IPFamily) -> Bool { lhs == .ipv4 && rhs == .ipv6 }
}

/// An address of either family. IPv4 sorts before IPv6.
public enum IPAddress: Sendable, Hashable, Comparable {
  case v4(IPv4Address)
  case v6(IPv6Address)

  /// Reads `192.0.2.1` or `2001:db8::1`; nil for anything else (no zone, no prefix length, no spaces).
  public init?(_ text: some StringProtocol) {
    if let address = IPv4Address(text) {
      self = .v4(address)
    } else if let address = IPv6Address(text) {
      self = .v6(address)
    } else {
      return nil
    }
  }

  /// Reads 4 or 16 bytes in network order; nil for any other count.
  public init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self = .v4(IPv4Address(rawValue: bytes.reduce(0) { $0 << 8 | UInt32($1) }))
    case 16: self = .v6(IPv6Address(rawValue: bytes.reduce(0) { $0 << 8 | UInt128($1) }))
    default: return nil
    }
  }

  public var family: IPFamily {
    switch self {
    case .v4: .ipv4
    case .v6: .ipv6
    }
  }

  /// 4 or 16 bytes in network order.
  public var bytes: [UInt8] {
    switch self {
    case .v4(let address): bigEndianBytes(of: address.rawValue)
    case .v6(let address): bigEndianBytes(of: address.rawValue)
    }
  }

  /// Whether this is an IPv6 address of fe80::/10, which is only meaningful together with an interface.
  public var isLinkLocal: Bool {
    switch self {
    case .v4: false
    case .v6(let address): address.isLinkLocal
    }
  }

  /// Whether the address can belong to one host: not a group, not unspecified, not the limited broadcast.
  public var isUnicast: Bool {
    switch self {
    case .v4(let address): address.isUnicast
    case .v6(let address): address.isUnicast
    }
  }
}

/// An IPv4 address, as the 32-bit number that its bytes form in network order.
public struct IPv4Address: Sendable, Hashable, Comparable, RawRepresentable {
  public var rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Reads four decimal numbers without leading zeros, since some tools read those as octal.
  public init?(_ text: some StringProtocol) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    rawValue = 0
    for part in parts {
      guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
      var octet: UInt32 = 0
      for digit in part {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
        octet = octet * 10 + UInt32(digit - UInt8(ascii: "0"))
      }
      guard octet <= 255 else { return nil }
      rawValue = rawValue << 8 | octet
    }
  }

  /// Not 0.0.0.0/8, not 224.0.0.0/3 (groups, reserved and the limited broadcast).
  public var isUnicast: Bool { rawValue >> 24 != 0 && rawValue >> 29 != 0b111 }

  public static func < (lhs: IPv4Address, rhs: IPv4Address) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// An IPv6 address, as the 128-bit number that its bytes form in network order.
public struct IPv6Address: Sendable, Hashable, Comparable, RawRepresentable {
  public var rawValue: UInt128

  public init(rawValue: UInt128) { self.rawValue = rawValue }

  /// Reads the forms of RFC 4291 §2.2, the one with a dotted IPv4 tail included.
  public init?(_ text: some StringProtocol) {
    guard let groups = IPv6Text.groups(of: String(text)) else { return nil }
    rawValue = groups.reduce(0) { $0 << 16 | UInt128($1) }
  }

  public var isLinkLocal: Bool { rawValue >> 118 == 0xfe80 >> 6 }

  /// Not ::, not ff00::/8.
  public var isUnicast: Bool { rawValue != 0 && rawValue >> 120 != 0xff }

  public static func < (lhs: IPv6Address, rhs: IPv6Address) -> Bool { lhs.rawValue < rhs.rawValue }
}

extension IPAddress: Codable {
  /// As its text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let address = IPAddress(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is not an IP address")
    }
    self = address
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .v4(let address): address.description
    case .v6(let address): address.description
    }
  }
}

extension IPv4Address: CustomStringConvertible {
  public var description: String { bigEndianBytes(of: rawValue).map(String.init).joined(separator: ".") }
}

extension IPv6Address: CustomStringConvertible {
  /// The canonical text of RFC 5952.
  public var description: String { IPv6Text.canonical(rawValue) }
}

/// The bytes of a number, most significant first: network order.
public func bigEndianBytes(of number: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: number.bigEndian) { Array($0) }
}
