// One packet for each check of the message alone: RX-2 … RX-5, RX-7 … RX-9, and CARP. Each but the flawed field is right,
// the checksum included, so that only the check in question can object.

import NetworkTypes
import Testing
import VRRP
import VRRPWire

@Suite("Flawed advertisements")
struct FlawedAdvertisementTests {
  struct Flawed: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var reason: DiscardReason
    var vrid: UInt8? = 12
    var source = "10.0.0.1"
    var destination = "10.0.0.2"
    var annotated: String
  }

  private static let messages = [
    Flawed(
      testDescription: "RX-2: version 2 over IPv6", reason: .version, source: "fd00::1", destination: "fd00::2",
      annotated: """
        21           # version 2, type 1
        0c c8 01     # VRID 12, priority 200, one address
        00 64 0c 67  # no authentication, 100 s; checksum
        fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 0c
        00 00 00 00 00 00 00 00
        """),
    Flawed(
      testDescription: "RX-4: version 2 without authentication data", reason: .length,
      annotated: """
        21           # version 2, type 1
        0c c8 01     # VRID 12, priority 200, one address
        00 01 0c ca  # no authentication, 1 s; checksum
        0a 00 00 27
        """),
    Flawed(
      testDescription: "RX-2: version 4", reason: .version,
      annotated: """
        41           # version 4, type 1
        0c c8 01 00 64 ec 66 0a 00 00 27
        """),
    Flawed(
      testDescription: "RX-3: type 2", reason: .type,
      annotated: """
        32           # version 3, type 2
        0c c8 01 00 64 fb 66 0a 00 00 27
        """),
    Flawed(
      testDescription: "RX-3: type 0", reason: .type,
      annotated: """
        30           # version 3, type 0
        0c c8 01 00 64 fd 66 0a 00 00 27
        """),
    Flawed(testDescription: "RX-4: nothing at all", reason: .length, vrid: nil, annotated: ""),
    Flawed(testDescription: "RX-4: one byte", reason: .length, vrid: nil, annotated: "31"),
    Flawed(testDescription: "RX-4: the fixed part, less one byte", reason: .length, annotated: "31 0c c8 01 00 64 fc"),
    Flawed(
      testDescription: "RX-4: the fixed part alone, with a count of 1", reason: .length,
      annotated: "31 0c c8 01 00 64 06 8e"),
    Flawed(
      testDescription: "RX-4: two addresses announced, one there", reason: .length,
      annotated: """
        31 0c c8
        02           # two addresses
        00 64 fc 65
        0a 00 00 27  # one
        """),
    Flawed(
      testDescription: "RX-4: one address announced, two there", reason: .length,
      annotated: """
        31 0c c8
        01           # one address
        00 64 c0 5c
        0a 00 00 27 cb 00 71 09  # two
        """),
    Flawed(
      testDescription: "RX-4: an IPv4 list in an IPv6 packet", reason: .length, source: "fd00::1",
      destination: "fd00::2", annotated: "31 0c c8 01 00 64 fc 66 0a 00 00 27"),
    Flawed(
      testDescription: "RX-5: one bit of the priority flipped", reason: .checksum,
      annotated: """
        31 0c
        c9           # 200, as it was when the checksum was made
        02 00 64 c0 5b 0a 00 00 27 cb 00 71 09
        """),
    Flawed(
      testDescription: "RX-5: over IPv6 the message alone is not enough", reason: .checksum, source: "fd00::1",
      destination: "fd00::2",
      annotated: """
        31 0c c8 02 00 64
        0a c6        # right without the pseudo-header
        fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 0c
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 39
        """),
    Flawed(
      testDescription: "RX-5: right for another destination", reason: .checksum, destination: "10.0.0.3",
      annotated: "31 0c c8 02 00 64 ab d8 0a 00 00 27 cb 00 71 09"),
    Flawed(
      testDescription: "RX-6: VRID 0 can not be configured", reason: .vrid, vrid: nil,
      annotated: """
        31
        00           # VRID 0
        c8 01 00 64 fc 72 0a 00 00 27
        """),
    Flawed(
      testDescription: "RX-7: no address (erratum 8299)", reason: .addressCount,
      annotated: """
        31 0c c8
        00           # no address
        00 64 06 8f
        """),
    Flawed(
      testDescription: "RX-8: interval 0 (erratum 8301)", reason: .interval,
      annotated: """
        31 0c c8 01
        00 00        # 0 cs
        fc ca 0a 00 00 27
        """),
    Flawed(
      testDescription: "RX-8: reserved bits are no part of the interval", reason: .interval,
      annotated: """
        31 0c c8 01
        f0 00        # reserved bits set, 0 cs
        0c ca 0a 00 00 27
        """),
    Flawed(
      testDescription: "RX-9: the link-local address is not the first (erratum 8300)", reason: .linkLocal,
      source: "fd00::1", destination: "fd00::2",
      annotated: """
        31 0c c8 02 00 64 10 29
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 39
        fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 0c
        """),
    Flawed(
      testDescription: "RX-9: fec0::/10 is not link-local", reason: .linkLocal, source: "fd00::1",
      destination: "fd00::2",
      annotated: """
        31 0c c8 01 00 64 0d 07
        fe c0 00 00 00 00 00 00 00 00 00 00 00 00 00 39
        """),
    Flawed(
      testDescription: "CARP, which shares the protocol number and the group", reason: .carp, vrid: 1,
      destination: "224.0.0.18",
      annotated: """
        21                       # CARP version 2, type 1: reads as VRRPv2
        01                       # virtual host id 1
        00                       # advskew
        07                       # authlen: 7 words; reads as seven addresses
        00 01                    # pad, advbase 1 s
        12 34                    # checksum
        00 00 00 00 00 00 00 2a  # counter
        a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5 a5  # HMAC-SHA1
        """),
  ]

  @Test("Discarded with its reason", arguments: messages)
  func flawed(_ flawed: Flawed) {
    #expect(throws: DiscardedMessage(reason: flawed.reason, vrid: flawed.vrid.flatMap(VRID.init(rawValue:)))) {
      try Advertisement.decode(
        bytes(flawed.annotated), source: ip(flawed.source), destination: ip(flawed.destination))
    }
  }

  @Test("RX-9: the whole of fe80::/10 is link-local")
  func lastLinkLocal() throws {
    let message = bytes("31 0c c8 01 00 64 0d 08 fe bf 00 00 00 00 00 00 00 00 00 00 00 00 00 39")
    let decoded = try Advertisement.decode(message, source: ip("fd00::1"), destination: ip("fd00::2"))
    #expect(decoded.advertisement.addresses == [ip("febf::39")])
  }

  @Test("RX-4: every prefix of a good message is too short")
  func truncated() {
    let whole = bytes("31 0c c8 02 00 64 c0 5b 0a 00 00 27 cb 00 71 09")
    for length in 0..<whole.count {
      #expect(throws: DiscardedMessage(reason: .length, vrid: length > 1 ? VRID(rawValue: 12) : nil)) {
        _ = try Advertisement.decode(Array(whole[..<length]), source: ip("10.0.0.1"), destination: ip("10.0.0.2"))
      }
    }
  }
}
