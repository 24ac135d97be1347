// A VRRP packet as somebody sees it who only listens: inside a frame of whatever kind of link it was recorded on. Unlike
// what a VRRP Router receives, nothing has been checked: not the TTL, not the destination, not even that it is whole.

import NetworkTypes
import VRRP

/// A datagram of IP protocol 112, and how it came.
public struct ObservedPacket: Sendable, Hashable {
  public var source: IPAddress
  public var destination: IPAddress
  /// TTL or hop limit.
  public var hopLimit: UInt8
  /// Nil where the recording does not tell.
  public var hardwareSource: MACAddress?
  /// What follows the IP header.
  public var payload: [UInt8]

  public init(
    source: IPAddress, destination: IPAddress, hopLimit: UInt8 = 255, hardwareSource: MACAddress? = nil,
    payload: [UInt8]
  ) {
    self.source = source
    self.destination = destination
    self.hopLimit = hopLimit
    self.hardwareSource = hardwareSource
    self.payload = payload
  }

  /// The advertisement in it, once every check of the message alone has passed, and the TTL's.
  public func decoded() throws(DiscardedMessage) -> DecodedAdvertisement {
    let decoded = try Advertisement.decode(payload, source: source, destination: destination)
    guard hopLimit == 255 else { throw DiscardedMessage(reason: .ttl, vrid: decoded.advertisement.vrid) }  // RX-1
    return decoded
  }
}

/// How the frames of a recording begin; the numbers are libpcap's, on Linux.
public enum LinkKind: Int, Sendable, Hashable, CaseIterable {
  case ethernet = 1
  /// No frame at all: the IP packet.
  case raw = 12
  /// What recording on all interfaces at once gives.
  case linuxCooked = 113
  case linuxCooked2 = 276
}

extension ObservedPacket {
  /// Takes a frame apart.
  ///
  /// - Returns: Nil for other traffic: another protocol, a fragment that is not the first.
  public init?(frame: [UInt8], kind: LinkKind) {
    guard let (packet, hardwareSource) = Self.packet(in: frame[...], kind), let first = packet.first else { return nil }
    switch first >> 4 {
    case 4: self.init(ipv4: packet, hardwareSource)
    case 6: self.init(ipv6: packet, hardwareSource)
    default: return nil
    }
  }

  private static func packet(in frame: ArraySlice<UInt8>, _ kind: LinkKind) -> (ArraySlice<UInt8>, MACAddress?)? {
    switch kind {
    case .raw: return (frame, nil)
    case .ethernet:
      guard frame.count >= 14 else { return nil }
      let hardwareSource = MACAddress(bytes: Array(frame.dropFirst(6).prefix(6)))
      return afterTags(frame.dropFirst(12)).map { ($0, hardwareSource) }
    case .linuxCooked:
      // pcap-linktype(7), LINKTYPE_LINUX_SLL: the sender's address at 6, the protocol at 14.
      guard frame.count >= 16 else { return nil }
      let hardwareSource = MACAddress(bytes: Array(frame.dropFirst(6).prefix(6)))
      return afterTags(frame.dropFirst(14)).map { ($0, hardwareSource) }
    case .linuxCooked2:
      // pcap-linktype(7), LINKTYPE_LINUX_SLL2: the protocol first, the sender's address at 12, the packet at 20.
      guard frame.count >= 20 else { return nil }
      let hardwareSource = MACAddress(bytes: Array(frame.dropFirst(12).prefix(6)))
      return isIP(Array(frame.prefix(2))) ? (frame.dropFirst(20), hardwareSource) : nil
    }
  }

  /// What follows the protocol's number, and VLAN tags before it. IEEE 802.1Q §9.6
  private static func afterTags(_ rest: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var rest = rest
    while rest.count >= 6, [[0x81, 0x00], [0x88, 0xa8]].contains(Array(rest.prefix(2))) { rest = rest.dropFirst(4) }
    return rest.count >= 2 && isIP(Array(rest.prefix(2))) ? rest.dropFirst(2) : nil
  }

  private static func isIP(_ protocolNumber: [UInt8]) -> Bool {
    protocolNumber == [0x08, 0x00] || protocolNumber == [0x86, 0xdd]
  }

  /// RFC 791 §3.1. What comes after the packet is the frame's padding.
  private init?(ipv4 packet: ArraySlice<UInt8>, _ hardwareSource: MACAddress?) {
    let bytes = Array(packet)
    let header = Int(bytes[0] & 0x0f) * 4
    guard header >= 20, bytes.count >= header, bytes[9] == vrrpProtocolNumber else { return nil }
    let fragmentOffset = Int(bytes[6] & 0x1f) << 8 | Int(bytes[7])
    guard fragmentOffset == 0, let source = IPAddress(bytes: bytes[12..<16]),
      let destination = IPAddress(bytes: bytes[16..<20])
    else { return nil }
    let length = Int(bytes[2]) << 8 | Int(bytes[3])
    self.init(
      source: source, destination: destination, hopLimit: bytes[8], hardwareSource: hardwareSource,
      payload: Array(bytes[header..<max(header, min(length, bytes.count))]))
  }

  /// RFC 8200 §3. VRRP's packets have no extension headers.
  private init?(ipv6 packet: ArraySlice<UInt8>, _ hardwareSource: MACAddress?) {
    let bytes = Array(packet)
    guard bytes.count >= 40, bytes[6] == vrrpProtocolNumber, let source = IPAddress(bytes: bytes[8..<24]),
      let destination = IPAddress(bytes: bytes[24..<40])
    else { return nil }
    let length = Int(bytes[4]) << 8 | Int(bytes[5])
    self.init(
      source: source, destination: destination, hopLimit: bytes[7], hardwareSource: hardwareSource,
      payload: Array(bytes[40..<min(40 + length, bytes.count)]))
  }
}
