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
      // Up to one interval passes before either speaks.
      #expect(found <= .milliseconds(100 + 100))
      #expect(record.spans.map(\.responder).removingRepetitions == ["n2", "n1"])
      try await cluster.holder(is: "n1")
      #expect(
        try cluster.daemon("n1").log.contains("is Active too, with priority 150: two nodes answer for 10.0.10.39"))
      #expect(try cluster.router(on: "n1").conflicts == 1)
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
