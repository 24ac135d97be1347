// A node that speaks to a group: where it listens, what its advertisements come from, and who else may speak there.

import NetworkTypes
import Testing
import VRRP

@testable import VIPDaemon

@Suite struct GroupTests {
  private static let eth0 = NetworkInterface(
    index: 2, name: "eth0", hardwareAddress: MACAddress(bytes: [2, 0, 0, 0, 0, 1]), isUp: true,
    addresses: [Bench.held("10.0.0.1/24"), Bench.held("fd00::1/64"), Bench.held("fe80::1/64")])
  private static let both = "[10.0.0.9/24, \"fd00::9/64\"]"
  private static let group4 = IPFamily.ipv4.vrrpGroup
  private static let group6 = IPFamily.ipv6.vrrpGroup

  private func bench(
    _ interface: NetworkInterface = eth0, priorities: [Int] = [200, 150, 100], addresses: String = both
  ) throws -> Bench {
    try Bench(
      Bench.clusterFile(priorities: priorities, addresses: addresses, keys: ["transport: multicast"]),
      interfaces: [interface])
  }

  private func state(_ bench: Bench) async -> String? {
    await bench.agent.status().virtualRouters.first?.state.rawValue
  }

  @Test("It listens to both groups where it speaks, and speaks to them; IPv6 from the link-local address (TX-3)")
  func speaks() async throws {
    let bench = try bench()
    try await eventually("speaks") {
      bench.host.deeds.contains(.sent(.contending(Priority(rawValue: 200)!), to: Self.group6))
    }
    #expect(bench.host.deeds.contains(.sent(.contending(Priority(rawValue: 200)!), to: Self.group4)))
    #expect(
      bench.host.memberships == [
        GroupMembership(group: Self.group4, interfaceIndex: 2), GroupMembership(group: Self.group6, interfaceIndex: 2),
      ])
    #expect(bench.host.filter?.groups.map(\.vrids) == [[12], [12]])
    #expect(bench.host.filter?.sources == [])
    #expect(bench.host.sources == [IPAddress("10.0.0.1")!, IPAddress("fe80::1")!])
    await bench.end()
  }

  @Test(
    "Without a link-local address it takes no part, and says so; it begins when there is one, and follows a new one")
  func linkLocal() async throws {
    var without = Self.eth0
    without.addresses.removeLast()
    let bench = try bench(without)
    try await eventually("says so") {
      await bench.agent.status().virtualRouters.first?.reason
        == "eth0 has no usable link-local IPv6 address, which multicast is sent from "
        + "(see net.ipv6.conf.eth0.disable_ipv6 and addr_gen_mode)"
    }
    #expect(bench.host.sources.isEmpty)
    bench.host.change { $0[0] = Self.eth0 }
    try await eventually("begins") { bench.host.sources.contains(IPAddress("fe80::1")!) }
    // Another MAC address, say. The virtual fe80:: address, which is on the interface now, is none of ours.
    bench.host.change { interfaces in
      interfaces[0].addresses.removeAll { $0.address.address == IPAddress("fe80::1") }
      interfaces[0].addresses.append(Bench.held("fe80::77/64"))
    }
    try await eventually("speaks from the new one") { bench.host.sources.contains(IPAddress("fe80::77")!) }
    try await eventually("is Active again") { await state(bench) == "active" }
    #expect(!bench.host.sources.contains(IPAddress("fe80::c")!))
    await bench.end()
  }

  @Test("Who can not join the group must not take itself for alone")
  func deaf() async throws {
    let bench = try bench(addresses: "[10.0.0.9/24]")
    try await eventually("Active") { await state(bench) == "active" }
    let failure = HostNetworkFailure(subject: "eth0", operation: "join 224.0.0.18", cause: "no buffer space", code: 105)
    bench.host.refuseJoining(failure)
    bench.host.change { $0[0].name = "eth0" }
    try await eventually("takes no part") {
      await bench.agent.status().virtualRouters.first?.reason
        == "other routers could not be heard: eth0: cannot join 224.0.0.18: no buffer space"
    }
    bench.host.refuseJoining(nil)
    try await eventually("tries again", within: .seconds(30)) { await state(bench) == "active" }
    await bench.end()
  }

  @Test("Any router may take part in a group; those of no file are listed by address, no more than 32 of them")
  func strangers() async throws {
    let bench = try bench(priorities: [200, 150, 100], addresses: "[10.0.0.9/24]")
    for number in 100..<150 {
      bench.hear(
        from: "10.0.0.\(number)", priority: AdvertisedPriority(fieldValue: 250), to: "224.0.0.18", checksum: .rfc9568)
    }
    try await eventually("follows the last") {
      let router = await bench.agent.status().virtualRouters.first
      return router?.advertisementsReceived == 50
    }
    let senders = try #require(await bench.agent.status().unknownSenders)
    #expect(senders.count == 32)
    #expect(senders.map(\.address).contains("10.0.0.149") && !senders.map(\.address).contains("10.0.0.100"))
    #expect(senders.map(\.checksum).allSatisfy { $0 == "rfc9568" } && senders.map(\.vrids).allSatisfy { $0 == [12] })
    await bench.end()
  }

  @Test("A group that uses both checksums is told, with who uses which")
  func checksums() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s", keys: ["transport: multicast"]))
    let higher = AdvertisedPriority(fieldValue: 250)
    bench.hear(from: "10.0.0.2", priority: higher, centiseconds: 100, to: "224.0.0.18", checksum: .rfc9568)
    bench.hear(from: "10.0.0.3", priority: higher, centiseconds: 100, to: "224.0.0.18")
    try await eventually("told") {
      await bench.agent.status().health?.problems == [
        "ingress: the group uses both checksums (pseudo_header by n3 (10.0.0.3); rfc9568 by n2 (10.0.0.2)): those who "
          + "accept only one do not hear all; set 'checksum' to what the others accept"
      ]
    }
    await bench.end()
  }

  @Test("The checksum that is spoken is what peers use in version 3 over IPv4; IPv6 and strangers do not change it")
  func checksumInUse() async throws {
    let bench = try Bench(
      Bench.clusterFile(interval: "100ms", addresses: Self.both, keys: ["transport: multicast"]),
      interfaces: [Self.eth0])
    let lower = AdvertisedPriority(fieldValue: 150)
    bench.hear(from: "10.0.0.2", priority: lower, centiseconds: 10, to: "224.0.0.18", checksum: .rfc9568)
    bench.hear(from: "10.0.0.77", priority: lower, centiseconds: 10, to: "224.0.0.18")
    bench.hear(
      from: "fe80::2", priority: lower, centiseconds: 10, to: "ff02::12",
      addresses: ["fe80::200:5eff:fe00:20c", "fd00::9"])
    try await eventually("heard all") {
      await bench.agent.status().virtualRouters.map(\.advertisementsReceived).reduce(0, +) == 3
    }
    bench.host.forgetDeeds()
    try await eventually("speaks as n2 does") { bench.host.formsSpoken[Self.group4] == .rfc9568 }
    let status = await bench.agent.status()
    #expect(status.unknownSenders?.map(\.address) == ["10.0.0.77"], "an IPv6 speaker is known by its IPv4 address")
    #expect(status.peers.first?.checksum == "rfc9568")
    await bench.end()
  }
}
