// Moves that somebody asked for, under a client that opens a thousand connections a second.

import ControlAPI
import Rehearsal
import Testing

@Suite("Planned moves", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct PlannedMoveTests {
  @Test("A hundred planned moves under a thousand new connections a second")
  func moves() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms")) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      var drains = 0, resumes = 0, last = 0
      for _ in 0..<50 {
        #expect(try cluster["n1"].ask("/v1/drain", method: "POST").status == 200)
        try await client.waitForAnswer(from: "n2", for: .milliseconds(50))
        drains += client.record.failed - last; last = client.record.failed
        #expect(try cluster["n1"].ask("/v1/resume", method: "POST").status == 200)
        try await client.waitForAnswer(from: "n1", for: .milliseconds(50))
        resumes += client.record.failed - last; last = client.record.failed
      }
      print("measured: drains \(drains) resumes \(resumes)")
      let record = client.stop()
      print(
        "measured: a hundred planned moves: \(record.sent) connections, \(record.failures), longest \(record.longestOutage) answer \(record.longestAnswerTime)"
      )
      #expect(record.failed == 0)
    }
  }
}
