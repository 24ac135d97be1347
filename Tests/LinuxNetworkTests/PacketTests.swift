// VRRP packets between two hosts on a cable, and what the filter in the kernel does to others' packets.

import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("VRRP packets")
struct PacketTests {
  @Test("TX-1, TX-3: arrive with source, destination, interface, and TTL or hop limit 255")
  func roundTrip() throws {
    let pair = try TestPair()
    let linkLocal = try pair.linkLocals()
    try pair.acceptFromLeft()
    let payload = advertisement(vrid: 12)
    for (source, destination) in [
      (TestPair.left4, TestPair.right4), (TestPair.left6, TestPair.right6), (linkLocal.left, linkLocal.right),
    ] {
      try pair.left.send(payload, from: source, to: destination, interfaceIndex: pair.leftLink.index)
      let expected = ReceivedDatagram(
        payload: payload, source: source, destination: destination, hopLimit: 255,
        interfaceIndex: pair.rightLink.index)
      #expect(pair.right.waitForDatagram() == expected)
      #expect(pair.right.nextDatagram() == nil)
    }
  }

  @Test("may be as long as VRRP allows, and longer ones are cut")
  func lengths() throws {
    let pair = try TestPair()
    try pair.acceptFromLeft()
    for length in [2, 8, 1500, 4088, 9000] {
      let payload = (0..<length).map { $0 < 2 ? [0x31, 12][$0] : UInt8(truncatingIfNeeded: $0) }
      for (source, destination) in [(TestPair.left4, TestPair.right4), (TestPair.left6, TestPair.right6)] {
        try pair.left.send(payload, from: source, to: destination, interfaceIndex: pair.leftLink.index)
        let received = try #require(pair.right.waitForDatagram()?.payload)
        if length <= 4088 {
          #expect(received == payload)
        } else {
          #expect(received.count > 4088 && received.elementsEqual(payload.prefix(received.count)))
        }
      }
    }
  }

  @Test("TX-3: bear the chosen source where the host has several addresses")
  func chosenSource() throws {
    let pair = try TestPair()
    try pair.leftNamespace.ip("address add 192.0.2.77/24 dev left")
    let second = ip("192.0.2.77")
    try pair.right.setReceptionFilter(ReceptionFilter(sources: [second], vrids: [12], versions: [3]))
    try pair.left.send(
      advertisement(vrid: 12), from: second, to: TestPair.right4, interfaceIndex: pair.leftLink.index)
    #expect(pair.right.waitForDatagram()?.source == second)
  }

  @Test("are not received before there is a filter")
  func closedAtFirst() async throws {
    let pair = try TestPair()
    try pair.forge(advertisement(vrid: 11), from: TestPair.left4, to: TestPair.right4)
    try pair.forge(advertisement(vrid: 11), from: TestPair.left6, to: TestPair.right6)
    try pair.acceptFromLeft()
    try pair.forge(advertisement(vrid: 12), from: TestPair.left4, to: TestPair.right4)
    #expect(pair.right.waitForDatagram()?.payload == advertisement(vrid: 12))
    #expect(pair.right.nextDatagram() == nil)
    #expect(pair.right.nextRejectedDatagram() == nil)
  }

  /// A forged packet that differs from a good one in one property.
  struct Forgery: CustomTestStringConvertible {
    var testDescription: String
    var source4 = TestPair.left4
    var source6 = TestPair.left6
    var payload = advertisement(vrid: 12)
    var hopLimit: UInt8 = 255
  }

  static let forgeries = [
    Forgery(testDescription: "stranger", source4: ip("192.0.2.66"), source6: ip("2001:db8::66")),
    Forgery(testDescription: "other VRID", payload: advertisement(vrid: 13)),
    Forgery(testDescription: "other version", payload: advertisement(vrid: 12, version: 2)),
    Forgery(testDescription: "TTL 254", hopLimit: 254),
    Forgery(testDescription: "TTL 3", hopLimit: 3),
    Forgery(testDescription: "one byte", payload: [0x31]),
  ]

