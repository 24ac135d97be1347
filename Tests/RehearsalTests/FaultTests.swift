// Each fault, as a client sees it that asks a node's own address.

import Testing

@testable import Rehearsal

@Suite("Faults")
struct FaultTests {
  /// A node with a service, and a client that gets its answers.
  private func withTraffic(
    to address: String = "10.0.10.31", _ body: (Testbed, TestbedNode, NodeProcess, TrafficClient) async throws -> Void
  ) async throws {
    try await Testbed.with { testbed in
      let node = testbed["n1"]
      let service = try await node.startHTTPService()
      let client = try TrafficClient(from: testbed.client, to: address, deadline: .milliseconds(100))
      try await client.waitForAnswer(from: "n1")
      try await body(testbed, node, service, client)
      try await client.waitForAnswer(for: .milliseconds(50))
      let record = client.stop()
      #expect(record.ongoingOutage == nil)
      #expect(Set(record.spans.map(\.responder)) == ["n1"])
      #expect(record.sent == record.answered + record.failed)
    }
  }

  /// The client gets no answer for a while after `begin`, and does again after `end`.
  private func expectOutage(
    _ client: TrafficClient, _ begin: () async throws -> Void, until end: () async throws -> Void
  ) async throws {
    let length = Duration.milliseconds(150)
    let before = Moment.now()
    try await begin()
    let begun = Moment.now()
    try await eventually("the client waits in vain") { client.record.longestOutage(since: before) > length }
    try await end()
    try await client.waitForAnswer()
    let answered = Moment.now()
    let outage = try #require(client.record.outages.last { $0.duration > length })
    #expect(outage.start > before - .milliseconds(100) && outage.start < begun + .milliseconds(500))
    #expect(outage.end <= answered)
  }

  @Test("Link cut: carrier is lost", arguments: ["10.0.10.31", "fd10::31"])
  func link(address: String) async throws {
    try await withTraffic(to: address) { testbed, node, _, client in
      try await expectOutage(client) {
        try testbed.cutLink(of: node)
        #expect(try node.run("cat", ["/proc/net/dev"]).output.contains("eth0"))
        #expect(try node.run("ip", ["link", "show", "eth0"]).output.contains("NO-CARRIER"))
      } until: {
        try testbed.restoreLink(of: node)
      }
    }
  }

  @Test("Partition: carrier stays")
  func partition() async throws {
    try await withTraffic { testbed, node, _, client in
      try await expectOutage(client) {
        try testbed.partition(node)
        #expect(try !node.run("ip", ["link", "show", "eth0"]).output.contains("NO-CARRIER"))
      } until: {
        try testbed.heal(node)
      }
    }
  }

  @Test("One way blocked, and two nodes hidden from each other")
  func directions() async throws {
    try await withTraffic { testbed, node, _, client in
      try await expectOutage(client) {
        try testbed.block(from: testbed.client, to: node)
      } until: {
        try testbed.unblock(from: testbed.client, to: node)
      }
      try await expectOutage(client) {
        try testbed.block(from: node, to: testbed.client)
      } until: {
        try testbed.unblock(from: node, to: testbed.client)
      }
      let before = Moment.now()
      try testbed.separate(node, testbed["n2"])
      try testbed.loseAdvertisements(percent: 30)
      try await client.waitForAnswer()
      #expect(client.record.longestOutage(since: before) < .milliseconds(500))
      try await expectOutage(client) {
        try testbed.separate(node, testbed.client)
      } until: {
        try testbed.reunite(node, testbed.client)
      }
      try testbed.reunite(node, testbed["n2"])
      try testbed.loseAdvertisements(percent: 0)
    }
  }

  @Test("Frozen node, hanging service, killed service")
  func processes() async throws {
    try await withTraffic { testbed, node, service, client in
      try await expectOutage(client) {
        try await node.freeze()
      } until: {
        try node.thaw()
      }
      try await expectOutage(client) {
        service.suspend()
      } until: {
        service.resume()
      }
      try await expectOutage(client) {
        service.kill()
        try await service.wait()
      } until: {
        #expect((client.record.failures[.refused] ?? 0) > 0)
        try await node.startHTTPService()
      }
    }
  }

  @Test("Host death, and the boot of an empty host")
  func host() async throws {
    try await withTraffic { testbed, node, service, client in
      try node.run("ip", ["addr", "add", "10.0.10.39/24", "dev", "eth0"])
      try await expectOutage(client) {
        try testbed.killHost(node)
        #expect(!node.isAlive && !service.isRunning && node.addresses.isEmpty)
      } until: {
        try testbed.bootHost(node)
        #expect(node.holds("10.0.10.31") && !node.holds("10.0.10.39"))
        #expect(Files.names(in: node.runDirectory).isEmpty)
        try await node.startHTTPService()
      }
    }
  }
}
