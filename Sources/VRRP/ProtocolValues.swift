// The numbers of VRRP as types that cannot hold a wrong one. They are checked once, where text or bytes are read;
// whoever holds a VRID, a Priority or an AdvertisementInterval need not look again.

import NetworkTypes

/// The identifier of a Virtual Router on its network: 1–255. RFC 9568 §5.2.3
public struct VRID: RawRepresentable, Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  public let rawValue: UInt8

  public init?(rawValue: UInt8) {
    guard rawValue >= 1 else { return nil }
    self.rawValue = rawValue
  }

  public var description: String { String(rawValue) }
  public static func < (lhs: VRID, rhs: VRID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// The priority with which a VRRP Router contends for a Virtual Router: 1–255. RFC 9568 §5.2.4
///
/// The 0 of an advertisement is no priority but a farewell; see ``AdvertisedPriority``.
public struct Priority: RawRepresentable, Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  public let rawValue: UInt8

  public init?(rawValue: UInt8) {
    guard rawValue >= 1 else { return nil }
    self.rawValue = rawValue
  }

  /// The nearest priority that a Backup Router may have: 1–254.
  public init(clamping value: Int) { rawValue = UInt8(min(max(value, 1), 254)) }

  private init(unchecked value: UInt8) { rawValue = value }

  /// The router owns the addresses: they are its interface's own. RFC 9568 §5.2.4
  public static let addressOwner = Priority(unchecked: 255)

  /// 1: below everybody who wants to hold the addresses.
  public static let least = Priority(unchecked: 1)
  /// The RFC's default for a Backup Router: 100.
  public static let standard = Priority(unchecked: 100)

  public var description: String { String(rawValue) }
  public static func < (lhs: Priority, rhs: Priority) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// The priority field of an advertisement.
public enum AdvertisedPriority: Sendable, Hashable, Codable, Comparable {
  /// 0: the Active Router stops taking part and wants a successor at once.
  case relinquishing
  case contending(Priority)

  public init(fieldValue: UInt8) {
    self = Priority(rawValue: fieldValue).map(Self.contending) ?? .relinquishing
  }

  public var fieldValue: UInt8 {
    switch self {
    case .relinquishing: 0
    case .contending(let priority): priority.rawValue
    }
  }

  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.fieldValue < rhs.fieldValue }
}

/// The time between advertisements: 1–4095 centiseconds, 10 ms to 40.95 s. RFC 9568 §5.2.7
public struct AdvertisementInterval: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  public let centiseconds: Int

  public init?(centiseconds: Int) {
    guard (1...4095).contains(centiseconds) else { return nil }
    self.centiseconds = centiseconds
  }

  private init(unchecked value: Int) { centiseconds = value }

  public static let oneSecond = AdvertisementInterval(unchecked: 100)

  public var duration: Duration { .milliseconds(10 * centiseconds) }

  /// Whole seconds or milliseconds, as the cluster file writes them: `1s`, `250ms`, `40950ms`.
  public var description: String {
    centiseconds.isMultiple(of: 100) ? "\(centiseconds / 100)s" : "\(centiseconds * 10)ms"
  }

  public static func < (lhs: Self, rhs: Self) -> Bool { lhs.centiseconds < rhs.centiseconds }
}

/// The protocol's versions: 2 (RFC 3768, IPv4 only) and 3 (RFC 9568).
public enum VRRPVersion: UInt8, Sendable, Hashable, Codable {
  case v2 = 2
  case v3 = 3
}

extension IPFamily {
  /// Where a multicast Virtual Router sends its advertisements: 224.0.0.18 or ff02::12. RFC 9568 §5.1.1.2, §5.1.2.2
  public var vrrpGroup: IPAddress {
    switch self {
    case .ipv4: .v4(IPv4Address(rawValue: 0xe000_0012))
    case .ipv6: .v6(IPv6Address(rawValue: 0xff02 << 112 | 0x12))
    }
  }
}
