// Three nodes with an HTTP service and the daemon under test on each, and n1 as the holder again and again.

import Rehearsal

final class BenchmarkCluster {
  let testbed: Testbed
  let setup: Contender.Setup
  private let daemon: DaemonUnderTest
  private(set) var daemons: [String: NodeProcess] = [:]
  private(set) var services: [String: NodeProcess] = [:]

  init(_ contender: Contender, _ setup: Contender.Setup) async throws {
    testbed = try Testbed()
    self.setup = setup
    daemon = contender.daemon(setup, for: testbed.nodes)
    do {
      for node in testbed.nodes {
        try await startService(on: node)
        try startDaemon(on: node)
      }
      try await settle()
    } catch {
      testbed.close()
      throw error
    }
  }

  func startDaemon(on node: TestbedNode) throws { daemons[node.name] = try daemon.start(node) }

  func startService(on node: TestbedNode) async throws { services[node.name] = try await node.startHTTPService() }

  /// Waits until n1 has had all addresses for as long as it takes the others to follow.
  func settle() async throws {
    let addresses = (0..<setup.virtualRouters).map { setup.address($0) }
    var since: Moment?
    try await eventually(within: .seconds(60), "n1 holds the addresses") {
      let isSettled = addresses.allSatisfy { testbed.holders(of: $0).map(\.name) == ["n1"] }
      guard isSettled else {
        since = nil
        return false
      }
      let begin = since ?? .now()
      since = begin
      return Moment.now() - begin > .milliseconds(max(200, 2 * setup.interval))
    }
  }
}
