// Two holders that could not hear each other, and what becomes of them when they can.

import ControlAPI
import Rehearsal
import Testing

@Suite("Split brain", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct SplitBrainTests {
  @Test("The winner tells the neighbours at once when a partition heals, and says what was wrong")
  func heal() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms")) { cluster in
      try await cluster.holder(is: "n1")
      // The client stays with n2 and n3.
      try cluster.testbed.partition(cluster["n1"])
      try await cluster.wait(until: "two hold the address") {
        cluster["n2"].holds(Cluster.address) && cluster["n1"].holds(Cluster.address)
      }
      let client = try await cluster.client(answeredBy: "n2")
      let begin = Moment.now()
      try cluster.testbed.heal(cluster["n1"])
      try await client.waitForAnswer(from: "n1", for: .milliseconds(200))
      let record = client.stop()
      let found = try #require(record.spans.last { $0.responder == "n1" }).first - begin
      print("measured: from the heal until the client found the winner: \(found)")
      // Up to one interval passes before either speaks. A neighbour that is not told asks again after some thirty seconds.
      #expect(found < .seconds(1))
      #expect(record.responders == ["n2", "n1"])
      try await cluster.holder(is: "n1")
      #expect(
        try cluster.daemon("n1").log.contains("is Active too, with priority 150: two nodes answer for 10.0.10.39"))
      #expect(try cluster.router(on: "n1").conflicts == 1)
    }
  }

  private static let oneWay = "ingress: n2 does not hear n1, which hears it"

  @Test("A one-way link: the side that hears gives way, all who can know tell it, and it comes back without an outage")
  func oneWayLink() async throws {
    // Who falls silent for an interval or half of one is counted upon to be heard before.
    try await Cluster.with(ClusterFile(interval: "300ms")) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let before = try cluster.router(on: "n1").transitions
      let begin = Moment.now()
      try cluster.testbed.block(from: cluster["n1"], to: cluster["n2"])
      try await cluster.holder(is: "n2")
      print("measured: a one-way link ended in one holder after \(Moment.now() - begin)")
      try await client.waitForAnswer(from: "n2", for: .milliseconds(300))
      let reason = try cluster.router(on: "n1").reason
      #expect(reason.contains("n2 (10.0.10.32) does not hear this node, which gives way for another"), "\(reason)")
      for node in ["n1", "n3"] {
        #expect(try cluster.daemon(node).log.contains(Self.oneWay), "\(node)")
      }
      #expect(try speaksOfIt("n1", cluster))
      #expect(try cluster.router(on: "n1").deafLinks == [DeafLink(from: "n1", to: "n2")])

      try cluster.testbed.unblock(from: cluster["n1"], to: cluster["n2"])
      let healed = Moment.now()
      try await cluster.holder(is: "n1")
      try await client.waitForAnswer(from: "n1", for: .milliseconds(300))
      let record = client.stop()
      #expect(record.longestOutage(since: healed) < .milliseconds(100))
      #expect(try cluster.router(on: "n1").transitions == before + 2, "no flapping")
      #expect(try !speaksOfIt("n1", cluster))
    }
  }

  private func speaksOfIt(_ node: String, _ cluster: Cluster) throws -> Bool {
    try cluster.status(node).health?.problems.contains { $0.hasPrefix(Self.oneWay) } ?? false
  }

  @Test("one_way: hold goes on, and says so")
  func oneWayLinkHeld() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms", more: ["one_way: hold"])) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.block(from: cluster["n1"], to: cluster["n2"])
      try await cluster.wait(until: "n1 and n3 say so") {
        try ["n1", "n3"].allSatisfy { try speaksOfIt($0, cluster) && cluster.daemon($0).log.contains(Self.oneWay) }
      }
      #expect(try ["n1", "n2"].allSatisfy { try cluster.router(on: $0).state == .active })
      try cluster.testbed.unblock(from: cluster["n1"], to: cluster["n2"])
      try await cluster.holder(is: "n1")
      try await cluster.wait(until: "nobody speaks of it any more") {
        try ["n1", "n3"].allSatisfy { try !speaksOfIt($0, cluster) }
      }
    }
  }

  @Test("A stranger with the virtual address is named by its MAC, and outdone")
  func stranger() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms"), daemons: false) { cluster in
      #expect(
        try cluster["n3"].run("ip", ["address", "add", "\(Cluster.address)/24", "dev", "eth0"]).status.isSuccess)
      try cluster.start("n1")
      // It asks for whoever else has what it holds.
      try await cluster.wait(until: "n1 says so") {
        try cluster.status("n1").health?.problems.contains { $0.contains("is also claimed by 02:00:00:00:02:00") }
          == true
      }
    }
  }
}
