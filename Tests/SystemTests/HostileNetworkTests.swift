// A network that means harm: forged packets as fast as a stranger can send them, and a host with somebody's address.
// PROTOCOL.md RX-1, RX-2, RX-5 … RX-8, RX-10; RFC 9568 §9

import ControlAPI
import Rehearsal
import Testing

@Suite("A flood of forgeries", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct HostileNetworkTests {
  private static let file = ClusterFile(addresses: ["10.0.10.39/24", "fd10::39/64"])
  /// n1's, in the order in which the test bed hands them out.
  private static let holder: [UInt8] = [2, 0, 0, 0, 0, 0]

  private static let lists = [["10.0.10.39"], ["fe80::200:5eff:fe00:20c", "fd10::39"]]

  /// To n1, of both families, from the address that ends like this: 32 is n2's, 250 a stranger's.
  private static func forged(from host: Int, _ change: (inout ForgedFrame) -> Void) -> [[UInt8]] {
    zip(["10.0.10.", "fd10::"], lists).map { network, addresses in
      var frame = ForgedFrame(source: "\(network)\(host)", destination: "\(network)31", addresses: addresses)
      change(&frame)
      return frame.bytes(to: holder)
    }
  }

  /// What the kernel's filter can tell, each flaw for itself and several at once.
  private static let tellable: [[UInt8]] = [
    forged(from: 250) { _ in },
    forged(from: 250) { $0.priority = 0 },
    forged(from: 250) { $0.hasWrongChecksum = true },
    forged(from: 250) { $0.addresses = [] },
    forged(from: 250) { $0.centiseconds = 0 },
    forged(from: 250) { $0.hopLimit = 3 },
    forged(from: 32) { $0.hopLimit = 254 },
    forged(from: 32) { $0.vrid = 13 },
    forged(from: 32) { $0.version = 4 },
  ].flatMap(\.self)

  /// What bears a peer's address, the right TTL and the right VRID, so that only a look at the message can tell.
  private static let untellable: [[UInt8]] = [
    forged(from: 32) { $0.hasWrongChecksum = true },
    forged(from: 32) { $0.addresses = [] },
    forged(from: 32) { $0.centiseconds = 0 },
    forged(from: 33) {
      $0.addresses[0] = $0.source.contains(":") ? "fd10::99" : "10.0.10.99"; $0.hasWrongChecksum = true
    },
  ].flatMap(\.self)

  /// What is right in every bit, and has nothing to say: a Backup Router that thinks it is Active, and one that ends.
  private static let harmless: [[UInt8]] = [
    forged(from: 32) { $0.priority = 1 },
    forged(from: 33) { $0.priority = 0 },
  ].flatMap(\.self)

  @Test("Ten seconds of what the kernel can tell: nothing moves, all is counted, and it costs the VRRP thread nothing")
  func keptAway() async throws {
    try await Cluster.with(Self.file) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let quiet = try await observe(cluster, for: .seconds(2))
      let flooded = try await observe(cluster, for: .seconds(10), under: Self.tellable)
      expectUndisturbed(client.stop())
      report("that the kernel tells", flooded, quiet)
      #expect(flooded.load - quiet.load < 0.02)
      expectNothingMoved(flooded)
      try await cluster.holder(is: "n1")
    }
  }

  @Test(
    "Five seconds of what only a look can tell, from peers' addresses: nothing moves, and the holder goes on in time")
  func lookedAt() async throws {
    try await Cluster.with(Self.file) { cluster in
      try await cluster.holder(is: "n1")
      let quiet = try await observe(cluster, for: .seconds(1))
      let flooded = try await observe(cluster, for: .seconds(5), under: Self.untellable)
      report("that must be looked at", flooded, quiet)
      expectNothingMoved(flooded)
      try await cluster.holder(is: "n1")
    }
  }

  @Test("Five seconds of lower priorities and farewells in peers' names: the holder holds, and answers within measure")
  func answered() async throws {
    // Who claims the addresses for so long would otherwise be taken for a node that does not hear the holder.
    var file = Self.file
    file.routers[0].more = ["one_way: hold"]
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: "n1")
      let quiet = try await observe(cluster, for: .seconds(1))
      let flooded = try await observe(cluster, for: .seconds(5), under: Self.harmless)
      report("that are taken", flooded, quiet)
      // However many they are: an answer in 10 ms, for each family.
      #expect(Double(flooded.advertisementsSent) < 2 * (flooded.duration / .milliseconds(10)) * 1.2)
      expectNothingMoved(flooded)
      try await cluster.holder(is: "n1")
    }
  }

  // MARK: Measuring

  /// What n1 went through in a while.
  private struct Observation {
    var flood: Flood.Record?
    /// How much of a core the VRRP thread used.
    var load: Double
    var duration: Duration
    /// VRRP packets that reached n1's kernel, by its own count.
    var received: Int
    /// Those that vipd has taken, discarded for a reason, or counted without a look.
    var counted: Int
    var advertisementsSent: Int
    var transitions: [Int]
  }

  private func observe(
    _ cluster: Cluster, for duration: Duration, under flood: [[UInt8]]? = nil
  ) async throws -> Observation {
    try countPackets(on: cluster["n1"])
    let daemon = try cluster.daemon("n1")
    let transitions = try transitions(of: cluster)
    let before = try cluster.status("n1")
    let begin = Moment.now()
    let used = try timeUsed(by: daemon)
    let sender = try flood.map { try Flood(from: cluster.testbed.client, $0) }
    try await Task.sleep(for: duration)
    // While the flood goes on, so that its end is not measured.
    let load = try (timeUsed(by: daemon) - used) / (Moment.now() - begin)
    let record = try sender?.stop()
    // Once n1 has worked off what waits.
    var after = try cluster.status("n1")
    try await eventually("n1 has counted what it received") {
      let last = counted(after)
      // For so long one answer does for all who ask.
      try await Task.sleep(for: .milliseconds(50))
      after = try cluster.status("n1")
      return counted(after) == last
    }
    return Observation(
      flood: record, load: load, duration: Moment.now() - begin, received: try packetCount(on: cluster["n1"]),
      counted: counted(after) - counted(before), advertisementsSent: sent(after) - sent(before),
      transitions: zip(try self.transitions(of: cluster), transitions).map(-))
  }

  private func report(_ kind: String, _ flooded: Observation, _ quiet: Observation) {
    let perSecond = flooded.flood?.perSecond ?? 0
    let share = (flooded.load * 1000).rounded() / 10
    let rest = (quiet.load * 1000).rounded() / 10
    print(
      "measured: forged packets \(kind): \(perSecond) a second sent, \(flooded.received) received, "
        + "\(flooded.counted) counted; VRRP thread \(share) % of a core, \(rest) % without")
  }

  private func expectNothingMoved(_ flooded: Observation, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(flooded.transitions.allSatisfy { $0 == 0 }, "\(flooded.transitions)", sourceLocation: sourceLocation)
    // Each second in which the holder was silent for long would have cost it the role; here it may not miss a third.
    let due = 2 * (flooded.duration / .milliseconds(100))
    #expect(Double(flooded.advertisementsSent) > due * 0.7, sourceLocation: sourceLocation)
    #expect((flooded.flood?.sent ?? 0) > 10_000, "this was no flood", sourceLocation: sourceLocation)
    let received = Double(flooded.received)
    #expect(
      Double(flooded.counted) > received * 0.98 && Double(flooded.counted) < received * 1.02 + 1000,
      "received \(flooded.received), counted \(flooded.counted)", sourceLocation: sourceLocation)
  }

  private func counted(_ status: NodeStatus) -> Int {
    let strays = status.strays.map { $0.unexamined + $0.discarded.values.reduce(0, +) } ?? 0
    return status.virtualRouters.reduce(strays) {
      $0 + $1.discarded.values.reduce(0, +) + $1.advertisementsReceived
    }
  }

  private func sent(_ status: NodeStatus) -> Int { status.virtualRouters.reduce(0) { $0 + $1.advertisementsSent } }

  private func transitions(of cluster: Cluster) throws -> [Int] {
    try cluster.testbed.nodes.flatMap { try cluster.status($0.name).virtualRouters.map(\.transitions) }
  }

  /// Of the VRRP thread, which is the process's first.
  private func timeUsed(by daemon: NodeProcess) throws -> Duration {
    try #require(daemon.firstThreadTime, "the kernel does not tell how long \(daemon.name) ran")
  }

  /// Has the kernel count VRRP packets that are for the node, before it hands them out.
  private func countPackets(on node: TestbedNode) throws {
    let table = """
      table inet flood
      delete table inet flood
      table inet flood { chain in { type filter hook input priority 0; meta l4proto 112 counter; }; }
      """
    let result = try node.run("nft", ["-f", "-"], input: table)
    try #require(result.status.isSuccess, "nft: \(result.output)")
  }

  private func packetCount(on node: TestbedNode) throws -> Int {
    let words = try node.run("nft", ["list", "table", "inet", "flood"]).output.split(whereSeparator: \.isWhitespace)
    let index = try #require(words.firstIndex(of: "packets"), "\(words)")
    return try #require(Int(words[index + 1]))
  }
}

