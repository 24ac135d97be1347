// The day on which a cluster moves from keepalived to vipd, and the day on which it moves back: three nodes, replaced one
// at a time under traffic, the holder last, in each dialect that the two have in common.

import ControlAPI
import Rehearsal
import Testing

@Suite("Rolling migration", .hasTheMachineToItself)
struct MigrationTests {
  /// One way to speak VRRP, said to both.
  struct Dialect: Sendable {
    var name: String
    var version = 3
    var isMulticast = false
    var password: String?
    var addresses = ["10.0.10.39/24"]
    /// In milliseconds.
    var interval = 200
    /// keepalived's `nopreempt`, vipd's `preempt: false`: a step that moves the address does so once.
    var preempts = true
    /// Of keepalived's unicast IPv6 packets; vipd's `minimum_ttl` follows it.
    var hopLimit: Int?
  }

  private static let ipv6 = ["fe80::39/64", "fd10::39/64"]
  private static let dialects = [
    Dialect(name: "version 2, multicast, password", version: 2, isMulticast: true, password: "s3cret", interval: 1000),
    Dialect(name: "version 2, unicast, password", version: 2, password: "s3cret", interval: 1000),
    Dialect(name: "version 3, unicast"),
    Dialect(name: "version 3, unicast, without preemption", preempts: false),
    Dialect(name: "version 3, multicast", isMulticast: true),
    Dialect(name: "version 3, unicast IPv6, hop limit 64", addresses: ipv6, hopLimit: 64),
    Dialect(name: "version 3, multicast IPv6", isMulticast: true, addresses: ipv6),
  ]

  @Test("keepalived's nodes are replaced one by one, and back: one move a step at most, never two holders, never none")
  func keepalived() async throws {
    // Side by side, since most of the time is spent waiting; each has hosts of its own.
    let steps = try await withThrowingTaskGroup(of: [MigrationStep].self) { group in
      for dialect in Self.dialects { group.addTask { try await Migration.run(dialect) } }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(steps.count == Self.dialects.count * 12)
    for step in steps {
      if step.moves > 0 { print("measured: \(step)") }
      #expect(step.moves <= step.expectedMoves, "\(step)")
      #expect(step.longestWithTwo <= step.interval, "\(step)")
      // keepalived's own lateness is not ours to bound.
      let lateness = Duration.milliseconds(step.successor == "vipd" ? 50 : 150)
      #expect(step.longestWithNone <= step.skewTime + lateness, "\(step)")
    }
  }
}

/// One daemon stopped or started, and what became of the address.
struct MigrationStep: Sendable, CustomStringConvertible {
  var dialect: String
  var deed: String
  /// Which daemon takes over, if one does.
  var successor: String
  /// Of the node that takes over.
  var skewTime: Duration
  var interval: Duration
  var expectedMoves: Int
  var moves = 0
  var longestWithTwo = Duration.zero
  var longestWithNone = Duration.zero

  var description: String {
    "\(dialect): \(deed): \(moves) moves, nobody for \(longestWithNone.inMilliseconds) ms, "
      + "two for \(longestWithTwo.inMilliseconds) ms"
  }
}

/// A cluster on its way from one daemon to another.
private struct Migration {
  let dialect: MigrationTests.Dialect
  let testbed: Testbed
  let watch: HolderWatch
  let client: TrafficClient
  private var running: [String: NodeProcess] = [:]
  private var holder = "n1"
  private let keepalived: DaemonUnderTest
  private let vipd: DaemonUnderTest

  private static let priorities = ["n1": 200, "n2": 150, "n3": 100]

  /// All steps there and back, judged.
  static func run(_ dialect: MigrationTests.Dialect) async throws -> [MigrationStep] {
    var steps: [MigrationStep] = []
    try await Testbed.with { testbed in
      for node in testbed.nodes { try await node.startHTTPService() }
      var migration = try Migration(dialect, testbed)
      try await migration.begin()
      steps = try await migration.goThereAndBack()
    }
    return steps
  }

