// What a node says of others that are configured otherwise, or that it cannot understand.

import ControlAPI
import NetworkTypes
import Testing
import VRRP

@testable import VIPDaemon

@Suite struct DisagreementTests {
  private func problems(_ bench: Bench) async -> [String] { await bench.agent.status().health?.problems ?? [] }

  private func priority(_ value: UInt8) -> AdvertisedPriority { AdvertisedPriority(fieldValue: value) }

  @Test("Another interval and another list of addresses count, and are told once, until they are gone")
  func intervalAndAddresses() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    let first = bench.agent.events.nextNumber
    bench.hear(from: "10.0.0.2", priority: priority(250), centiseconds: 200, addresses: ["10.0.0.9", "10.0.0.8"])
    bench.hear(from: "10.0.0.2", priority: priority(250), centiseconds: 200, addresses: ["10.0.0.9", "10.0.0.8"])
    try await eventually("heard") { await bench.agent.status().peers.first?.advertisementsReceived == 2 }
    let words = [
      "ingress: n2 (10.0.0.2) advertises every 2s, and this node's file says 1s: the same belongs on all",
      "ingress: n2 (10.0.0.2) has 10.0.0.8, which this node's file has not: the same addresses belong on all",
    ]
    #expect(await problems(bench) == words)
    let peer = try #require(await bench.agent.status().peers.first)
    #expect(peer.disagreements == words)
    #expect(peer.interval == .seconds(2) && peer.protocolVersion == 3 && peer.hopLimit == 255)
    #expect(await bench.agent.status().virtualRouters.first?.activeRouter?.node == "n2", "it counts all the same")

    bench.hear(from: "10.0.0.2", priority: priority(250), centiseconds: 100)
    try await eventually("agrees") { await problems(bench).isEmpty }
    let told = (bench.agent.events.events(from: first, limit: 256) ?? []).map(\.event.message)
    #expect(told.filter { $0.hasPrefix("ingress: n2") } == words + ["ingress: n2 (10.0.0.2) and this node agree again"])
    await bench.end()
  }

  @Test("Two address owners are told by their names")
  func twoOwners() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s", priorities: [255, 150, 100]))
    bench.hear(from: "10.0.0.2", priority: priority(255), centiseconds: 100)
    try await eventually("told") {
      await problems(bench) == [
        "ingress: n2 (10.0.0.2) says that it owns the addresses (priority 255), and so does this node: two address "
          + "owners; give 255 to the one whose interface has them for good, or to none"
      ]
    }
    bench.hear(from: "10.0.0.3", priority: priority(100), centiseconds: 100)
    try await eventually("told too") {
      await problems(bench).contains(
        "ingress: n3 (10.0.0.3) advertises priority 100, though this node owns the addresses (priority 255)")
    }
    await bench.end()
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var keys: [String]
    var hear: @Sendable (Bench) -> Void
    var words: String
  }

  private static let refusals = [
    Refusal(
      testDescription: "RX-2: version 2 where 3 is spoken", keys: [],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 100, version: .v2) },
      words: "version 2, and ingress speaks version 3 (RX-2): the same belongs on all"),
    Refusal(
      testDescription: "RX-11: another interval", keys: ["version: 2"],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 200, version: .v2) },
      words: "an interval of 2s, and ours is 1s, which version 2 does not allow (RX-11): the same belongs on all"),
    Refusal(
      testDescription: "RX-11: no password", keys: ["version: 2", "password: secret"],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 100, version: .v2) },
      words: "no password, and ours has one (RX-11)"),
    Refusal(
      testDescription: "RX-11: a password", keys: ["version: 2"],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 100, version: .v2, password: "x") },
      words: "a password, and ours has none (RX-11)"),
    Refusal(
      testDescription: "RX-11: another password", keys: ["version: 2", "password: secret"],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 100, version: .v2, password: "x") },
      words: "another password than ours (only the first 8 bytes count) (RX-11)"),
    Refusal(
      testDescription: "RX-10: multicast where unicast is spoken", keys: [],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 100, filtered: true, to: "224.0.0.18") },
      words: "sent to 224.0.0.18, and ingress speaks unicast (RX-10): 'transport' must be the same on all"),
    Refusal(
      testDescription: "RX-10: unicast where multicast is spoken", keys: ["transport: multicast"],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, centiseconds: 100, filtered: true) },
      words: "sent to 10.0.0.1, and ingress speaks to the group (RX-10): 'transport' must be the same on all"),
    Refusal(
      testDescription: "RX-1: TTL 64", keys: [],
      hear: { $0.hear(from: "10.0.0.2", priority: lower, hopLimit: 64, centiseconds: 100, filtered: true) },
      words: "TTL 64 where 255 is needed (RX-1): it has crossed a router, or its sender does not set 255 "
        + "(keepalived: unicast_ttl 255; here: minimum_ttl)"),
  ]

  private static let lower = AdvertisedPriority(fieldValue: 150)

  @Test("What a peer says and does not count is in status, with both sides' values", arguments: refusals)
  func refused(_ refusal: Refusal) async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s", keys: refusal.keys))
    refusal.hear(bench)
    try await eventually("told") {
      await problems(bench) == ["ingress: advertisements of n2 (10.0.0.2) are discarded: \(refusal.words)"]
    }
    await bench.end()
  }

  @Test("A stranger's discarded packets are counted, and make no sentence in status")
  func stranger() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    bench.hear(from: "10.0.0.66", priority: priority(254), centiseconds: 100, filtered: true)
    try await eventually("counted") { await bench.agent.status().virtualRouters.first?.discarded["peer"] == 1 }
    #expect(await problems(bench).isEmpty)
    await bench.end()
  }
}
