// Ethernet frames, as the other end of the cable sees them.

import CLinux
import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("Frames")
struct FrameTests {
  @Test("arrive as they were made")
  func roundTrip() throws {
    let pair = try TestPair()
    let tap = try pair.rightNamespace.inside {
      let everything = CInt(UInt16(0x0003).bigEndian)  // ETH_P_ALL
      return socket(AF_PACKET, CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), everything)
    }
    try check(tap, "socket")
    defer { close(tap) }
    let own = try #require(pair.leftLink.hardwareAddress)
    // A gratuitous ARP request for 192.0.2.9.
    let arp: [UInt8] =
      MACAddress.broadcast.bytes + own.bytes + [0x08, 0x06]
      + [0, 1, 8, 0, 6, 4, 0, 1] + own.bytes + [192, 0, 2, 9] + [0, 0, 0, 0, 0, 0] + [192, 0, 2, 9]
    try pair.left.sendFrame(arp, interfaceIndex: pair.leftLink.index)
    var seen: [[UInt8]] = []
    while !seen.contains(arp), waitUntilReadable([tap]) {
      var buffer = [UInt8](repeating: 0, count: 2048)
      let count = recv(tap, &buffer, buffer.count, 0)
      if count > 0 { seen.append(Array(buffer[..<count])) }
    }
    #expect(seen.contains(arp))
  }

  @Test("announce an address: the other end's neighbour entry follows a gratuitous ARP")
  func gratuitousARP() async throws {
    let pair = try TestPair()
    try pair.rightNamespace.ip("neighbour add 192.0.2.9 lladdr 02:00:00:00:00:01 dev right nud reachable")
    let own = try #require(pair.leftLink.hardwareAddress)
    let arp: [UInt8] =
      MACAddress.broadcast.bytes + own.bytes + [0x08, 0x06]
      + [0, 1, 8, 0, 6, 4, 0, 1] + own.bytes + [192, 0, 2, 9] + [0, 0, 0, 0, 0, 0] + [192, 0, 2, 9]
    try pair.left.sendFrame(arp, interfaceIndex: pair.leftLink.index)
    #expect(
      try await eventually {
        try pair.rightNamespace.ip("neighbour show 192.0.2.9").contains(own.description)
      })
  }

  @Test("too short for an Ethernet header are refused")
  func tooShort() throws {
    let pair = try TestPair()
    #expect(throws: HostNetworkFailure.self) {
      try pair.left.sendFrame([1, 2, 3], interfaceIndex: pair.leftLink.index)
    }
  }
}
