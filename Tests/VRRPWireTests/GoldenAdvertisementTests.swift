// Advertisements byte by byte: RFC 9568 §5.1 and §5.2. Each is encoded and decoded.

import NetworkTypes
import Testing
import VRRP
import VRRPWire

@Suite("Advertisements, byte by byte")
struct GoldenAdvertisementTests {
  struct Golden: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var advertisement: Advertisement
    var source = "10.0.0.1"
    var destination = "10.0.0.2"
    var form: ChecksumForm
    var annotated: String
  }

  private static let goldens = [
    Golden(
      testDescription: "IPv4, checksum over the message alone (RFC 9568 §5.2.8)",
      advertisement: advertisement("10.0.0.39", "203.0.113.9"), form: .rfc9568,
      annotated: """
        31           # version 3, type 1: ADVERTISEMENT
        0c           # VRID 12
        c8           # priority 200
        02           # two addresses
        00 64        # TX-2: reserved bits 0; Max Advertise Interval 100 cs
        c0 5b        # checksum
        0a 00 00 27  # 10.0.0.39
        cb 00 71 09  # 203.0.113.9
        """),
    Golden(
      testDescription: "IPv4, checksum with a pseudo-header",
      advertisement: advertisement("10.0.0.39", "203.0.113.9"), form: .pseudoHeader,
      annotated: """
        31           # version 3, type 1: ADVERTISEMENT
        0c           # VRID 12
        c8           # priority 200
        02           # two addresses
        00 64        # Max Advertise Interval 100 cs
        ab d8        # checksum, over 0a000001 0a000002 0070 0010 too
        0a 00 00 27  # 10.0.0.39
        cb 00 71 09  # 203.0.113.9
        """),
    Golden(
      testDescription: "IPv6, unicast",
      advertisement: advertisement("fe80::c", "fd00::39"), source: "fd00::1", destination: "fd00::2",
      form: .pseudoHeader,
      annotated: """
        31                                               # version 3, type 1: ADVERTISEMENT
        0c                                               # VRID 12
        c8                                               # priority 200
        02                                               # two addresses
        00 64                                            # Max Advertise Interval 100 cs
        10 29                                            # checksum, with the pseudo-header of RFC 8200 §8.1
        fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 0c  # TX-5: fe80::c first
        fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 39  # fd00::39
        """),
    Golden(
      testDescription: "IPv6, multicast",
      advertisement: advertisement(vrid: 1, priority: 100, "fe80::c"), source: "fe80::1", destination: "ff02::12",
      form: .pseudoHeader,
      annotated: """
        31 01 64 01                                      # version 3, type 1; VRID 1; priority 100; one address
        00 64                                            # Max Advertise Interval 100 cs
        6d ed                                            # checksum
        fe 80 00 00 00 00 00 00 00 00 00 00 00 00 00 0c  # fe80::c
        """),
    Golden(
      testDescription: "TX-4: priority 0 relinquishes",
      advertisement: advertisement(priority: 0, "10.0.0.39"), form: .rfc9568,
      annotated: """
        31 0c        # version 3, type 1; VRID 12
        00           # priority 0
        01           # one address
        00 64 c4 67  # 100 cs; checksum
        0a 00 00 27  # 10.0.0.39
        """),
    Golden(
      testDescription: "TX-4: priority 0 relinquishes, with a pseudo-header",
      advertisement: advertisement(priority: 0, "10.0.0.39"), form: .pseudoHeader,
      annotated: """
        31 0c        # version 3, type 1; VRID 12
        00           # priority 0
        01           # one address
        00 64 af e8  # 100 cs; checksum
        0a 00 00 27  # 10.0.0.39
        """),
    Golden(
      testDescription: "TX-4: the address owner's 255, the greatest VRID and interval, to the group",
      advertisement: advertisement(vrid: 255, priority: 255, every: 4095, "10.0.0.1"), destination: "224.0.0.18",
      form: .rfc9568,
      annotated: """
        31           # version 3, type 1
        ff           # VRID 255
        ff           # priority 255
        01           # one address
        0f ff        # TX-2: reserved bits 0; Max Advertise Interval 4095 cs
        b4 fe        # checksum
        0a 00 00 01  # 10.0.0.1
        """),
    Golden(
      testDescription: "The least of everything, to the group, with a pseudo-header",
      advertisement: advertisement(vrid: 1, priority: 1, every: 1, "10.0.0.39"), destination: "224.0.0.18",
      form: .pseudoHeader,
      annotated: """
        31 01 01 01  # version 3, type 1; VRID 1; priority 1; one address
        00 01        # Max Advertise Interval 1 cs
        d9 45        # checksum, over the group's address too
        0a 00 00 27  # 10.0.0.39
        """),
  ]

  @Test("Encoded so, and read back", arguments: goldens)
  func golden(_ golden: Golden) throws {
    let source = ip(golden.source)
    let destination = ip(golden.destination)
    let expected = bytes(golden.annotated)

    #expect(golden.advertisement.encode(from: source, to: destination, checksum: golden.form) == expected)

    let decoded = try Advertisement.decode(expected, source: source, destination: destination)
    #expect(decoded.advertisement == golden.advertisement)
    #expect(decoded.checksumForm == golden.form)

    let covered =
      golden.form == .rfc9568
      ? [] : pseudoHeader(source, destination, length: expected.count, protocolNumber: vrrpProtocolNumber)
    #expect(onesComplementSum(covered + expected) == 0xffff, "the checksum, computed independently")
  }

  @Test("Over IPv6 there is only the pseudo-header, whatever is asked for")
  func ipv6Form() {
    let source = ip("fd00::1")
    let destination = ip("fd00::2")
    let message = advertisement("fe80::c")
    #expect(
      message.encode(from: source, to: destination, checksum: .rfc9568)
        == message.encode(from: source, to: destination, checksum: .pseudoHeader))
  }

  @Test("In unicast each copy has the checksum of its own destination")
  func perDestination() {
    let copies = ["10.0.0.2", "10.0.0.3"].map {
      advertisement("10.0.0.39").encode(from: ip("10.0.0.1"), to: ip($0), checksum: .pseudoHeader)
    }
    #expect(copies[0] != copies[1])
    #expect(throws: DiscardedMessage(reason: .checksum, vrid: VRID(rawValue: 12))) {
      _ = try Advertisement.decode(copies[0], source: ip("10.0.0.1"), destination: ip("10.0.0.3"))
    }
  }

  @Test("RFC 9568 §5.2.6: reserved bits are ignored on receipt")
  func reservedBits() throws {
    let message = bytes("31 0c c8 01 f0 64 0c 66 0a 00 00 27")
    let decoded = try Advertisement.decode(message, source: ip("10.0.0.1"), destination: ip("10.0.0.2"))
    #expect(decoded.advertisement == advertisement("10.0.0.39"))
  }

  @Test("The count goes to 255 addresses, the address that fills it included")
  func manyAddresses() throws {
    var message = advertisement("10.0.0.39")
    message.addresses = (1...255).map { .v4(IPv4Address(rawValue: 0x0a00_0000 + $0)) }
    let encoded = message.encode(from: ip("10.0.0.1"), to: ip("10.0.0.2"), checksum: .rfc9568)
    #expect(encoded.count == 8 + 255 * 4)
    #expect(
      try Advertisement.decode(encoded, source: ip("10.0.0.1"), destination: ip("10.0.0.2")).advertisement == message)
  }
}

@Suite("What must never be sent")
struct TransmissionTests {
  @Test("TX-6: addresses of another family than the packet's are our own mistake")
  func family() async {
    await #expect(processExitsWith: .failure) {
      _ = advertisement("fe80::c").encode(from: ip("10.0.0.1"), to: ip("10.0.0.2"), checksum: .rfc9568)
    }
  }

  @Test("TX-5: so is an IPv6 list that does not begin with a link-local address")
  func linkLocalFirst() async {
    await #expect(processExitsWith: .failure) {
      _ = advertisement("fd00::39", "fe80::c").encode(from: ip("fd00::1"), to: ip("fd00::2"), checksum: .rfc9568)
    }
  }

  @Test("A list without addresses is our own mistake too")
  func empty() async {
    await #expect(processExitsWith: .failure) {
      _ = advertisement().encode(from: ip("10.0.0.1"), to: ip("10.0.0.2"), checksum: .rfc9568)
    }
  }
}
