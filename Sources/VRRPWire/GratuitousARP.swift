// The Ethernet frame that tells IPv4 neighbours where an address lives now. RFC 9568 §6.4.2, RFC 5227 §2.3, RFC 826

import NetworkTypes

/// An ARP announcement: a broadcast request in which sender and target are the same address, so that every neighbour
/// that knows the address learns the new hardware address at once.
public struct GratuitousARP: Sendable, Hashable {
  public var address: IPv4Address
  public var hardwareAddress: MACAddress

  public init(address: IPv4Address, hardwareAddress: MACAddress) {
    self.address = address
    self.hardwareAddress = hardwareAddress
  }

  /// The whole frame, padded to Ethernet's least length (60 bytes without the check sequence).
  public var frame: [UInt8] {
    let sender = hardwareAddress.bytes + bigEndianBytes(of: address.rawValue)
    let target = sender  // hardware address too: RFC 9568 §6.4.1, §6.4.2
    let packet: [UInt8] = [
      0x00, 0x01,  // hardware: Ethernet
      0x08, 0x00,  // protocol: IPv4
      6, 4,  // lengths of their addresses
      0x00, 0x01,  // operation: request
    ]
    let header = MACAddress.broadcast.bytes + hardwareAddress.bytes + [0x08, 0x06]
    let frame = header + packet + sender + target
    return frame + [UInt8](repeating: 0, count: 60 - frame.count)
  }
}
