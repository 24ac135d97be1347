// Many virtual routers at a short interval: no node may take over from another that is well.

import ControlAPI
import Rehearsal
import Testing

@Suite("Stability", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct StabilityTests {
  @Test("Ten virtual routers at 50 ms for a minute, all processors and much memory wanted: not one wrong transition")
  func tenRouters() async throws {
    var file = ClusterFile(interval: "50ms")
    file.routers = (1...10).map {
      ClusterFile.Router(name: "router\($0)", vrid: $0, addresses: ["10.0.10.\(100 + $0)/24"], interval: "50ms")
    }
    try await Cluster.with(file) { cluster in
      for router in file.routers { try await cluster.holder(of: router.name, is: "n1") }
      let before = try transitions(cluster)
      try cluster.testbed.client.startHogs(memory: "300M")
      let begin = Moment.now()
      try await eventually(within: .seconds(90), "a minute has passed") {
        try await Task.sleep(for: .milliseconds(500))
        return Moment.now() - begin > .seconds(60)
      }
      #expect(try transitions(cluster) == before)
      let status = try cluster.status("n1")
      let sent = status.virtualRouters.map(\.advertisementsSent)
      #expect(sent.allSatisfy { $0 >= 1180 }, "\(sent)")
      let loop = try #require(status.loop)
      print(
        "measured: ten virtual routers at 50 ms, everything busy: the VRRP thread late by \(loop.latenessMaximum) at most"
      )
      #expect(loop.lateness?.isEmpty == false)
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
