// Version 2 byte by byte: RFC 3768 §5, with the authentication data of RFC 2338 §5.3.10, as keepalived's
// `vrrp_version 2` speaks it.

import NetworkTypes
import Testing
import VRRP
import VRRPWire

@Suite("Version 2, byte by byte")
struct Version2Tests {
  struct Golden: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var advertisement: Advertisement
    var annotated: String
  }

  private static func message(
    vrid: UInt8 = 12, priority: UInt8 = 200, seconds: Int = 1, password: String? = nil, _ addresses: String...
  ) -> Advertisement {
    var advertisement = advertisement(vrid: vrid, priority: priority)
    advertisement.version = .v2
    advertisement.interval = wholeSeconds(seconds)
    advertisement.addresses = addresses.map(ip)
    advertisement.authentication = password.flatMap { SimplePassword($0) }.map(Authentication.password) ?? .none
    return advertisement
  }

  private static let goldens = [
    Golden(
      testDescription: "no authentication", advertisement: message("10.0.0.39"),
      annotated: """
        21                       # version 2, type 1: ADVERTISEMENT
        0c                       # VRID 12
        c8                       # priority 200
        01                       # one address
        00                       # authentication type 0: none
        01                       # Advertisement Interval 1 s
        0c ca                    # checksum, over the message alone
        0a 00 00 27              # 10.0.0.39
        00 00 00 00 00 00 00 00  # no authentication data
        """),
    Golden(
      testDescription: "a password shorter than the field",
      advertisement: message(password: "s3cret", "10.0.0.39", "203.0.113.9"),
      annotated: """
        21 0c c8                 # version 2, type 1; VRID 12; priority 200
        02                       # two addresses
        01                       # authentication type 1: simple text password
        01                       # 1 s
        93 a4                    # checksum, over the password too
        0a 00 00 27              # 10.0.0.39
        cb 00 71 09              # 203.0.113.9
        73 33 63 72 65 74 00 00  # s3cret, padded with zeros
        """),
    Golden(
      testDescription: "TX-4: priority 0 relinquishes; a password that fills the field, the longest interval of ours",
      advertisement: message(vrid: 1, priority: 0, seconds: 40, password: "12345678", "10.0.0.39"),
      annotated: """
        21 01                    # version 2, type 1; VRID 1
        00                       # priority 0
        01 01 28                 # one address; a password; 40 s
        02 da
        0a 00 00 27
        31 32 33 34 35 36 37 38  # 12345678
        """),
  ]

  @Test("Encoded so, and read back, whatever form of checksum is asked for and wherever it goes", arguments: goldens)
  func golden(_ golden: Golden) throws {
    let source = ip("10.0.0.1")
    let expected = bytes(golden.annotated)
    for destination in [ip("10.0.0.2"), ip("224.0.0.18")] {
      for form in ChecksumForm.allCases {
        #expect(golden.advertisement.encode(from: source, to: destination, checksum: form) == expected)
      }
      let decoded = try Advertisement.decode(expected, source: source, destination: destination)
      #expect(decoded.advertisement == golden.advertisement)
      #expect(decoded.checksumForm == .rfc9568)
    }
    #expect(onesComplementSum(expected) == 0xffff, "the checksum, computed independently")
  }

  struct Flawed: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var reason: DiscardReason
    var vrid: UInt8? = 12
    var annotated: String
  }

  private static let flaws = [
    Flawed(
      testDescription: "RX-3: type 2", reason: .type,
      annotated: "22 0c c8 01 00 01 0b ca 0a 00 00 27 00 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-4: one byte too long", reason: .length,
      annotated: "21 0c c8 01 00 01 0c ca 0a 00 00 27 00 00 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-4: one byte too short", reason: .length,
      annotated: "21 0c c8 01 00 01 0c ca 0a 00 00 27 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-5: right only with a pseudo-header, which version 2 has not", reason: .checksum,
      annotated: "21 0c c8 01 00 01 f8 42 0a 00 00 27 00 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-5: another password than the checksum was made for", reason: .checksum,
      annotated: "21 0c c8 02 01 01 93 a4 0a 00 00 27 cb 00 71 09 73 33 63 72 65 75 00 00"),
    Flawed(
      testDescription: "RX-6: VRID 0 can not be configured", reason: .vrid, vrid: nil,
      annotated: "21 00 c8 01 00 01 0c d6 0a 00 00 27 00 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-7: no address", reason: .addressCount,
      annotated: "21 0c c8 00 00 01 16 f2 00 00 00 00 00 00 00 00"
    ),
    Flawed(
      testDescription: "RX-8: interval 0", reason: .interval,
      annotated: "21 0c c8 01 00 00 0c cb 0a 00 00 27 00 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-11: an interval that no cluster file can have", reason: .intervalMismatch,
      annotated: "21 0c c8 01 00 29 0c a2 0a 00 00 27 00 00 00 00 00 00 00 00"),
    Flawed(
      testDescription: "RX-11: authentication type 2, the IP Authentication Header of RFC 2338",
      reason: .authentication,
      annotated: "21 0c c8 01 02 01 0a ca 0a 00 00 27 00 00 00 00 00 00 00 00"),
  ]

  @Test("Discarded with its reason", arguments: flaws)
  func flawed(_ flawed: Flawed) {
    #expect(throws: DiscardedMessage(reason: flawed.reason, vrid: flawed.vrid.flatMap(VRID.init(rawValue:)))) {
      _ = try Advertisement.decode(bytes(flawed.annotated), source: ip("10.0.0.1"), destination: ip("10.0.0.2"))
    }
  }

  @Test("RFC 3768 §5.3.10: without authentication its data are ignored")
  func ignoredData() throws {
    let message = bytes("21 0c c8 01 00 01 d1 8e 0a 00 00 27 de ad be ef de ad be ef")
    let decoded = try Advertisement.decode(message, source: ip("10.0.0.1"), destination: ip("10.0.0.2"))
    #expect(decoded.advertisement == Self.message("10.0.0.39"))
  }

  @Test("As long as CARP, but no CARP: five addresses")
  func notCARP() throws {
    let list = "0a 00 00 01 0a 00 00 02 0a 00 00 03 0a 00 00 04 0a 00 00 05"
    let message = bytes("21 0c c8 05 00 01 e4 dd \(list) 00 00 00 00 00 00 00 00")
    #expect(message.count == 36)
    let decoded = try Advertisement.decode(message, source: ip("10.0.0.1"), destination: ip("224.0.0.18"))
    #expect(decoded.advertisement.addresses.count == 5)
  }
}
