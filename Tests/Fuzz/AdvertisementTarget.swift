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

  /// Each version and family, to a peer and to the group, with each way to put the checksum right; and CARP.
  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = [[0], [2, 0x31], [0, 0x21, 1, 0, 7] + [UInt8](repeating: 0, count: 32)]
    for mode in UInt8(0)..<16 {
      for (priority, count) in [(UInt8(200), 1), (0, 1), (255, 3)] {
        seeds.append([mode] + message(.v3, priority, addresses: count, Carrier(mode: mode)))
        guard mode & 1 == 0 else { continue }
        seeds.append([mode] + message(.v2, priority, addresses: count, Carrier(mode: mode)))
      }
    }
    return seeds
  }

  private static func message(
    _ version: VRRPVersion, _ priority: UInt8, addresses count: Int, _ carrier: Carrier
  ) -> [UInt8] {
    guard let vrid = VRID(rawValue: 12) else { return [] }
    let password = SimplePassword("secret").map(Authentication.password) ?? .none
    let addresses = (0..<count).map { index -> IPAddress in
      carrier.source.family == .ipv4
        ? .v4(IPv4Address(rawValue: 0x0a00_0a27 + UInt32(index)))
        : .v6(IPv6Address(rawValue: UInt128(index == 0 ? 0xfe80 : 0xfd10) << 112 | 0x39))
    }
    return Advertisement(
      version: version, vrid: vrid, priority: AdvertisedPriority(fieldValue: priority), interval: .oneSecond,
      addresses: addresses, authentication: version == .v2 && count == 1 ? password : .none
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
    switch (advertisement.version, advertisement.authentication) {
    case (.v3, _): expected[4] &= 0x0f  // The reserved bits are ignored. RFC 9568 §5.2.6
    case (.v2, .none): expected.replaceSubrange((expected.count - 8)..., with: repeatElement(0, count: 8))
    case (.v2, .password): break
    }
    // With what is ignored the checksum differs.
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
    let isVersion2 = message.first.map { $0 >> 4 == 2 } ?? false
    let isTrue =
      switch discarded.reason {
      case .length:
        message.count < 8
          || message.count != 8 + Int(message[3]) * carrier.source.family.addressBytes + (isVersion2 ? 8 : 0)
      case .carp: message.count == 36 && message[0] == 0x21 && message[3] == 7
      case .version: message[0] >> 4 != 3 && (!isVersion2 || carrier.source.family == .ipv6)
      case .type: message[0] & 0x0f != 1
      case .checksum: !carrier.verifies(message)
      case .vrid: message[1] == 0
      case .addressCount: message[3] == 0
      case .interval: (isVersion2 || message[4] & 0x0f == 0) && message[5] == 0
      case .intervalMismatch: isVersion2 && message[5] > 40
      case .authentication: isVersion2 && message[4] > 1
      case .linkLocal: carrier.source.family == .ipv6 && (message[8] != 0xfe || message[9] & 0xc0 != 0x80)
      case .ttl, .peer, .destination: false
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

  /// Version 2 knows no pseudo-header. RFC 3768 §5.3.8
  func verifies(_ message: [UInt8]) -> Bool {
    message[0] >> 4 == 3 && sum(of: message, withPseudoHeader: true) == 0xffff
      || source.family == .ipv4 && sum(of: message, withPseudoHeader: false) == 0xffff
  }

  private func sum(of message: [UInt8], withPseudoHeader: Bool) -> UInt64 {
    let length = [UInt8(message.count >> 8 & 0xff), UInt8(message.count & 0xff)]
    let header = withPseudoHeader ? source.bytes + destination.bytes + [0, vrrpProtocolNumber] + length : []
    return onesComplementSum(header + message)
  }
}
