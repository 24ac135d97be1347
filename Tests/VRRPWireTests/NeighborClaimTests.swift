// Who claims which address: frames byte by byte, one for each flaw, and a hundred thousand that are nearly right.

import NetworkTypes
import Testing
import VRRPWire

@Suite("Claims to addresses, byte by byte")
struct NeighborClaimTests {
  struct Golden: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Nil where the frame claims nothing.
    var claim: NeighborClaim?
    var annotated: String
  }

  private static func claim(_ address: String, _ manner: NeighborClaim.Manner) -> NeighborClaim {
    NeighborClaim(address: ip(address), hardwareAddress: rival, manner: manner)
  }

  private static func flags(router: Bool = false, solicited: Bool = false, override: Bool = true)
    -> NeighborClaim.Manner
  {
    .neighborAdvertisement(NeighborAdvertisementFlags(router: router, solicited: solicited, override: override))
  }

  fileprivate static let goldens = [
    Golden(
      testDescription: "an ARP request tells of its sender, whomever it asks for",
      claim: claim("10.0.10.31", .arp(.request, isGratuitous: false)),
      annotated: """
        ff ff ff ff ff ff  # to everyone
        02 00 00 00 00 09  # from the rival
        08 06              # ARP
        00 01 08 00 06 04  # Ethernet and IPv4, and the lengths of their addresses
        00 01              # request
        02 00 00 00 00 09  # sender: the rival
        0a 00 0a 1f        #   10.0.10.31
        00 00 00 00 00 00  # target: who is
        0a 00 0a 01        #   10.0.10.1?
        """),
    Golden(
      testDescription: "an ARP reply",
      claim: claim("10.0.10.31", .arp(.reply, isGratuitous: false)),
      annotated: """
        02 00 00 00 00 01 02 00 00 00 00 09 08 06
        00 01 08 00 06 04
        00 02              # reply
        02 00 00 00 00 09 0a 00 0a 1f
        02 00 00 00 00 01 0a 00 0a 20
        """),
    Golden(
      testDescription: "a gratuitous ARP request, padded",
      claim: claim("10.0.10.31", .arp(.request, isGratuitous: true)),
      annotated: """
        ff ff ff ff ff ff 02 00 00 00 00 09 08 06
        00 01 08 00 06 04 00 01
        02 00 00 00 00 09 0a 00 0a 1f
        00 00 00 00 00 00 0a 00 0a 1f  # target: the same address
        de ad be ef de ad be ef de ad be ef de ad be ef de ad  # padding, of which nobody knows what is in it
        """),
    Golden(
      testDescription: "RFC 5227 §2.1.1: an ARP probe claims nothing", claim: nil,
      annotated: """
        ff ff ff ff ff ff 02 00 00 00 00 09 08 06
        00 01 08 00 06 04 00 01
        02 00 00 00 00 09 00 00 00 00  # sender: 0.0.0.0
        00 00 00 00 00 00 0a 00 0a 1f
        """),
    Golden(
      testDescription: "an unsolicited neighbour advertisement",
      claim: claim("fd00::31", flags()),
      annotated: """
        33 33 00 00 00 01        # to all nodes' Ethernet group
        02 00 00 00 00 09        # from the rival
        86 dd                    # IPv6
        60 00 00 00 00 20 3a ff  # 32 bytes of ICMPv6, hop limit 255
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 31  # from fd00::31
        ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01  # to ff02::1
        88 00 5a 33              # Neighbor Advertisement, code 0, checksum
        20 00 00 00              # O
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 31  # target: fd00::31
        02 01                    # option: target link-layer address, 8 bytes
        02 00 00 00 00 09        # the rival
        """),
    Golden(
      testDescription: "a router's answer, with an option that nobody knows before the one that counts",
      claim: claim("fd00::31", flags(router: true, solicited: true, override: false)),
      annotated: """
        02 00 00 00 00 01 02 00 00 00 00 09 86 dd
        60 00 00 00 00 30 3a ff
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 31
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
        88 00 be 21
        c0 00 00 00              # R and S
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 31
        fe 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # 16 bytes of an experiment
        02 01 02 00 00 00 00 09
        """),
    Golden(
      testDescription: "an answer without a hardware address says that the target lives, not where", claim: nil,
      annotated: """
        02 00 00 00 00 01 02 00 00 00 00 09 86 dd
        60 00 00 00 00 18 3a ff
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 31
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01
        88 00 20 47
        60 00 00 00
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 31
        """),
    Golden(
      testDescription: "a VLAN's ARP is another network's", claim: nil,
      annotated: """
        ff ff ff ff ff ff 02 00 00 00 00 09
        81 00 00 0a        # IEEE 802.1Q: VLAN 10
        08 06 00 01 08 00 06 04 00 01
        02 00 00 00 00 09 0a 00 0a 1f
        00 00 00 00 00 00 0a 00 0a 01
        """),
    Golden(
      testDescription: "other traffic", claim: nil,
      annotated: "02 00 00 00 00 01 02 00 00 00 00 09 08 00 45 00 00 14"),
  ]

  @Test("Read", arguments: goldens)
  func read(_ golden: Golden) throws {
    #expect(try NeighborClaim.decode(Frame.repaired(bytes(golden.annotated))) == golden.claim)
    if golden.claim != nil {
      #expect(try NeighborClaim.decode(bytes(golden.annotated)) == golden.claim, "its own checksum is right too")
    }
  }

  @Test("What vipd announces is read as it was meant")
  func announcements() throws {
    let arp = GratuitousARP(address: IPv4Address(rawValue: 0x0a00_0a27), hardwareAddress: rival)
    #expect(
      try NeighborClaim.decode(arp.frame)
        == Self.claim("10.0.10.39", .arp(.request, isGratuitous: true)))
    for isRouter in [false, true] {
      let advertisement = UnsolicitedNeighborAdvertisement(
        address: IPv6Address(rawValue: 0xfd00 << 112 | 0x39), hardwareAddress: rival, isRouter: isRouter)
      let claim = try NeighborClaim.decode(advertisement.frame)
      #expect(claim == Self.claim("fd00::39", Self.flags(router: isRouter)))
      #expect(claim?.replacesKnown == true)
    }
  }
}