  @Test("that the filter does not want wake nobody, but are found in the sample", arguments: forgeries)
  func rejection(forgery: Forgery) async throws {
    let pair = try TestPair()
    try pair.acceptFromLeft()
    for (source, destination) in [(forgery.source4, TestPair.right4), (forgery.source6, TestPair.right6)] {
      try pair.forge(forgery.payload, from: source, to: destination, hopLimit: forgery.hopLimit)
      let rejected = try #require(try await pair.right.waitForRejected())
      #expect(rejected.source == source)
      #expect(rejected.hopLimit == forgery.hopLimit)
      #expect(rejected.payload == forgery.payload)
      #expect(!waitUntilReadable(pair.right.receptionDescriptors, seconds: 0))
      #expect(pair.right.nextDatagram() == nil)
    }
    #expect(pair.right.nextRejectedDatagram() == nil)
    #expect(pair.right.unsampledRejections == 0)
  }

  @Test("with rubbish behind the VRID pass, for the receive checks to count")
  func rubbishPasses() throws {
    let pair = try TestPair()
    try pair.acceptFromLeft()
    let rubbish: [[UInt8]] = [
      [0x31, 12], [0x3f, 12, 0, 0, 0, 0, 0, 0], [0x31, 12] + Array(repeating: 0xff, count: 100),
    ]
    for payload in rubbish {
      try pair.forge(payload, from: TestPair.left4, to: TestPair.right4)
      #expect(pair.right.waitForDatagram()?.payload == payload)
      try pair.forge(payload, from: TestPair.left6, to: TestPair.right6)
      #expect(pair.right.waitForDatagram()?.payload == payload)
    }
  }

  @Test("with a lowered minimum pass from there on up")
  func loweredMinimum() async throws {
    let pair = try TestPair()
    try pair.right.setReceptionFilter(
      ReceptionFilter(
        sources: [TestPair.left4, TestPair.left6], vrids: [12], versions: [2, 3], minimumHopLimit: 64))
    for (source, destination) in [(TestPair.left4, TestPair.right4), (TestPair.left6, TestPair.right6)] {
      try pair.forge(advertisement(vrid: 12), from: source, to: destination, hopLimit: 64)
      #expect(pair.right.waitForDatagram()?.hopLimit == 64)
      try pair.forge(advertisement(vrid: 12), from: source, to: destination, hopLimit: 63)
      #expect(try await pair.right.waitForRejected()?.hopLimit == 63)
    }
  }

  @Test("that wait are kept when the filter is replaced")
  func replacement() throws {
    let pair = try TestPair()
    try pair.acceptFromLeft()
    try pair.forge(advertisement(vrid: 12), from: TestPair.left4, to: TestPair.right4)
    #expect(waitUntilReadable(pair.right.receptionDescriptors))
    try pair.acceptFromLeft(vrids: [13])
    #expect(pair.right.nextDatagram()?.payload == advertisement(vrid: 12))
    try pair.forge(advertisement(vrid: 13), from: TestPair.left4, to: TestPair.right4)
    #expect(pair.right.waitForDatagram()?.payload == advertisement(vrid: 13))
  }

  @Test("pass the kernel's own machine with 32 peers of each family and all VRIDs")
  func manyPeers() throws {
    let pair = try TestPair()
    let others = (100..<131).flatMap { [ip("192.0.2.\($0)"), ip("2001:db8::\($0)")] }
    for vrids in [Array(1...255), Array(stride(from: UInt8(1), through: 255, by: 2))] {
      try pair.right.setReceptionFilter(
        ReceptionFilter(sources: others + [TestPair.left4, TestPair.left6], vrids: vrids, versions: [2, 3]))
      for vrid in [UInt8(1), 127, 255] {
        try pair.forge(advertisement(vrid: vrid), from: TestPair.left4, to: TestPair.right4)
        #expect(pair.right.waitForDatagram()?.payload[1] == vrid)
        try pair.forge(advertisement(vrid: vrid), from: TestPair.left6, to: TestPair.right6)
        #expect(pair.right.waitForDatagram()?.payload[1] == vrid)
      }
    }
  }

