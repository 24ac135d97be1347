// Moves that somebody asked for, under a client that opens a thousand connections a second.

import ControlAPI
import Rehearsal
import Testing

@Suite("Planned moves", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct PlannedMoveTests {
  @Test("A hundred planned moves under a thousand new connections a second: nobody waits, hardly any is refused")
  func moves() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms")) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      for _ in 0..<50 {
        #expect(try cluster["n1"].ask("/v1/drain", method: "POST").status == 200)
        try await client.waitForAnswer(from: "n2", for: .milliseconds(50))
        #expect(try cluster["n1"].ask("/v1/resume", method: "POST").status == 200)
        try await client.waitForAnswer(from: "n1", for: .milliseconds(50))
      }
      let record = client.stop()
      let failures = record.failures.map { "\($0.value) \($0.key.rawValue)" }.sorted().joined(separator: ", ")
      print("measured: a hundred planned moves under \(record.sent) connections: failed \(record.failed) (\(failures))")
      #expect(record.sent > 5_000)
      #expect(record.longestOutage < .milliseconds(50))
      // A connection that is being made at the very moment of a move belongs to the node that has just left.
      #expect(record.failed <= 25)
    }
  }
}
