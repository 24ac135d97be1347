// Who says to have which IP address: what ARP (RFC 826) and Neighbor Discovery (RFC 4861) frames tell the neighbours.
//
// Two hosts with one address show in nothing but such frames: a second holder answers for the address, and every
// neighbour believes whoever spoke last.

import NetworkTypes

/// One frame's claim that an IP address lives at a hardware address.
public struct NeighborClaim: Sendable, Hashable {
  public var address: IPAddress
  public var hardwareAddress: MACAddress
  public var manner: Manner

  /// How it was made.
  public enum Manner: Sendable, Hashable {
    /// Gratuitous is one that asks for, or answers to, the sender's own address. RFC 5227 §3
    case arp(ARPOperation, isGratuitous: Bool)
    case neighborAdvertisement(NeighborAdvertisementFlags)
  }

  public enum ARPOperation: UInt16, Sendable, Hashable {
    case request = 1
    case reply = 2
  }

  public init(address: IPAddress, hardwareAddress: MACAddress, manner: Manner) {
    self.address = address
    self.hardwareAddress = hardwareAddress
    self.manner = manner
  }

  /// Whether a neighbour that has another hardware address for this one changes it. RFC 826, RFC 4861 §7.2.5
  public var replacesKnown: Bool {
    switch manner {
    case .arp: true
    case .neighborAdvertisement(let flags): flags.override
    }
  }
}

/// RFC 4861 §4.4
public struct NeighborAdvertisementFlags: Sendable, Hashable {
  public var router: Bool
  public var solicited: Bool
  public var override: Bool

  public init(router: Bool, solicited: Bool, override: Bool) {
    self.router = router
    self.solicited = solicited
    self.override = override
  }
}

/// Why a frame of ARP or Neighbor Discovery must be discarded.
public enum FrameFlaw: String, Error, Sendable, Hashable, CaseIterable {
  /// Shorter than its headers, or than they say.
  case length
  /// ARP for another kind of hardware or network than Ethernet and IPv4.
  case arpFormat
  /// ARP that neither asks nor answers.
  case arpOperation
  /// An address that no host can have.
  case address
  /// A Neighbor Advertisement that came through a router. RFC 4861 §7.1.2
  case hopLimit
  /// ICMPv6's.
  case checksum
  /// A Neighbor Advertisement whose code is not 0. RFC 4861 §7.1.2
  case code
  /// An answer to everybody, which nobody can have asked for. RFC 4861 §7.1.2
  case solicitedByGroup
  /// An option that has no length, or another one than its kind, or that ends behind the message. RFC 4861 §7.1.2
  case option
}

extension NeighborClaim {
  /// Reads a whole Ethernet frame, padding included.
  ///
  /// - Returns: Nil where the frame claims nothing: other traffic; a frame with a VLAN tag, which belongs to another
  ///   network than the interface's own; an ARP probe, whose sender has no address yet (RFC 5227 §2.1.1); an
  ///   advertisement that does not name a hardware address.
  /// - Throws: what is wrong with a frame that would claim something.
  public static func decode(_ frame: [UInt8]) throws(FrameFlaw) -> NeighborClaim? {
    guard frame.count >= Ethernet.headerLength else { throw .length }
    switch UInt16(frame[12]) << 8 | UInt16(frame[13]) {
    case Ethernet.arp: return try arp(frame[Ethernet.headerLength...])
    case Ethernet.ipv6: return try neighborAdvertisement(frame[Ethernet.headerLength...])
    default: return nil
    }
  }
}

private enum Ethernet {
  static let headerLength = 14
  static let arp: UInt16 = 0x0806
  static let ipv6: UInt16 = 0x86dd
}

// MARK: - ARP

