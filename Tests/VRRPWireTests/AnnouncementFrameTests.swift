// Gratuitous ARP and the unsolicited neighbour advertisement, byte by byte.

import NetworkTypes
import Testing
import VRRPWire

@Suite("Announcements, byte by byte")
struct AnnouncementFrameTests {
  @Test("Gratuitous ARP: RFC 9568 §6.4.2, RFC 826")
  func gratuitousARP() throws {
    let address = IPv4Address(rawValue: 0x0a00_0027)
    let frame = GratuitousARP(address: address, hardwareAddress: try hardwareAddress()).frame
    #expect(
      frame
        == bytes(
          """
          ff ff ff ff ff ff  # to everyone
          02 00 5e 10 00 01  # from the interface
          08 06              # ARP
          00 01              # hardware: Ethernet
          08 00              # protocol: IPv4
          06 04              # lengths of their addresses
          00 01              # request
          02 00 5e 10 00 01  # sender: the interface
          0a 00 00 27        #   10.0.0.39
          02 00 5e 10 00 01  # target: the interface
          0a 00 00 27        #   10.0.0.39
          00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # padding to 60 bytes
          """))
    #expect(frame.count == 60)
  }

  @Test("Unsolicited neighbour advertisement: RFC 9568 §6.4.2, RFC 4861 §4.4", arguments: [false, true])
  func neighborAdvertisement(isRouter: Bool) throws {
    guard case .v6(let address) = ip("fd00::39") else { return }
    let frame = UnsolicitedNeighborAdvertisement(
      address: address, hardwareAddress: try hardwareAddress(), isRouter: isRouter
    ).frame
    #expect(
      frame
        == bytes(
          """
          33 33 00 00 00 01        # to all nodes' Ethernet group
          02 00 5e 10 00 01        # from the interface
          86 dd                    # IPv6
          60 00 00 00              # version 6, traffic class 0, flow label 0
          00 20                    # payload: 32 bytes
          3a                       # next header: ICMPv6
          ff                       # hop limit 255
          fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 39  # from fd00::39
          ff 02 00 00 00 00 00 00 00 00 00 00 00 00 00 01  # to ff02::1
          88 00                    # Neighbor Advertisement, code 0
          \(isRouter ? "7c 1a" : "fc 1a")  # checksum
          \(isRouter ? "a0" : "20") 00 00 00  # R as the kernel says; S clear; O set
          fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 39  # target: fd00::39
          02 01                    # option: target link-layer address, 8 bytes
          02 00 5e 10 00 01        # the interface
          """))

    let message = Array(frame[54...])
    let covered = pseudoHeader(.v6(address), ip("ff02::1"), length: message.count, protocolNumber: 58)
    #expect(onesComplementSum(covered + message) == 0xffff, "the checksum, computed independently")
  }

  @Test("ARP probe: RFC 5227 §2.1.1")
  func arpProbe() throws {
    let frame = AddressProbe(address: ip("10.0.0.31"), hardwareAddress: try hardwareAddress()).frame
    #expect(
      frame
        == bytes(
          """
          ff ff ff ff ff ff  # to everyone
          02 00 5e 10 00 01  # from the interface
          08 06              # ARP
          00 01 08 00 06 04  # Ethernet and IPv4, and the lengths of their addresses
          00 01              # request
          02 00 5e 10 00 01  # sender: the interface
          00 00 00 00        #   without an address
          00 00 00 00 00 00  # target: who has
          0a 00 00 1f        #   10.0.0.31?
          00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # padding to 60 bytes
          """))
    #expect(try NeighborClaim.decode(frame) == nil, "it claims nothing")
  }

  @Test("Neighbour solicitation of duplicate address detection: RFC 4862 §5.4.2, RFC 4861 §4.3")
  func neighborSolicitation() throws {
    let frame = AddressProbe(address: ip("fd00::a1:b2c3"), hardwareAddress: try hardwareAddress()).frame
    #expect(
      frame
        == bytes(
          """
          33 33 ff a1 b2 c3        # to the Ethernet group of
          02 00 5e 10 00 01        # from the interface
          86 dd                    # IPv6
          60 00 00 00 00 18 3a ff  # 24 bytes of ICMPv6, hop limit 255
          00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # from ::
          ff 02 00 00 00 00 00 00 00 00 00 01 ff a1 b2 c3  # to ff02::1:ffa1:b2c3
          87 00 16 de              # Neighbor Solicitation, code 0, checksum
          00 00 00 00              # reserved
          fd 00 00 00 00 00 00 00 00 00 00 00 00 a1 b2 c3  # target: fd00::a1:b2c3
          """))
    #expect(try NeighborClaim.decode(frame) == nil, "it claims nothing")
  }

  private func hardwareAddress() throws -> MACAddress {
    try #require(MACAddress(bytes: [0x02, 0x00, 0x5e, 0x10, 0x00, 0x01]))
  }
}
