// The Ethernet frame that asks whether another host has an address, without saying that we have it: what a host sends
// before it takes an address into use. RFC 5227 §2.1.1 (ARP probe), RFC 4862 §5.4.2 (duplicate address detection)

import NetworkTypes

/// A question that only another holder of the address answers, with a ``NeighborClaim``.
public struct AddressProbe: Sendable, Hashable {
  public var address: IPAddress
  /// Of the interface that asks.
  public var hardwareAddress: MACAddress

  public init(address: IPAddress, hardwareAddress: MACAddress) {
    self.address = address
    self.hardwareAddress = hardwareAddress
  }

  /// The whole frame.
  public var frame: [UInt8] {
    switch address {
    case .v4(let address): arpProbe(address)
    case .v6(let address): neighborSolicitation(address)
    }
  }

  /// A request whose sender has no address, so that nobody's neighbour table changes.
  private func arpProbe(_ target: IPv4Address) -> [UInt8] {
    let header = MACAddress.broadcast.bytes + hardwareAddress.bytes + [0x08, 0x06]
    // Ethernet and IPv4, the lengths of their addresses, request. RFC 826
    let packet: [UInt8] = [0, 1, 0x08, 0, 6, 4, 0, 1]
    let sender = hardwareAddress.bytes + [0, 0, 0, 0]
    let frame = header + packet + sender + [0, 0, 0, 0, 0, 0] + bigEndianBytes(of: target.rawValue)
    return frame + [UInt8](repeating: 0, count: 60 - frame.count)
  }

  /// From the unspecified address to the target's solicited-node group, with no option. RFC 4861 §4.3
  private func neighborSolicitation(_ target: IPv6Address) -> [UInt8] {
    let unspecified = IPv6Address(rawValue: 0)
    // ff02::1:ff00:0/104 with the last 24 bits of the target. RFC 4291 §2.7.1
    let lastBits = target.rawValue & 0xff_ffff
    let group = IPv6Address(rawValue: 0xff02 << 112 | 0x1_ff00_0000 | lastBits)
    let groupBytes = bigEndianBytes(of: group.rawValue)
    var message: [UInt8] = [135, 0, 0, 0, 0, 0, 0, 0] + bigEndianBytes(of: target.rawValue)
    var checksum = InternetChecksum()
    checksum.addPseudoHeader(
      source: .v6(unspecified), destination: .v6(group), length: message.count, protocolNumber: 58)
    checksum.add(message)
    message[2] = UInt8(checksum.field >> 8)
    message[3] = UInt8(checksum.field & 0xff)
    // 33:33 and the group's last four bytes. RFC 2464 §7
    let ethernet = [0x33, 0x33] + groupBytes.suffix(4) + hardwareAddress.bytes + [0x86, 0xdd]
    let header: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(message.count), 58, 255]
    return ethernet + header + bigEndianBytes(of: unspecified.rawValue) + groupBytes + message
  }
}