extension NeighborClaim {
  /// RFC 826: hardware 1 (Ethernet), protocol 0x0800 (IPv4), address lengths 6 and 4, operation; sender, target.
  private static func arp(_ slice: ArraySlice<UInt8>) throws(FrameFlaw) -> NeighborClaim? {
    let packet = Array(slice.prefix(28))
    guard packet.count == 28 else { throw .length }
    guard packet.starts(with: [0, 1, 0x08, 0, 6, 4]) else { throw .arpFormat }
    guard let operation = ARPOperation(rawValue: UInt16(packet[6]) << 8 | UInt16(packet[7])) else {
      throw .arpOperation
    }
    guard let hardwareAddress = MACAddress(bytes: Array(packet[8..<14])),
      let sender = IPAddress(bytes: packet[14..<18]), let target = IPAddress(bytes: packet[24..<28])
    else { throw .length }
    if sender == .v4(IPv4Address(rawValue: 0)) { return nil }
    guard sender.isUnicast else { throw .address }
    return NeighborClaim(
      address: sender, hardwareAddress: hardwareAddress, manner: .arp(operation, isGratuitous: sender == target))
  }
}

// MARK: - Neighbor Discovery

extension NeighborClaim {
  private static let ipv6HeaderLength = 40
  private static let icmpv6: UInt8 = 58
  private static let advertisementType: UInt8 = 136
  /// Type, code, checksum, flags, target.
  private static let advertisementFixedPart = 24
  private static let targetLinkLayerAddress: UInt8 = 2

  /// A Neighbor Advertisement without extension headers: nobody sends them with, and fragments must be ignored.
  /// RFC 4861 §4.4, §7.1.2, RFC 6980
  private static func neighborAdvertisement(_ slice: ArraySlice<UInt8>) throws(FrameFlaw) -> NeighborClaim? {
    let packet = Array(slice)
    guard packet.count >= ipv6HeaderLength else { throw .length }
    // What is behind the payload is Ethernet's padding.
    let length = Int(packet[4]) << 8 | Int(packet[5])
    guard packet[6] == icmpv6, length > 0 else { return nil }
    guard packet.count >= ipv6HeaderLength + length else { throw .length }
    let message = Array(packet[ipv6HeaderLength..<ipv6HeaderLength + length])
    guard message[0] == advertisementType else { return nil }

    guard packet[7] == 255 else { throw .hopLimit }
    guard message.count >= advertisementFixedPart, let source = IPAddress(bytes: packet[8..<24]),
      let destination = IPAddress(bytes: packet[24..<40]), let target = IPAddress(bytes: message[8..<24])
    else { throw .length }
    var checksum = InternetChecksum()
    checksum.addPseudoHeader(
      source: source, destination: destination, length: message.count, protocolNumber: icmpv6)
    checksum.add(message)
    guard checksum.verifies else { throw .checksum }
    guard message[1] == 0 else { throw .code }
    guard target.isUnicast else { throw .address }
    let flags = NeighborAdvertisementFlags(fieldValue: message[4])
    guard destination.isUnicast || !flags.solicited else { throw .solicitedByGroup }
    guard let hardwareAddress = try hardwareAddress(in: message[advertisementFixedPart...]) else { return nil }
    return NeighborClaim(
      address: target, hardwareAddress: hardwareAddress, manner: .neighborAdvertisement(flags))
  }

  /// The first target link-layer address among the options. All of them are looked at, since one that is wrong makes
  /// the whole message invalid. RFC 4861 §4.6, §7.1.2
  private static func hardwareAddress(in options: ArraySlice<UInt8>) throws(FrameFlaw) -> MACAddress? {
    var found: MACAddress?
    var rest = options
    while let kind = rest.first {
      // In units of eight bytes; none at all would never come to an end.
      let length = 8 * Int(rest.dropFirst().first ?? 0)
      guard length > 0, rest.count >= length else { throw .option }
      if kind == targetLinkLayerAddress {
        guard let address = MACAddress(bytes: Array(rest.prefix(length).dropFirst(2))) else { throw .option }
        found = found ?? address
      }
      rest = rest.dropFirst(length)
    }
    return found
  }
}

extension NeighborAdvertisementFlags {
  fileprivate init(fieldValue: UInt8) {
    self.init(
      router: fieldValue & 0b1000_0000 != 0, solicited: fieldValue & 0b0100_0000 != 0,
      override: fieldValue & 0b0010_0000 != 0)
  }
}
