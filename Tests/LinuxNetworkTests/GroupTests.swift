// VRRP's multicast groups on a cable: joined, left, and spoken to. RFC 9568 §5.1.1.2, §5.1.2.2

import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("Multicast groups")
struct GroupTests {
  static let group4 = ip("224.0.0.18")
  static let group6 = ip("ff02::12")

  private func memberships(on link: NetworkInterface) -> Set<GroupMembership> {
    Set([Self.group4, Self.group6].map { GroupMembership(group: $0, interfaceIndex: link.index) })
  }

  private func accept(vrid: UInt8, on host: LinuxHost) throws {
    try host.setReceptionFilter(
      ReceptionFilter(
        sources: [], vrids: [],
        groups: [.init(address: Self.group4, vrids: [vrid]), .init(address: Self.group6, vrids: [vrid])],
        versions: [3]))
  }

  @Test("TX-1, TX-3: what is sent to a group arrives at its members with TTL or hop limit 255, from the given address")
  func roundTrip() throws {
    let pair = try TestPair()
    let linkLocal = try pair.linkLocals()
    try accept(vrid: 12, on: pair.right)
    try accept(vrid: 12, on: pair.left)
    #expect(pair.right.setMemberships(memberships(on: pair.rightLink), sampled: []).isEmpty)
    #expect(pair.left.setMemberships(memberships(on: pair.leftLink), sampled: []).isEmpty)
    for (source, group) in [(TestPair.left4, Self.group4), (linkLocal.left, Self.group6)] {
      let payload = advertisement(vrid: 12)
      try pair.left.send(payload, from: source, to: group, interfaceIndex: pair.leftLink.index)
      let expected = ReceivedDatagram(
        payload: payload, source: source, destination: group, hopLimit: 255, interfaceIndex: pair.rightLink.index)
      #expect(pair.right.waitForDatagram() == expected)
      #expect(pair.left.nextDatagram() == nil, "it does not hear itself")
    }
  }

  @Test("A host without any route to the group can speak to it")
  func withoutRoute() throws {
    let pair = try TestPair()
    try pair.leftNamespace.ip("route flush table main")
    try accept(vrid: 12, on: pair.right)
    _ = pair.right.setMemberships(memberships(on: pair.rightLink), sampled: [])
    try pair.left.send(
      advertisement(vrid: 12), from: TestPair.left4, to: Self.group4, interfaceIndex: pair.leftLink.index)
    #expect(pair.right.waitForDatagram()?.source == TestPair.left4)
  }

  @Test("Memberships are joined once and left when they are no longer wanted")
  func difference() throws {
    let pair = try TestPair()
    #expect(try !isMember(pair.rightNamespace))
    for _ in 0..<2 {
      #expect(pair.right.setMemberships(memberships(on: pair.rightLink), sampled: []).isEmpty)
      #expect(try isMember(pair.rightNamespace))
    }
    _ = pair.right.setMemberships([], sampled: [])
    #expect(try !isMember(pair.rightNamespace))
  }

  @Test("An interface that was made anew is joined anew, and what was left behind on the old one is no obstacle")
  func recreatedInterface() throws {
    let pair = try TestPair()
    try accept(vrid: 12, on: pair.right)
    _ = pair.right.setMemberships(memberships(on: pair.rightLink), sampled: [])
    try pair.rightNamespace.ip("link delete right")
    try pair.leftNamespace.connect("left", to: pair.rightNamespace, "right")
    try pair.leftNamespace.ip("address add 192.0.2.1/24 dev left")
    let left = try pair.left.waitForLink("left")
    let right = try pair.right.waitForLink("right")
    #expect(right.index != pair.rightLink.index)
    #expect(pair.right.setMemberships(memberships(on: right), sampled: []).isEmpty)
    try pair.left.send(advertisement(vrid: 12), from: TestPair.left4, to: Self.group4, interfaceIndex: left.index)
    #expect(pair.right.waitForDatagram()?.interfaceIndex == right.index)
  }

  @Test("A membership outlives a link that goes down and comes back")
  func linkFlap() throws {
    let pair = try TestPair()
    try accept(vrid: 12, on: pair.right)
    _ = pair.right.setMemberships(memberships(on: pair.rightLink), sampled: [])
    try pair.rightNamespace.ip("link set right down")
    try pair.rightNamespace.ip("link set right up")
    _ = try pair.right.waitForLink("right")
    _ = try pair.left.waitForLink("left")
    try pair.left.send(
      advertisement(vrid: 12), from: TestPair.left4, to: Self.group4, interfaceIndex: pair.leftLink.index)
    #expect(pair.right.waitForDatagram()?.source == TestPair.left4)
  }

  @Test("Where unicast is spoken, a group is only sampled: it wakes nobody")
  func sampled() async throws {
    let pair = try TestPair()
    try pair.right.setReceptionFilter(
      ReceptionFilter(
        sources: [TestPair.left4], vrids: [12], groups: [.init(address: Self.group4, vrids: [])], versions: [3]))
    #expect(pair.right.setMemberships([], sampled: memberships(on: pair.rightLink)).isEmpty)
    try pair.left.send(
      advertisement(vrid: 12), from: TestPair.left4, to: Self.group4, interfaceIndex: pair.leftLink.index)
    #expect(try await pair.right.waitForRejected()?.destination == Self.group4)
    #expect(pair.right.nextDatagram() == nil)
  }

  @Test("What can not be joined is said with its cause, and tried again")
  func failure() throws {
    let pair = try TestPair()
    let nowhere = GroupMembership(group: Self.group4, interfaceIndex: 9_999)
    for _ in 0..<2 {
      let failures = pair.right.setMemberships([nowhere], sampled: [])
      #expect(
        failures[nowhere]?.description
          == "interface 9999: cannot join 224.0.0.18: no such device (the interface does not exist, or no longer)")
    }
  }

  private func isMember(_ namespace: TestNamespace) throws -> Bool {
    let shown = try namespace.ip("maddress show dev right")
    let both = [Self.group4, Self.group6].map { shown.contains("\($0)\n") || shown.contains("\($0) ") }
    #expect(both[0] == both[1])
    return both[0]
  }
}