@Suite("One address on two hosts", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct DuplicateAddressTests {
  @Test("A rival that keeps quiet is found by asking, in both families", arguments: ["10.0.10.31/24", "fd10::31/64"])
  func silentRival(address: String) async throws {
    let file = ClusterFile(addresses: ["10.0.10.39/24", "fd10::39/64"])
    try await Cluster.with(file, daemons: false) { cluster in
      try cluster.testbed.client.run("ip", ["address", "add", address, "dev", "eth0"])
      try cluster.start("n1")
      let rival = "\(address.prefix { $0 != "/" }), this node's address, is also claimed by 02:00:00:00:03:00 on eth0"
      try await cluster.wait(until: "n1 tells of its rival") {
        try cluster.status("n1").health?.problems.contains { $0.hasPrefix(rival) } == true
      }
    }
  }

  @Test("A second host with a node's address is told, by the hardware address that gives it away")
  func duplicateNodeAddress() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      #expect(try cluster.status("n1").health?.problems == [])
      try cluster.testbed.client.run("ip", ["address", "add", "10.0.10.31/24", "dev", "eth0"])
      let words =
        "10.0.10.31, this node's address, is also claimed by 02:00:00:00:03:00 on eth0: "
        + "two hosts with one address cannot both be peers; change one of them"
      try await cluster.wait(until: "n1 tells of its rival") {
        // The rival looks for somebody, as any host does: with its address as the sender's.
        try cluster.testbed.client.run(
          "curl", ["--silent", "--max-time", "0.2", "--interface", "10.0.10.31", "http://10.0.10.77/"])
        return try cluster.status("n1").health?.problems.contains(words) == true
      }
      #expect(try cluster.daemon("n1").log.contains(words))
      #expect(try cluster.status("n2").health?.problems == [], "it is n1's trouble alone")
      let page = try cluster["n1"].run(Programs.beside("vipctl"), ["status"]).output
      #expect(page.contains("is also claimed by 02:00:00:00:03:00"), "\(page)")
    }
  }
}
