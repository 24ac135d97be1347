// The one message of VRRP, and the reasons for which a received one is thrown away.

import NetworkTypes

/// A VRRP advertisement, parsed and internally consistent. RFC 9568 §5
public struct Advertisement: Sendable, Hashable, Codable {
  public var version: VRRPVersion
  public var vrid: VRID
  public var priority: AdvertisedPriority
  /// Max Advertise Interval (v3), Advertisement Interval (v2).
  public var interval: AdvertisementInterval
  /// The Virtual Router's addresses: at least one, all of the packet's family; IPv6 begins with a link-local one.
  public var addresses: [IPAddress]
  /// Version 2 only; version 3 has none.
  public var authentication: Authentication = .none

  public init(
    version: VRRPVersion = .v3, vrid: VRID, priority: AdvertisedPriority, interval: AdvertisementInterval,
    addresses: [IPAddress], authentication: Authentication = .none
  ) {
    self.version = version
    self.vrid = vrid
    self.priority = priority
    self.interval = interval
    self.addresses = addresses
    self.authentication = authentication
  }

  /// Without the password, which has no business anywhere but on the wire.
  private enum CodingKeys: CodingKey {
    case version, vrid, priority, interval, addresses
  }
}

/// An advertisement with what its carrier told about it.
public struct ReceivedAdvertisement: Sendable, Hashable {
  public var advertisement: Advertisement
  public var source: IPAddress
  public var destination: IPAddress
  public var hopLimit: UInt8

  public init(_ advertisement: Advertisement, source: IPAddress, destination: IPAddress, hopLimit: UInt8 = 255) {
    self.advertisement = advertisement
    self.source = source
    self.destination = destination
    self.hopLimit = hopLimit
  }

  public var family: IPFamily { source.family }
}

/// Why a received packet changed no state and no timer. RFC 9568 §7.1; the raw values name the counters.
public enum DiscardReason: String, Sendable, Hashable, Codable, CaseIterable, Error {
  /// RX-1: TTL or hop limit below the required one (255).
  case ttl
  /// RX-2: a version that this Virtual Router does not speak.
  case version
  /// RX-3: not type 1, ADVERTISEMENT.
  case type
  /// RX-4: shorter than its fixed part and its addresses, or longer.
  case length
  /// RX-5
  case checksum
  /// RX-6: no such Virtual Router here.
  case vrid
  /// RX-7: address count 0.
  case addressCount = "address_count"
  /// RX-8: interval 0.
  case interval
  /// RX-9: the first IPv6 address is not link-local.
  case linkLocal = "link_local"
  /// RX-10: the source is no configured peer.
  case peer
  /// RX-10: a group address where unicast is spoken, or the other way round.
  case destination
  /// RX-11: the v2 interval is not ours.
  case intervalMismatch = "interval_mismatch"
  /// RX-11: the v2 authentication does not match.
  case authentication
  /// CARP, which shares protocol 112 and looks like VRRPv2.
  case carp
}
