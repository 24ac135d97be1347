// The advertisement parser.
//
// The first byte of an input is for the harness, the rest is the message. Bit 0: IPv6. Bits 1 and 2: how the checksum is
// put right, which chance would not: not at all, with the pseudo-header, without. Bit 3: sent to the group.

import NetworkTypes
import VRRP
import VRRPWire

enum AdvertisementTarget: FuzzTarget {
  static let name = "advertisement"
  static let words: [String] = []

  /// One of each family, with one address and with three; CARP; and each with every sort of checksum.
  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = [[0], [2, 0x31], [0, 0x21, 1, 0, 7] + [UInt8](repeating: 0, count: 32)]
    // Family and group, and each way with the checksum.
    for mode in UInt8(0)..<16 {
      for (priority, count) in [(UInt8(200), 1), (0, 1), (255, 3)] {
        seeds.append([mode] + message(priority: priority, addresses: count, Carrier(mode: mode)))
      }
    }
    return seeds
  }

  private static func message(priority: UInt8, addresses count: Int, _ carrier: Carrier) -> [UInt8] {
    guard let vrid = VRID(rawValue: 12) else { return [] }
    let addresses = (0..<count).map { index -> IPAddress in
      carrier.source.family == .ipv4
        ? .v4(IPv4Address(rawValue: 0x0a00_0a27 + UInt32(index)))
        : .v6(IPv6Address(rawValue: UInt128(index == 0 ? 0xfe80 : 0xfd10) << 112 | 0x39))
    }
    return Advertisement(
      vrid: vrid, priority: AdvertisedPriority(fieldValue: priority), interval: .oneSecond, addresses: addresses
    ).encode(from: carrier.source, to: carrier.destination, checksum: .rfc9568)
  }

  static func judge(_ input: [UInt8]) {
    guard let mode = input.first else { return }
    let carrier = Carrier(mode: mode)
    let message = carrier.withChecksum(Array(input.dropFirst()))
    do throws(DiscardedMessage) {
      let decoded = try Advertisement.decode(message, source: carrier.source, destination: carrier.destination)
      judge(decoded, of: message, carrier)
    } catch {
      judge(error, of: message, carrier)
    }
  }

  /// What was read is right in itself, and sent on it is the same again.
  private static func judge(_ decoded: DecodedAdvertisement, of message: [UInt8], _ carrier: Carrier) {
    let advertisement = decoded.advertisement
    promise((1...255).contains(advertisement.addresses.count), "\(advertisement.addresses.count) addresses")
    promise(advertisement.addresses.allSatisfy { $0.family == carrier.source.family }, "addresses of two families")
    promise(
      carrier.source.family == .ipv4 || advertisement.addresses[0].isLinkLocal, "the first address is not link-local")
    let again = advertisement.encode(from: carrier.source, to: carrier.destination, checksum: decoded.checksumForm)
    promise(again.count == message.count, "\(message.count) bytes became \(again.count)")
    var expected = message
    // The reserved bits are ignored, and with them the checksum may differ.
    expected[4] &= 0x0f
    (expected[6], expected[7]) = (again[6], again[7])
    promise(again == expected, "\(message) became \(again)")
    do throws(DiscardedMessage) {
      let third = try Advertisement.decode(again, source: carrier.source, destination: carrier.destination)
      promise(third.advertisement == advertisement, "\(advertisement), sent on, reads as \(third.advertisement)")
    } catch {
      promise(false, "\(advertisement), sent on, is discarded: \(error)")
    }
  }

  /// The reason is true.
  private static func judge(_ discarded: DiscardedMessage, of message: [UInt8], _ carrier: Carrier) {
    promise(
      discarded.vrid == (message.count > 1 ? VRID(rawValue: message[1]) : nil), "another VRID than in the message")
    let isTrue =
      switch discarded.reason {
      case .length:
        message.count < 8 || message.count != 8 + Int(message[3]) * carrier.source.family.addressBytes
      case .carp: message.count == 36 && message[0] == 0x21 && message[3] == 7
      case .version: message[0] >> 4 != 3
      case .type: message[0] & 0x0f != 1
      case .checksum: !carrier.verifies(message)
      case .vrid: message[1] == 0
      case .addressCount: message[3] == 0
      case .interval: message[4] & 0x0f == 0 && message[5] == 0
      case .linkLocal: carrier.source.family == .ipv6 && (message[8] != 0xfe || message[9] & 0xc0 != 0x80)
      case .ttl, .peer, .destination, .authentication: false
      }
    promise(isTrue, "\(discarded.reason) is not so: \(message)")
  }
}

/// The datagram around a message.
private struct Carrier {
  let mode: UInt8
  let source: IPAddress
  let destination: IPAddress

  init(mode: UInt8) {
    self.mode = mode
    let isToGroup = mode & 8 != 0
    if mode & 1 == 0 {
      source = .v4(IPv4Address(rawValue: 0x0a00_0001))
      destination = .v4(IPv4Address(rawValue: isToGroup ? 0xe000_0012 : 0x0a00_0002))
    } else {
      source = .v6(IPv6Address(rawValue: UInt128(isToGroup ? 0xfe80 : 0xfd00) << 112 | 1))
      destination = .v6(IPv6Address(rawValue: isToGroup ? 0xff02 << 112 | 0x12 : 0xfd00 << 112 | 2))
    }
  }

  func withChecksum(_ message: [UInt8]) -> [UInt8] {
    let repair = mode >> 1 & 3
    guard message.count >= 8, repair == 1 || repair == 2 else { return message }
    var message = message
    (message[6], message[7]) = (0, 0)
    let field = ~sum(of: message, withPseudoHeader: repair == 1 || source.family == .ipv6)
    (message[6], message[7]) = (UInt8(truncatingIfNeeded: field >> 8), UInt8(truncatingIfNeeded: field))
    return message
  }

  func verifies(_ message: [UInt8]) -> Bool {
    sum(of: message, withPseudoHeader: true) == 0xffff
      || source.family == .ipv4 && sum(of: message, withPseudoHeader: false) == 0xffff
  }

  private func sum(of message: [UInt8], withPseudoHeader: Bool) -> UInt64 {
    let length = [UInt8(message.count >> 8 & 0xff), UInt8(message.count & 0xff)]
    let header = withPseudoHeader ? source.bytes + destination.bytes + [0, vrrpProtocolNumber] + length : []
    return onesComplementSum(header + message)
  }
}