  private init(_ dialect: MigrationTests.Dialect, _ testbed: Testbed) throws {
    self.dialect = dialect
    self.testbed = testbed
    watch = try HolderWatch(testbed)
    let address = String((dialect.addresses.last ?? "").prefix { $0 != "/" })
    client = try TrafficClient(from: testbed.client, to: address, period: .milliseconds(5))
    var instance = KeepalivedInstance(priorities: Self.priorities, addresses: dialect.addresses)
    instance.interval = dialect.interval == 1000 ? "1" : "0.\(dialect.interval / 100)"
    instance.version = dialect.version
    instance.password = dialect.password
    instance.isMulticast = dialect.isMulticast
    var keys = dialect.version == 2 ? ["version: 2"] : []
    if dialect.isMulticast { keys.append("transport: multicast") }
    if let password = dialect.password { keys.append("password: \(password)") }
    if !dialect.preempts {
      instance.more = ["nopreempt"]
      keys.append("preempt: false")
    }
    if let hopLimit = dialect.hopLimit { keys.append("minimum_ttl: \(hopLimit)") }
    let file = ClusterFile(interval: "\(dialect.interval)ms", addresses: dialect.addresses, more: keys)
    vipd = .vipd(file: file.text(for: .lan()))
    let nodes = testbed.nodes
    keepalived = .keepalived { [instance] in instance.configuration(for: $0, among: nodes) }
  }

  private var address: String { String((dialect.addresses.last ?? "").prefix { $0 != "/" }) }

  private mutating func begin() async throws {
    // The holder first: without preemption another one that is quicker would stay.
    for node in ["n1", "n2", "n3"] {
      running[node] = try keepalived.start(testbed[node])
      try await settle()
    }
  }

  private mutating func goThereAndBack() async throws -> [MigrationStep] {
    var steps: [(MigrationStep, begin: Moment)] = []
    for (daemon, name) in [(vipd, "vipd"), (keepalived, "keepalived")] {
      // As an admin would: the one that holds the address last.
      for node in ["n3", "n2", "n1"].filter({ $0 != holder }) + [holder] {
        let moves = node == holder
        if moves { holder = fittest(among: running.keys.filter { $0 != node }) }
        steps.append((step("stop \(node)", moves: moves), .now()))
        running[node]?.terminate()
        try await running[node]?.wait()
        running[node] = nil
        try await settle()
        let returns = dialect.preempts && fittest(among: [node, holder]) == node
        if returns { holder = node }
        steps.append((step("start \(name) on \(node)", moves: returns), .now()))
        running[node] = try daemon.start(testbed[node])
        try await settle()
      }
    }
    // Windows without a gap between them, so that a move that comes late counts against the next step.
    let ends = steps.dropFirst().map(\.begin) + [.now()]
    return zip(steps, ends).map { step, end in judged(step.0, from: step.begin, to: end) }
  }

  private func fittest(among nodes: [String]) -> String {
    nodes.max { (Self.priorities[$0] ?? 0) < (Self.priorities[$1] ?? 0) } ?? ""
  }

  private func step(_ deed: String, moves: Bool) -> MigrationStep {
    let interval = Duration.milliseconds(dialect.interval)
    let skewTime = interval * (256 - (Self.priorities[holder] ?? 0)) / 256
    let successor = running[holder]?.log.contains("Keepalived") == true ? "keepalived" : "vipd"
    return MigrationStep(
      dialect: dialect.name, deed: deed, successor: successor, skewTime: skewTime, interval: interval,
      expectedMoves: moves ? 1 : 0)
  }

  private func judged(_ step: MigrationStep, from begin: Moment, to end: Moment) -> MigrationStep {
    var step = step
    step.moves = watch.holdings(of: address).count { begin <= $0.from && $0.from < end }
    step.longestWithTwo = watch.spans(of: address, from: begin, to: end) { $0 > 1 }.max() ?? .zero
    step.longestWithNone = watch.spans(of: address, from: begin, to: end) { $0 == 0 }.max() ?? .zero
    return step
  }

  /// Waits until the node that should hold the address alone does, clients reach it, and all others stand by.
  private func settle() async throws {
    try await eventually(within: .seconds(30), "\(dialect.name): \(holder) alone holds \(address), the others stand by")
    {
      // Who only the kernel tells about may be new to the watch, and would count as the next step's.
      watch.holdings(of: address).filter { $0.to == nil }.map(\.node) == [holder]
        && testbed.holders(of: address).map(\.name) == [holder] && client.responder == holder
        && running.allSatisfy { $0.key == holder || standsBy($0.key, $0.value) }
    }
  }

  private func standsBy(_ node: String, _ process: NodeProcess) -> Bool {
    if process.log.contains("Keepalived") { return process.log.contains("Entering BACKUP STATE") }
    guard let answer = try? testbed[node].ask("/v1/status"), answer.status == 200,
      let status = try? ControlJSON.decode(NodeStatus.self, from: answer.body)
    else { return false }
    return status.virtualRouters.allSatisfy { $0.state == .backup && $0.activeRouter != nil }
  }
}
