// Many virtual routers at a short interval: no node may take over from another that is well.

import ControlAPI
import Rehearsal
import Testing

@Suite("Stability", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct StabilityTests {
  @Test("Ten virtual routers at 100 ms for a minute, without one wrong transition")
  func tenRouters() async throws {
    var file = ClusterFile()
    file.routers = (1...10).map {
      ClusterFile.Router(name: "router\($0)", vrid: $0, addresses: ["10.0.10.\(100 + $0)/24"])
    }
    try await Cluster.with(file) { cluster in
      for router in file.routers { try await cluster.holder(of: router.name, is: "n1") }
      let before = try transitions(cluster)
      let client = try await cluster.client(to: "10.0.10.105")
      let begin = Moment.now()
      try await eventually(within: .seconds(90), "a minute has passed") {
        try await Task.sleep(for: .milliseconds(500))
        return Moment.now() - begin > .seconds(60)
      }
      expectUndisturbed(client.stop())
      #expect(try transitions(cluster) == before)
      let sent = try cluster.status("n1").virtualRouters.map(\.advertisementsSent)
      #expect(sent.allSatisfy { $0 >= 590 }, "\(sent)")
    }
  }

  /// Of all virtual routers on all nodes.
  private func transitions(_ cluster: Cluster) throws -> [String: [Int]] {
    var all: [String: [Int]] = [:]
    for node in cluster.testbed.nodes {
      all[node.name] = try cluster.status(node.name).virtualRouters.map(\.transitions)
    }
    return all
  }
}
