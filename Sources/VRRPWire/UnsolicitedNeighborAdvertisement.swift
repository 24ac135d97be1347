// The Ethernet frame that tells IPv6 neighbours where an address lives now. RFC 4861 §4.4, §7.2.6

import NetworkTypes

/// An unsolicited Neighbor Advertisement to all nodes, which overrides what they have cached.
public struct UnsolicitedNeighborAdvertisement: Sendable, Hashable {
  public var address: IPv6Address
  public var hardwareAddress: MACAddress
  /// The R flag. Hosts drop a default route through a neighbour that stops saying that it is a router, so this must be
  /// what the kernel says in its own answers on the interface.
  public var isRouter: Bool

  public init(address: IPv6Address, hardwareAddress: MACAddress, isRouter: Bool) {
    self.address = address
    self.hardwareAddress = hardwareAddress
    self.isRouter = isRouter
  }

  /// ff02::1
  static let allNodes = IPv6Address(rawValue: 0xff02 << 112 | 1)

  /// The whole frame.
  public var frame: [UInt8] {
    let message = icmpMessage
    let source = bigEndianBytes(of: address.rawValue)
    let destination = bigEndianBytes(of: Self.allNodes.rawValue)
    let ethernet = MACAddress.ipv6AllNodes.bytes + hardwareAddress.bytes + [0x86, 0xdd]
    let header: [UInt8] = [
      0x60, 0, 0, 0,  // version 6, no traffic class, no flow label
      0, UInt8(message.count),
      58,  // next header: ICMPv6
      255,  // hop limit: receivers insist on it. RFC 4861 §7.1.2
    ]
    return ethernet + header + source + destination + message
  }

  private var icmpMessage: [UInt8] {
    let override: UInt8 = 0b0010_0000
    let router: UInt8 = isRouter ? 0b1000_0000 : 0
    var message: [UInt8] = [
      136, 0,  // type: Neighbor Advertisement; code
      0, 0,  // checksum
      router | override, 0, 0, 0,  // not solicited
    ]
    message += bigEndianBytes(of: address.rawValue)
    message += [2, 1] + hardwareAddress.bytes  // option: target link-layer address, 8 bytes
    var checksum = InternetChecksum()
    checksum.addPseudoHeader(
      source: .v6(address), destination: .v6(Self.allNodes), length: message.count, protocolNumber: 58)
    checksum.add(message)
    message[2] = UInt8(checksum.field >> 8)
    message[3] = UInt8(checksum.field & 0xff)
    return message
  }
}
