// ARP and Neighbor Discovery frames.
//
// The first byte of an input is for the harness: bit 0 says that ICMPv6's checksum is put right, which chance would not.
// The rest is the frame.

import NetworkTypes
import VRRPWire

enum NeighborTarget: FuzzTarget {
  static let name = "neighbours"
  static let words: [String] = []

  static var seeds: [[UInt8]] {
    guard let hardwareAddress = MACAddress(bytes: [2, 0, 0, 0, 0, 9]) else { return [] }
    let arp = GratuitousARP(address: IPv4Address(rawValue: 0x0a00_0a27), hardwareAddress: hardwareAddress).frame
    let advertisement = UnsolicitedNeighborAdvertisement(
      address: IPv6Address(rawValue: 0xfd00 << 112 | 0x39), hardwareAddress: hardwareAddress, isRouter: true
    ).frame
    var reply = arp
    (reply[21], reply[41]) = (2, 1)
    var probe = arp
    probe.replaceSubrange(28..<32, with: [0, 0, 0, 0])
    var solicited = advertisement
    solicited.replaceSubrange(38..<54, with: solicited[22..<38])
    solicited[58] |= 0x40
    var withMoreOptions = advertisement + [14, 2] + Array(repeating: 0, count: 14)
    withMoreOptions[19] += 16
    return [arp, reply, probe, advertisement, solicited, withMoreOptions].flatMap { [[1] + $0, [0] + $0] }
  }

  static func judge(_ input: [UInt8]) {
    guard let mode = input.first else { return }
    let frame = mode & 1 == 0 ? Array(input.dropFirst()) : withChecksum(Array(input.dropFirst()))
    do throws(FrameFlaw) {
      guard let claim = try NeighborClaim.decode(frame) else { return }
      judge(claim, of: frame)
    } catch {
      judge(error, of: frame)
    }
  }

  /// What was read is in the frame, and an announcement of it is read as the same.
  private static func judge(_ claim: NeighborClaim, of frame: [UInt8]) {
    promise(claim.address.isUnicast, "\(claim.address) can be no host's")
    let announcement: [UInt8]
    switch claim.address {
    case .v4(let address):
      promise(Array(frame[28..<32]) == claim.address.bytes, "the sender's address is another one")
      promise(Array(frame[22..<28]) == claim.hardwareAddress.bytes, "the sender's hardware address is another one")
      announcement = GratuitousARP(address: address, hardwareAddress: claim.hardwareAddress).frame
    case .v6(let address):
      promise(Array(frame[62..<78]) == claim.address.bytes, "the target is another one")
      promise(frame[21] == 255, "the frame came through a router")
      let options = frame[78...]
      promise(
        options.indices.contains {
          options[$0...].starts(with: [2, 1] + claim.hardwareAddress.bytes)
        }, "no option holds \(claim.hardwareAddress)")
      announcement =
        UnsolicitedNeighborAdvertisement(
          address: address, hardwareAddress: claim.hardwareAddress, isRouter: false
        ).frame
    }
    let again = try? NeighborClaim.decode(announcement)
    promise(
      again?.address == claim.address && again?.hardwareAddress == claim.hardwareAddress
        && again?.replacesKnown == true,
      "\(claim), announced, reads as \(String(describing: again))")
  }

  private static func judge(_ flaw: FrameFlaw, of frame: [UInt8]) {
    if frame.count < 14 { return promise(flaw == .length, "\(flaw) of \(frame.count) bytes") }
    let isARP = frame[12] == 0x08 && frame[13] == 0x06
    switch flaw {
    case .arpFormat, .arpOperation: promise(isARP, "\(flaw) of what is no ARP")
    case .hopLimit, .checksum, .code, .solicitedByGroup, .option:
      promise(frame[12] == 0x86 && frame[13] == 0xdd && frame[54] == 136, "\(flaw) of what is no advertisement")
    case .length, .address: break
    }
  }

  private static func withChecksum(_ frame: [UInt8]) -> [UInt8] {
    guard frame.count >= 58, frame[12] == 0x86, frame[13] == 0xdd else { return frame }
    let length = Int(frame[18]) << 8 | Int(frame[19])
    guard length >= 4, frame.count >= 54 + length else { return frame }
    var frame = frame
    (frame[56], frame[57]) = (0, 0)
    let covered = frame[22..<54] + [frame[18], frame[19], 0, 58] + frame[54..<54 + length]
    let field = ~onesComplementSum(Array(covered))
    (frame[56], frame[57]) = (UInt8(truncatingIfNeeded: field >> 8), UInt8(truncatingIfNeeded: field))
    return frame
  }
}
