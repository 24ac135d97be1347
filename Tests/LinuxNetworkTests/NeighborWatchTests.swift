// Two hosts with one address, as the kernel shows them to each other.

import CLinux
import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("Watch on neighbours")
struct NeighborWatchTests {
  private func watched(_ address: IPAddress, on link: NetworkInterface) throws -> WatchedAddress {
    WatchedAddress(
      address: address, interfaceIndex: link.index, hardwareAddress: try #require(link.hardwareAddress))
  }

  /// The next claim, waited for.
  private func claim(heardBy host: LinuxHost) throws -> ReceivedFrame {
    while true {
      if let frame = host.nextNeighborFrame() { return frame }
      try #require(waitUntilReadable(host.neighborDescriptors), "no claim is heard")
    }
  }

  @Test("A claim to a watched address is heard, and nothing else is", arguments: [TestPair.right4, TestPair.right6])
  func heard(address: IPAddress) throws {
    let pair = try TestPair()
    let other = address == TestPair.right4 ? ip("192.0.2.77") : ip("2001:db8::77")
    let claim = claimFrame(of: address, from: hardware(9))
    try pair.left.sendFrame(claim, interfaceIndex: pair.leftLink.index)
    try pair.right.watchNeighbors(for: [try watched(address, on: pair.rightLink)])

    try pair.left.sendFrame(claimFrame(of: other, from: hardware(9)), interfaceIndex: pair.leftLink.index)
    let own = try #require(pair.rightLink.hardwareAddress)
    try pair.left.sendFrame(claimFrame(of: address, from: own), interfaceIndex: pair.leftLink.index)
    try pair.right.sendFrame(claim, interfaceIndex: pair.rightLink.index)
    let marked = claimFrame(of: address, from: hardware(10))
    try pair.left.sendFrame(marked, interfaceIndex: pair.leftLink.index)
    // The one before the watch, the other address, our own hardware address and our own frame: none comes before this.
    let frame = try self.claim(heardBy: pair.right)
    #expect(frame == ReceivedFrame(bytes: marked, interfaceIndex: pair.rightLink.index))
    #expect(pair.right.nextNeighborFrame() == nil)
  }

  @Test("A host that has our address gives itself away as soon as it looks for anybody")
  func aRealRival() throws {
    let pair = try TestPair()
    try pair.right.watchNeighbors(for: [try watched(TestPair.right4, on: pair.rightLink)])
    try pair.leftNamespace.ip("address add 192.0.2.2/24 dev left")
    // Its kernel must find out where 192.0.2.50 lives.
    try pair.leftNamespace.inside { try sendFromRight4() }
    let frame = try claim(heardBy: pair.right)
    let rival = try #require(pair.leftLink.hardwareAddress)
    #expect(Array(frame.bytes[22..<32]) == rival.bytes + TestPair.right4.bytes)
  }

  /// One datagram from 192.0.2.2 to 192.0.2.50.
  private func sendFromRight4() throws {
    let descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    try check(descriptor, "socket")
    defer { close(descriptor) }
    func address(_ last: UInt8) -> sockaddr_in {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0xc000_0200 + UInt32(last)).bigEndian
      address.sin_port = UInt16(9).bigEndian
      return address
    }
    func with(_ address: sockaddr_in, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int) -> CInt {
      withUnsafePointer(to: address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          CInt(call($0, socklen_t(MemoryLayout<sockaddr_in>.size)))
        }
      }
    }
    try check(with(address(2)) { Int(bind(descriptor, $0, $1)) }, "bind")
    try check(with(address(50)) { sendto(descriptor, "?", 1, 0, $0, $1) }, "sendto")
  }

  @Test("A flood of ARP for other addresses wakes nobody; one for ours is sampled")
  func flood() throws {
    let pair = try TestPair()
    try pair.right.watchNeighbors(for: [try watched(TestPair.right4, on: pair.rightLink)])
    let other = claimFrame(of: ip("192.0.2.77"), from: hardware(9))
    for _ in 0..<20_000 { try pair.left.sendFrame(other, interfaceIndex: pair.leftLink.index) }
    #expect(pair.right.nextNeighborFrame() == nil)

    let ours = claimFrame(of: TestPair.right4, from: hardware(9))
    for _ in 0..<20_000 { try pair.left.sendFrame(ours, interfaceIndex: pair.leftLink.index) }
    _ = try claim(heardBy: pair.right)
    var count = 1
    while pair.right.nextNeighborFrame() != nil { count += 1 }
    #expect((2..<1000).contains(count), "the kernel keeps tens: \(count)")

    try pair.right.watchNeighbors(for: [])
    try pair.left.sendFrame(ours, interfaceIndex: pair.leftLink.index)
    #expect(pair.right.nextNeighborFrame() == nil, "watches nothing any more")
  }

  @Test("An IPv6 address that another host has too is reported as a duplicate")
  func failedDetection() async throws {
    let leftNamespace = try TestNamespace(addressDetection: true)
    let rightNamespace = try TestNamespace(addressDetection: true)
    try leftNamespace.connect("left", to: rightNamespace, "right")
    let right = try rightNamespace.inside { try LinuxHost() }
    try leftNamespace.ip("address add 2001:db8::1/64 dev left nodad")
    _ = try right.interfaces()
    try rightNamespace.ip("address add 2001:db8::1/64 dev right")
    let isTold = try await eventually(seconds: 30) {
      guard right.drainChanges() else { return false }
      let entry = try right.interfaces().first { $0.name == "right" }?.entry(of: ip("2001:db8::1"))
      return entry?.isDuplicate == true && entry?.isUsable == false
    }
    #expect(isTold)
  }

  @Test("Interfaces come and go under the watch")
  func interfaceGoes() throws {
    let pair = try TestPair()
    try pair.right.watchNeighbors(for: [try watched(TestPair.right4, on: pair.rightLink)])
    try pair.rightNamespace.ip("link set right down")
    try pair.rightNamespace.ip("link set right up")
    _ = try pair.right.waitForLink("right")
    #expect(pair.right.nextNeighborFrame() == nil)
    try pair.left.sendFrame(
      claimFrame(of: TestPair.right4, from: hardware(9)), interfaceIndex: pair.leftLink.index)
    _ = try claim(heardBy: pair.right)
  }
}
