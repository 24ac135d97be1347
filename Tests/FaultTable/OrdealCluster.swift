// Three nodes with a service and a daemon on each, a client that never stops asking, and a witness of who holds the
// address.

import Glibc
import Rehearsal

/// A daemon that goes through the table.
package struct Candidate: Sendable {
  /// What its processes are called.
  package var processName: String
  /// Its file for a node, where in the node it lies, and how it is started.
  package var daemon: DaemonUnderTest
  package var filePath: String
  package var interval: Duration
  package var isVipd: Bool

  /// So many it may have open: a few more than it needs.
  package static let descriptors = 80

  /// vipd with a file of one virtual router, `OrdealCluster.address`.
  package static func vipd(file: String, interval: Duration) -> Candidate {
    let daemon = DaemonUnderTest("vipd") { node in
      let path = try node.write(file, toRun: "rehearsal/vipd.yaml")
      return try node.spawn(
        "prlimit", ["--nofile=\(descriptors)", Programs.beside("vipd"), "--config", path, "--node", node.name])
    }
    return Candidate(
      processName: "vipd", daemon: daemon, filePath: "/run/rehearsal/vipd.yaml", interval: interval, isVipd: true)
  }

  /// keepalived with a configuration of its own for each node.
  package static func keepalived(
    interval: Duration, _ configuration: @escaping @Sendable (TestbedNode) -> String
  ) -> Candidate {
    Candidate(
      processName: "keepalived", daemon: .keepalived(configuration), filePath: "/run/keepalived.conf",
      interval: interval, isVipd: false)
  }

  package init(processName: String, daemon: DaemonUnderTest, filePath: String, interval: Duration, isVipd: Bool) {
    self.processName = processName
    self.daemon = daemon
    self.filePath = filePath
    self.interval = interval
    self.isVipd = isVipd
  }
}

package final class OrdealCluster {
  package static let address = "10.0.10.39"

  let candidate: Candidate
  let testbed: Testbed
  private let watch: HolderWatch
  private(set) var daemon: [String: NodeProcess] = [:]

  package init(_ candidate: Candidate) async throws {
    self.candidate = candidate
    testbed = try Testbed()
    do {
      watch = try HolderWatch(testbed)
      for node in testbed.nodes {
        try await node.startHTTPService()
        // So that a disk can be full.
        try node.run("sh", ["-c", "mkdir -p /run/vipd && mount -t tmpfs -o size=256k,mode=755 tmpfs /run/vipd"])
        try start(node)
      }
      try await settle()
    } catch {
      testbed.close()
      throw error
    }
  }

  package func close() { testbed.close() }

  var holder: TestbedNode { testbed["n1"] }

  func start(_ node: TestbedNode) throws { daemon[node.name] = try candidate.daemon.start(node) }

  func ended(_ node: TestbedNode) async throws { try await daemon[node.name]?.wait() }

  /// What n1's daemon wrote last.
  package var story: String {
    (daemon[holder.name]?.log ?? "").split(separator: "\n").suffix(20).joined(separator: "\n")
  }

  /// To all of its processes on the node.
  func signal(_ signal: String, _ node: TestbedNode) throws {
    try node.run("pkill", ["-\(signal)", "-x", candidate.processName])
  }

  /// Waits until n1 alone holds the address, and has for as long as it takes the others to follow.
  func settle() async throws {
    try await holds(for: max(.milliseconds(300), candidate.interval * 3)) { $0 == ["n1"] }
  }

  /// Waits until these hold it, for so long.
  func holds(for span: Duration, _ isMeant: ([String]) -> Bool) async throws {
    var since: Moment?
    var holders: [String] = []
    try await eventually(within: .seconds(40), "the right node holds the address, not \(holders)") {
      holders = testbed.holders(of: Self.address).map(\.name)
      guard isMeant(holders) else {
        since = nil
        return false
      }
      let begin = since ?? .now()
      since = begin
      return Moment.now() - begin >= span
    }
  }

  /// Puts the daemon through one run of a row. Between runs the cluster is settled.
  package func run(_ hardship: Hardship) async throws -> Ordeal {
    let client = try TrafficClient(from: testbed.client, to: Self.address, period: .milliseconds(5))
    try await client.waitForAnswer(from: "n1", for: .milliseconds(100))
    let begin = Moment.now()
    let healed = try await happen(hardship)
    try await settle()
    try await client.waitForAnswer(from: "n1", for: .milliseconds(100))
    let end = Moment.now()
    let record = client.stop()
    let ordeal = Ordeal(
      outage: record.longestOutage(since: begin),
      twoHolders: watch.timeWithTwoHolders(of: Self.address, from: healed ?? begin, to: end),
      moves: moves(since: begin))
    try await forget(hardship)
    return ordeal
  }

  /// How often another node than the one before has taken the address.
  private func moves(since begin: Moment) -> Int {
    let takers = watch.holdings(of: Self.address).filter { $0.from > begin }.map(\.node)
    return zip(["n1"] + takers, takers).count { $0 != $1 }
  }
}
