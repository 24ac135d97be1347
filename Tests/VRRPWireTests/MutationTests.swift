// A million packets that are nearly right. None may trap; each is accepted and means what it says, or is discarded for a
// reason that is true. Seeded, so that a failure can be played again.

import NetworkTypes
import Testing
import VRRP
import VRRPWire

/// Steele, Lea and Flood's SplitMix64: small, and the same everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number below `bound`; quick rather than perfectly even.
  mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: (next() >> 33) % UInt64(bound)) }
}

/// A message and the datagram that carries it.
struct Packet: Sendable {
  var message: [UInt8]
  let source: IPAddress
  let destination: IPAddress
  /// Of the pseudo-header without the length.
  private let addressSum: UInt64

  /// A right one.
  init(using random: inout SplitMix64) {
    let isIPv4 = random.below(2) == 0
    var advertisement = advertisement(
      vrid: UInt8(1 + random.below(255)), priority: UInt8(random.below(256)), every: 1 + random.below(4095))
    for index in 0...random.below(4) {
      let low = UInt128(random.next())
      advertisement.addresses.append(
        isIPv4
          ? .v4(IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)))
          : .v6(IPv6Address(rawValue: UInt128(index == 0 ? 0xfe80 : 0xfd00) << 112 | low)))
    }
    if isIPv4, random.below(3) == 0 {
      advertisement.version = .v2
      advertisement.interval = wholeSeconds(1 + random.below(40))
      advertisement.authentication =
        random.below(2) == 0 ? .none : .password(SimplePassword(field: random.next()))
    }
    source = ip(isIPv4 ? "10.0.0.1" : "fd00::1")
    destination = ip(isIPv4 ? "224.0.0.18" : "ff02::12")
    message = advertisement.encode(
      from: source, to: destination, checksum: random.below(2) == 0 ? .rfc9568 : .pseudoHeader)
    addressSum = onesComplementSum(pseudoHeader(source, destination, length: 0, protocolNumber: vrrpProtocolNumber))
  }

  /// 0xffff where the checksum is right.
  func sum(withPseudoHeader: Bool) -> UInt64 {
    onesComplementSum(message, after: withPseudoHeader ? addressSum + UInt64(message.count) : 0)
  }
}

@Suite("Advertisements there and back")
struct RoundTripTests {
  @Test("Encoded and decoded, an advertisement is the same")
  func roundTrip() throws {
    var random = SplitMix64(seed: 2)
    for _ in 0..<5_000 {
      let packet = Packet(using: &random)
      let decoded = try Advertisement.decode(packet.message, source: packet.source, destination: packet.destination)
      let again = decoded.advertisement.encode(
        from: packet.source, to: packet.destination, checksum: decoded.checksumForm)
      #expect(again == packet.message)
    }
  }
}

@Suite("Mutated advertisements")
struct MutationTests {
  private static let chunks = 100
  private static let chunkSize = 10_000

  @Test("RX-2 … RX-9: a million of them")
  func million() async {
    var tally = Tally()
    for chunk in 0..<Self.chunks {
      tally.add(Self.run(seed: UInt64(chunk), count: Self.chunkSize))
      await Task.yield()  // Other tests wait for this thread.
    }
    #expect(tally.accepted + tally.discarded.values.reduce(0, +) == Self.chunks * Self.chunkSize)
    #expect(tally.faults == [])
    // The mutations go as deep as the deepest check.
    #expect(tally.accepted > 50_000)
    for reason in [
      DiscardReason.version, .type, .length, .checksum, .vrid, .addressCount, .interval, .linkLocal, .authentication,
      .carp,
    ] {
      #expect(tally.discarded[reason, default: 0] > 1_000, "\(reason)")
    }
  }

  struct Tally: Sendable {
    var accepted = 0
    var discarded: [DiscardReason: Int] = [:]
    var faults: [String] = []

    mutating func add(_ other: Tally) {
      accepted += other.accepted
      discarded.merge(other.discarded, uniquingKeysWith: +)
      faults += other.faults.prefix(3)
    }
  }

  private static func run(seed: UInt64, count: Int) -> Tally {
    var random = SplitMix64(seed: seed)
    let stock = (0..<64).map { _ in Packet(using: &random) }
    var tally = Tally()
    for _ in 0..<count {
      var packet = stock[random.below(stock.count)]
      mutate(&packet, using: &random)
      do {
        let decoded = try Advertisement.decode(packet.message, source: packet.source, destination: packet.destination)
        tally.accepted += 1
        if !means(decoded, packet) { tally.faults.append("accepted as another: \(packet) as \(decoded)") }
      } catch {
        tally.discarded[error.reason, default: 0] += 1
        if !isTrue(error.reason, of: packet) { tally.faults.append("\(error.reason) is not so: \(packet)") }
      }
    }
    return tally
  }

  // MARK: - Mutations