/// Each but the flawed part is right, the checksum included, so that only the check in question can object.
@Suite("Flawed claims")
struct FlawedClaimTests {
  private static let arp = bytes(NeighborClaimTests.goldens[0].annotated)
  private static let advertisement = bytes(NeighborClaimTests.goldens[4].annotated)

  struct Flawed: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var flaw: FrameFlaw
    var frame: [UInt8]
  }

  private static func arp(_ changes: [Int: UInt8]) -> [UInt8] {
    changes.reduce(into: arp) { $0[$1.key] = $1.value }
  }

  /// With the checksum put right again.
  private static func advertisement(_ changes: [Int: UInt8], more: [UInt8] = []) -> [UInt8] {
    var frame = changes.reduce(into: advertisement) { $0[$1.key] = $1.value }
    if !more.isEmpty {
      frame += more
      frame[19] = UInt8(32 + more.count)
    }
    return Frame.repaired(frame)
  }

  fileprivate static let frames = [
    Flawed(testDescription: "ARP for token ring", flaw: .arpFormat, frame: arp([15: 6])),
    Flawed(testDescription: "ARP for another protocol", flaw: .arpFormat, frame: arp([16: 0x86])),
    Flawed(testDescription: "ARP with addresses of 8 bytes", flaw: .arpFormat, frame: arp([18: 8])),
    Flawed(testDescription: "ARP with addresses of 16 bytes", flaw: .arpFormat, frame: arp([19: 16])),
    Flawed(testDescription: "operation 0", flaw: .arpOperation, frame: arp([21: 0])),
    Flawed(testDescription: "reverse ARP's operation", flaw: .arpOperation, frame: arp([21: 3])),
    Flawed(testDescription: "operation 257", flaw: .arpOperation, frame: arp([20: 1])),
    Flawed(testDescription: "sender 224.0.10.31", flaw: .address, frame: arp([28: 224])),
    Flawed(testDescription: "sender 0.0.10.31", flaw: .address, frame: arp([28: 0])),
    Flawed(testDescription: "hop limit 254", flaw: .hopLimit, frame: advertisement([21: 254])),
    Flawed(testDescription: "hop limit 0", flaw: .hopLimit, frame: advertisement([21: 0])),
    Flawed(testDescription: "code 1", flaw: .code, frame: advertisement([55: 1])),
    Flawed(testDescription: "a group for a target", flaw: .address, frame: advertisement([62: 0xff, 63: 2])),
    Flawed(testDescription: "an answer to all nodes", flaw: .solicitedByGroup, frame: advertisement([58: 0x60])),
    Flawed(testDescription: "an option of length 0", flaw: .option, frame: advertisement([79: 0])),
    Flawed(
      testDescription: "an option of length 0 behind a good one", flaw: .option,
      frame: advertisement([:], more: [14, 0, 0, 0, 0, 0, 0, 0])),
    Flawed(testDescription: "an option that ends behind the message", flaw: .option, frame: advertisement([79: 2])),
    Flawed(testDescription: "an option of 2040 bytes", flaw: .option, frame: advertisement([79: 255])),
    Flawed(testDescription: "half an option", flaw: .option, frame: advertisement([:], more: [14])),
    Flawed(
      testDescription: "a hardware address of 14 bytes", flaw: .option,
      frame: advertisement([79: 2], more: [0, 0, 0, 0, 0, 0, 0, 0])),
    Flawed(testDescription: "more payload than frame", flaw: .length, frame: advertisement([19: 33])),
    Flawed(testDescription: "far more payload than frame", flaw: .length, frame: advertisement([18: 255])),
    Flawed(testDescription: "a target that is cut", flaw: .length, frame: advertisement([19: 23])),
  ]

  @Test("Each is refused for its flaw", arguments: frames)
  func refused(_ flawed: Flawed) {
    #expect(throws: flawed.flaw) { try NeighborClaim.decode(flawed.frame) }
  }

  @Test("Any other checksum than the right one")
  func checksum() throws {
    for bit in 0..<16 {
      var frame = Self.advertisement
      frame[56 + bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: FrameFlaw.checksum) { try NeighborClaim.decode(frame) }
    }
  }

  @Test("Every prefix of a good frame is too short", arguments: [arp, advertisement])
  func truncated(whole: [UInt8]) throws {
    _ = try #require(try NeighborClaim.decode(whole))
    for length in whole.indices {
      #expect(throws: FrameFlaw.length) { try NeighborClaim.decode(Array(whole[..<length])) }
    }
  }
}

