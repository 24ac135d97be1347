// The filter of a watch on neighbours, verdict by verdict, without a kernel.

import CLinux
import NetworkTypes
import Testing

@testable import LinuxNetwork

@Suite("Neighbour filter")
struct NeighborFilterTests {
  private static let own = hardware(1)
  private static let rival = hardware(9)

  /// One property each is varied from a frame that passes.
  @Test("Verdicts", arguments: ["10.0.10.31", "fd00::31"])
  func verdicts(text: String) throws {
    let address = ip(text)
    let watched = WatchedAddress(address: address, interfaceIndex: 2, hardwareAddress: Self.own)
    let elsewhere = WatchedAddress(address: address, interfaceIndex: 3, hardwareAddress: Self.rival)
    let program = FilterProgram(watching: [watched, elsewhere], family: address.family)
    func passes(
      _ frame: [UInt8], on interface: Int = 2, _ type: CInt = CInt(PACKET_BROADCAST), isTagged: Bool = false
    ) throws -> Bool {
      try FilterMachine(frame: frame, interfaceIndex: interface, packetType: type, isTagged: isTagged)
        .run(program.instructions) > 0
    }
    let claim = claimFrame(of: address, from: Self.rival)
    #expect(try passes(claim))
    #expect(try passes(claim, CInt(PACKET_HOST)))
    #expect(try passes(claim, CInt(PACKET_MULTICAST)))
    #expect(try !passes(claim, CInt(PACKET_OUTGOING)))
    #expect(try !passes(claim, isTagged: true))
    #expect(try !passes(claim, on: 1))
    // On the other interface the rival's hardware address is our own, and ours a stranger's.
    #expect(try !passes(claim, on: 3))
    #expect(try passes(claimFrame(of: address, from: Self.own), on: 3))
    #expect(try !passes(claimFrame(of: address, from: Self.own)))
    // Like ours but for one half.
    #expect(try passes(claimFrame(of: address, from: MACAddress(bytes: [3, 0, 0, 0, 0, 1])!)))
    #expect(try passes(claimFrame(of: address, from: MACAddress(bytes: [2, 0, 1, 0, 0, 1])!)))
    for bit in 0..<address.family.addressBits {
      var bytes = address.bytes
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(try !passes(claimFrame(of: IPAddress(bytes: bytes)!, from: Self.rival)))
    }
    for length in 0..<claim.count where length < (address.family == .ipv4 ? 32 : 78) {
      #expect(try !passes(Array(claim[..<length])), "\(length) bytes")
    }
  }

  @Test("Of IPv6 only neighbour advertisements pass")
  func onlyAdvertisements() throws {
    let watched = WatchedAddress(address: ip("fd00::31"), interfaceIndex: 2, hardwareAddress: Self.own)
    let program = FilterProgram(watching: [watched], family: .ipv6)
    for (offset, value) in [(20, UInt8(17)), (20, 0), (54, 135), (54, 134)] {
      var frame = claimFrame(of: watched.address, from: Self.rival)
      frame[offset] = value
      #expect(try FilterMachine(frame: frame, interfaceIndex: 2).run(program.instructions) == 0)
    }
  }

  @Test("Watching nothing of a family drops everything of it")
  func nothing() {
    let watched = WatchedAddress(address: ip("10.0.10.31"), interfaceIndex: 2, hardwareAddress: Self.own)
    #expect(FilterProgram(watching: [], family: .ipv4) == .dropAll)
    #expect(FilterProgram(watching: [watched], family: .ipv6) == .dropAll)
  }

  @Test("Hundreds of addresses on several interfaces stay in reach of the jumps and of the kernel's limit")
  func manyAddresses() throws {
    let watched = (0..<400).map { index in
      WatchedAddress(
        address: .v6(IPv6Address(rawValue: 0xfd00 << 112 | UInt128(index % 200) << 40)),
        interfaceIndex: 2 + index / 200,
        hardwareAddress: Self.own)
    }
    let program = FilterProgram(watching: watched, family: .ipv6)
    #expect(program.instructions.count <= Int(BPF_MAXINSNS))
    for one in [watched[0], watched[99], watched[199], watched[200], watched[399]] {
      let frame = claimFrame(of: one.address, from: Self.rival)
      #expect(try FilterMachine(frame: frame, interfaceIndex: one.interfaceIndex).run(program.instructions) > 0)
      #expect(try FilterMachine(frame: frame, interfaceIndex: 9).run(program.instructions) == 0)
    }
  }
}

func hardware(_ last: UInt8) -> MACAddress { MACAddress(bytes: [2, 0, 0, 0, 0, last])! }

/// A gratuitous ARP, or an unsolicited neighbour advertisement whose checksum is nobody's business here.
func claimFrame(of address: IPAddress, from rival: MACAddress) -> [UInt8] {
  switch address {
  case .v4:
    return MACAddress.broadcast.bytes + rival.bytes + [0x08, 0x06] + [0, 1, 8, 0, 6, 4, 0, 1]
      + rival.bytes + address.bytes + rival.bytes + address.bytes
  case .v6:
    let header: [UInt8] = [0x60, 0, 0, 0, 0, 32, 58, 255]
    return MACAddress.ipv6AllNodes.bytes + rival.bytes + [0x86, 0xdd] + header + address.bytes + ip("ff02::1").bytes
      + [136, 0, 0, 0, 0x20, 0, 0, 0] + address.bytes + [2, 1] + rival.bytes
  }
}