  private static func mutate(_ packet: inout Packet, using random: inout SplitMix64) {
    for _ in 0...random.below(3) {
      switch random.below(9) {
      case 0, 1: flipBit(&packet.message, using: &random)
      case 2: packet.message.removeLast(random.below(packet.message.count + 1))
      case 3: for _ in 0...random.below(24) { packet.message.append(UInt8(truncatingIfNeeded: random.next())) }
      case 4, 5, 6, 7: setField(&packet.message, using: &random)
      default: swapWords(&packet.message, using: &random)
      }
    }
    if random.below(64) == 0 { makeCARP(&packet.message) }
    if random.below(4) != 0 { repairChecksum(&packet, withPseudoHeader: random.below(2) == 0) }
  }

  private static func flipBit(_ message: inout [UInt8], using random: inout SplitMix64) {
    guard !message.isEmpty else { return }
    message[random.below(message.count)] ^= 1 << UInt8(random.below(8))
  }

  /// Puts a value that a check looks for where it looks.
  private static func setField(_ message: inout [UInt8], using random: inout SplitMix64) {
    guard message.count >= 10 else { return }
    switch random.below(8) {
    case 0: message[0] = [0x21, 0x31, 0x30, 0x32, 0x41][random.below(5)]
    case 1: message[1] = 0
    case 2: message[2] = [0, 255][random.below(2)]
    case 3: message[3] = [0, 1, 2, 7, 255][random.below(5)]
    case 4: (message[4], message[5]) = ([0x00, 0x01, 0xf0][random.below(3)], 0)
    case 5: message[4] |= 0xf0
    case 6: message[8] = 0xfd
    default:
      message[3] = 0
      message.removeLast(message.count - 8)
    }
  }

  private static func swapWords(_ message: inout [UInt8], using random: inout SplitMix64) {
    guard message.count >= 16 else { return }
    let one = 4 * random.below(message.count / 4)
    let other = 4 * random.below(message.count / 4)
    for offset in 0..<4 { message.swapAt(one + offset, other + offset) }
  }

  private static func makeCARP(_ message: inout [UInt8]) {
    message += Array(repeating: 0, count: max(0, 36 - message.count))
    message.removeLast(message.count - 36)
    (message[0], message[3]) = (0x21, 7)
  }

  private static func repairChecksum(_ packet: inout Packet, withPseudoHeader: Bool) {
    guard packet.message.count >= 8 else { return }
    (packet.message[6], packet.message[7]) = (0, 0)
    let field = ~packet.sum(withPseudoHeader: withPseudoHeader || packet.source.family == .ipv6)
    (packet.message[6], packet.message[7]) = (UInt8(truncatingIfNeeded: field >> 8), UInt8(truncatingIfNeeded: field))
  }

  // MARK: - What is true of a packet

  /// All but the reserved bits and the checksum is repeated when it is sent on.
  private static func means(_ decoded: DecodedAdvertisement, _ packet: Packet) -> Bool {
    let again = decoded.advertisement.encode(
      from: packet.source, to: packet.destination, checksum: decoded.checksumForm)
    var expected = packet.message
    switch decoded.advertisement.authentication {
    case .none where decoded.advertisement.version == .v2:
      // Of type 0 they mean nothing.
      expected.replaceSubrange((expected.count - 8)..., with: repeatElement(0, count: 8))
    case .none: expected[4] &= 0x0f
    case .password: break
    }
    (expected[6], expected[7]) = (again[6], again[7])
    return again == expected
  }

  private static func isTrue(_ reason: DiscardReason, of packet: Packet) -> Bool {
    let message = packet.message
    switch reason {
    case .length:
      let trailer = message.count > 0 && message[0] >> 4 == 2 ? 8 : 0
      return message.count < 8 || message.count != 8 + Int(message[3]) * packet.source.family.addressBytes + trailer
    case .carp: return message.count == 36 && message[0] == 0x21 && message[3] == 7
    case .version: return message[0] >> 4 != 3 && (message[0] >> 4 != 2 || packet.source.family == .ipv6)
    case .type: return message[0] & 0x0f != 1
    case .checksum:
      return (message[0] >> 4 == 2 || packet.sum(withPseudoHeader: true) != 0xffff)
        && (packet.source.family == .ipv6 || packet.sum(withPseudoHeader: false) != 0xffff)
    case .vrid: return message[1] == 0
    case .addressCount: return message[3] == 0
    case .interval: return (message[0] >> 4 == 2 || message[4] & 0x0f == 0) && message[5] == 0
    case .authentication: return message[0] >> 4 == 2 && message[4] > 1
    case .linkLocal: return message[8] != 0xfe || message[9] & 0xc0 != 0x80
    case .intervalMismatch: return message[0] >> 4 == 2 && message[5] > 40
    case .ttl, .peer, .destination: return false
    }
  }
}