@Suite("Mutated claims")
struct MutatedClaimTests {
  private static let stock =
    NeighborClaimTests.goldens.map { bytes($0.annotated) } + FlawedClaimTests.frames.map(\.frame)

  @Test("A hundred thousand frames that are nearly right: none traps, and what is read is in the frame")
  func mutants() async {
    var random = SplitMix64(seed: 4861)
    var claims = 0
    var flaws: [FrameFlaw: Int] = [:]
    var faults: [String] = []
    for round in 0..<100_000 {
      var frame = Self.stock[random.below(Self.stock.count)]
      Self.mutate(&frame, using: &random)
      do {
        guard let claim = try NeighborClaim.decode(frame) else { continue }
        claims += 1
        if !Frame.shows(claim, frame) { faults.append("\(claim) is not in \(frame)") }
      } catch {
        flaws[error, default: 0] += 1
      }
      if round.isMultiple(of: 10_000) { await Task.yield() }  // Other tests wait for this thread.
    }
    #expect(faults.prefix(3) == [])
    // The mutations go as deep as the deepest check.
    #expect(claims > 5_000)
    for flaw in FrameFlaw.allCases { #expect(flaws[flaw, default: 0] > 100, "\(flaw)") }
  }

  private static func mutate(_ frame: inout [UInt8], using random: inout SplitMix64) {
    for _ in 0...random.below(3) where !frame.isEmpty {
      let place = random.below(frame.count)
      switch random.below(6) {
      case 0, 1: frame[place] ^= 1 << UInt8(random.below(8))
      case 2: frame[place] = [0, 1, 2, 4, 6, 8, 58, 136, 254, 255][random.below(10)]
      case 3: if random.below(4) == 0 { frame.removeLast(random.below(frame.count)) }
      case 4: for _ in 0...random.below(16) { frame.append(UInt8(truncatingIfNeeded: random.next())) }
      default: if frame.count > 60 { frame[19] = UInt8(truncatingIfNeeded: frame.count - 54) }
      }
    }
    if random.below(4) != 0 { frame = Frame.repaired(frame) }
  }
}

private let rival = MACAddress(bytes: [2, 0, 0, 0, 0, 9]) ?? .broadcast

/// A look at frames that is independent of the code under test.
private enum Frame {
  /// With ICMPv6's checksum put right, where the frame has one.
  static func repaired(_ frame: [UInt8]) -> [UInt8] {
    guard frame.count >= 58, frame[12] == 0x86, frame[13] == 0xdd else { return frame }
    let length = Int(frame[18]) << 8 | Int(frame[19])
    guard length >= 4, frame.count >= 54 + length else { return frame }
    var frame = frame
    (frame[56], frame[57]) = (0, 0)
    let header = Array(frame[22..<54]) + [0, 0, UInt8(length >> 8), UInt8(length & 0xff), 0, 0, 0, 58]
    let field = ~onesComplementSum(header + frame[54..<54 + length])
    (frame[56], frame[57]) = (UInt8(truncatingIfNeeded: field >> 8), UInt8(truncatingIfNeeded: field))
    return frame
  }

  /// Whether the frame says what was read in it.
  static func shows(_ claim: NeighborClaim, _ frame: [UInt8]) -> Bool {
    guard claim.address.isUnicast else { return false }
    switch claim.manner {
    case .arp(let operation, let isGratuitous):
      return frame[12..<14] == [0x08, 0x06] && Array(frame[28..<32]) == claim.address.bytes
        && Array(frame[22..<28]) == claim.hardwareAddress.bytes && frame[21] == UInt8(operation.rawValue)
        && (frame[28..<32].elementsEqual(frame[38..<42])) == isGratuitous
    case .neighborAdvertisement(let flags):
      return frame[12..<14] == [0x86, 0xdd] && Array(frame[62..<78]) == claim.address.bytes && frame[21] == 255
        && (frame[58] & 0x20 != 0) == flags.override && (frame[58] & 0x40 != 0) == flags.solicited
        && (frame[58] & 0x80 != 0) == flags.router
        && stride(from: 80, through: frame.count - 6, by: 8).contains {
          Array(frame[$0..<$0 + 6]) == claim.hardwareAddress.bytes && frame[$0 - 2] == 2
        }
    }
  }
}