  @Test("of a flood of strangers are counted without waking anybody, and a peer is heard through it")
  func flood() async throws {
    let pair = try TestPair()
    try pair.acceptFromLeft()
    let packets = 5_000
    let frame = pair.forgedFrame(
      advertisement(vrid: 12), from: ip("192.0.2.66"), to: TestPair.right4, hopLimit: 255)
    let clock = ContinuousClock()
    let time = try clock.measure {
      for _ in 0..<packets { try pair.left.sendFrame(frame, interfaceIndex: pair.leftLink.index) }
    }
    try pair.forge(advertisement(vrid: 12), from: TestPair.left4, to: TestPair.right4)
    #expect(pair.right.waitForDatagram()?.source == TestPair.left4)
    #expect(pair.right.nextDatagram() == nil)

    var sampled = 0
    #expect(
      try await eventually {
        while pair.right.nextRejectedDatagram() != nil { sampled += 1 }
        // The peer's packet is one of those that found the sample full.
        return (packets...packets + 1).contains(sampled + Int(pair.right.unsampledRejections))
      })
    #expect((8..<200).contains(sampled))
    print("a stranger's packet, sent and dropped: \(time / packets) each; \(sampled) sampled of \(packets)")
  }

  @Test("are heard and sent again after the link was down, and after a peer answered that it speaks no VRRP")
  func afterTrouble() throws {
    let pair = try TestPair()
    let silent = try TestNamespace()
    try pair.leftNamespace.connect("side", to: silent, "far")
    try pair.leftNamespace.ip("address add 198.51.100.1/24 dev side")
    try silent.ip("address add 198.51.100.2/24 dev far")
    let side = try pair.left.waitForLink("side")
    // Nobody there has a socket for protocol 112: each packet brings back an ICMP error.
    for _ in 0..<20 {
      try pair.left.send(
        advertisement(vrid: 12), from: ip("198.51.100.1"), to: ip("198.51.100.2"), interfaceIndex: side.index)
      #expect(pair.left.nextDatagram() == nil)
    }
    try pair.acceptFromLeft()
    try pair.rightNamespace.ip("link set right down")
    #expect(pair.right.nextDatagram() == nil)
    try pair.rightNamespace.ip("link set right up")
    _ = try pair.left.waitForLink("left")
    _ = try pair.right.waitForLink("right")
    try pair.left.send(
      advertisement(vrid: 12), from: TestPair.left4, to: TestPair.right4, interfaceIndex: pair.leftLink.index)
    #expect(pair.right.waitForDatagram()?.source == TestPair.left4)
  }

  @Test("take turns between the families")
  func fairness() throws {
    let pair = try TestPair()
    try pair.acceptFromLeft()
    for _ in 0..<3 { try pair.forge(advertisement(vrid: 12), from: TestPair.left4, to: TestPair.right4) }
    for _ in 0..<3 { try pair.forge(advertisement(vrid: 12), from: TestPair.left6, to: TestPair.right6) }
    for descriptor in pair.right.receptionDescriptors { #expect(waitUntilReadable([descriptor])) }
    let families = [pair.right.waitForDatagram(), pair.right.waitForDatagram()].map { $0?.source.family }
    #expect(Set(families) == [.ipv4, .ipv6])
  }
}

extension TestPair {
  func linkLocals() throws -> (left: IPAddress, right: IPAddress) {
    let left = leftLink.addresses.map(\.address.address).first(where: \.isLinkLocal)
    let right = rightLink.addresses.map(\.address.address).first(where: \.isLinkLocal)
    return (try #require(left), try #require(right))
  }
}
