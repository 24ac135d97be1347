// A better node returns. Preempt_Mode of RFC 9568 §6.1, our fast preemption, and what neither may protect: an unfit holder.

import ControlAPI
import Rehearsal
import Testing

@Suite("Preemption", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct PreemptionTests {
  /// A cluster in which n2 holds the address since n1 has stopped.
  private func withoutTheBest(
    interval: String = "100ms", trackers: KeyValuePairs<String, String> = [:], more: [String] = [],
    _ body: (Cluster) async throws -> Void
  ) async throws {
    let file = ClusterFile(interval: interval, trackers: trackers, more: more)
    try await Cluster.with(file, daemons: false) { cluster in
      for node in cluster.testbed.nodes {
        if !trackers.isEmpty { try node.startProcess(named: "dockerd") }
        try cluster.start(node.name)
        // The best one first, since otherwise it might have to let another be.
        try await cluster.holder(is: "n1")
      }
      try await cluster.everyoneIsFit()
      try await cluster.stop("n1")
      try await cluster.holder(is: "n2")
      try await body(cluster)
    }
  }

  /// Waits until a node has heard as many advertisements as prove that it lets the holder be.
  private func hear(_ count: Int, on node: String, in cluster: Cluster) async throws {
    try await cluster.wait(until: "\(node) has heard \(count)") {
      try cluster.router(on: node).advertisementsReceived >= count
    }
  }

  @Test("It takes over after Skew_Time and not after Active_Down_Interval, and no request is lost for long")
  func fast() async throws {
    try await withoutTheBest(interval: "1s") { cluster in
      let client = try await cluster.client(answeredBy: "n2")
      let before = Moment.now()
      try cluster.start("n1")
      try await cluster.holder(is: "n1")
      // An interval until it hears n2, Skew_Time of 219 ms, and the start; Active_Down_Interval would be 3.2 s.
      #expect(Moment.now() - before < .milliseconds(2500))
      try await client.waitForAnswer(from: "n1", for: .milliseconds(300))
      #expect(client.stop().longestOutage(since: before) < .milliseconds(100))
      let reason = try cluster.router(on: "n1").reason
      #expect(reason.contains("n2 (10.0.10.32) advertised priority 150, which is below ours"), "\(reason)")
    }
  }

  @Test("preempt: rfc waits for silence, and that is Active_Down_Interval")
  func rfc() async throws {
    try await withoutTheBest(interval: "1s", more: ["preempt: rfc"]) { cluster in
      let before = Moment.now()
      try cluster.start("n1")
      try await cluster.holder(is: "n1")
      #expect(Moment.now() - before >= .milliseconds(3200))
    }
  }

  @Test("preempt: false lets the holder be, but not one that has become unfit")
  func never() async throws {
    let docker: KeyValuePairs = ["docker": "process: dockerd, weight: -120"]
    try await withoutTheBest(trackers: docker, more: ["preempt: false"]) { cluster in
      try cluster.start("n1")
      try await hear(12, on: "n1", in: cluster)
      #expect(try await cluster.holder() == "n2")
      let reason = try cluster.router(on: "n1").reason
      #expect(reason.contains("preempt is false"), "\(reason)")

      let dockerd = try #require(cluster["n2"].processes.last { $0.name.hasPrefix("dockerd") })
      dockerd.kill()
      try await cluster.holder(is: "n1")
      // Fit again, n2 has no more right to it than n1 had.
      try cluster["n2"].startProcess(named: "dockerd")
      try await cluster.everyoneIsFit()
      #expect(try await cluster.holder() == "n1")
    }
  }

  @Test("preempt: false, and the holder dies: the best of the others takes over")
  func neverAndDeath() async throws {
    try await withoutTheBest(more: ["preempt: false"]) { cluster in
      try cluster.start("n1")
      try await hear(12, on: "n1", in: cluster)
      #expect(try await cluster.holder() == "n2")
      try cluster.testbed.killHost(cluster["n2"])
      try await cluster.holder(is: "n1")
    }
  }

  @Test("preempt: {after: …} waits as long as that")
  func after() async throws {
    try await withoutTheBest(more: ["preempt: {after: 3s}"]) { cluster in
      let before = Moment.now()
      try cluster.start("n1")
      try await cluster.wait(until: "n1 says that it waits") {
        try cluster.router(on: "n1").reason.contains("preempt waits another")
      }
      try await cluster.holder(is: "n1")
      #expect(Moment.now() - before >= .seconds(3))
      #expect(Moment.now() - before < .seconds(6))
    }
  }
}
