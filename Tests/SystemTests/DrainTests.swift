// A node that is taken out for maintenance, and comes back.

import ControlAPI
import Rehearsal
import Testing

@Suite("Draining", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct DrainTests {
  private func command(_ words: String, on node: String, _ cluster: Cluster) throws -> (status: Int, text: String) {
    let answer = try cluster[node].ask("/v1/\(words)", method: "POST")
    return (answer.status, answer.text)
  }

  @Test("A drained holder hands over and nobody waits; it stays away across a restart, and comes back when told to")
  func drain() async throws {
    try await Cluster.with(ClusterFile(interval: "1s")) { cluster in
      try await cluster.holder(is: "n1")
      let outage = try await cluster.outage {
        let answer = try command("drain", on: "n1", cluster)
        #expect(answer.status == 200 && answer.text.contains("ingress handed over"), "\(answer)")
        #expect(!cluster["n1"].holds(Cluster.address), "when it says so it is so")
      }
      #expect(outage <= .milliseconds(100))
      #expect(try cluster.router(on: "n1").state == .initialize)
      #expect(try cluster.router(on: "n1").reason.contains("vipctl resume"))
      #expect(try cluster.status("n1").drain == DrainStatus(forced: false, remaining: nil))
      #expect(try cluster["n1"].ask("/healthz").status == 503)

      try await cluster.stop("n1")
      try cluster.start("n1")
      try await cluster.wait(until: "it is drained again") {
        try cluster.router(on: "n1").reason.contains("drained by an admin")
      }
      try await cluster.stop("n2")
      try await cluster.holder(is: "n3")

      #expect(try command("resume", on: "n1", cluster).status == 200)
      try await cluster.holder(is: "n1")
      try await cluster.stop("n1")
      try cluster.start("n1")
      try await cluster.holder(is: "n1")
    }
  }

  @Test("It comes back by itself when the time is over")
  func end() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms")) { cluster in
      try await cluster.holder(is: "n1")
      #expect(try command("drain?for=5", on: "n1", cluster).status == 200)
      try await cluster.holder(is: "n2")
      try await cluster.holder(is: "n1")
      #expect(try cluster.daemon("n1").log.contains("the time of the drain is over"))
    }
  }

  @Test("The last node keeps the address and says so; whoever comes takes over; forced it lets go")
  func lastNode() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms")) { cluster in
      try await cluster.holder(is: "n1")
      try await cluster.stop("n2")
      try await cluster.stop("n3")
      let client = try await cluster.client()
      let answer = try command("drain", on: "n1", cluster)
      #expect(answer.status == 422 && answer.text.contains("no other node has taken over ingress"), "\(answer)")
      try await client.waitForAnswer(from: "n1", for: .milliseconds(500))
      try cluster.start("n3")
      try await cluster.holder(is: "n3")
      let record = client.stop()
      #expect(record.longestOutage < .milliseconds(100))

      #expect(try command("resume", on: "n1", cluster).status == 200)
      try await cluster.holder(is: "n1")
      try await cluster.stop("n3")
      #expect(try command("drain?force=true", on: "n1", cluster).status == 200)
      #expect(!cluster["n1"].holds(Cluster.address))
    }
  }
}
