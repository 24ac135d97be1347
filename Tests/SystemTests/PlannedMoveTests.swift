// Moves that somebody asked for, under a client that opens a thousand connections a second.

import ControlAPI
import Rehearsal
import Testing

@Suite("Planned moves", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct PlannedMoveTests {
  @Test("A hundred planned moves under a thousand new connections a second: none is refused, none is lost")
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
      print("measured: a hundred planned moves under \(record.sent) connections: failed \(record.failed)")
      #expect(record.sent > 5_000)
      #expect(record.failures == [:])
      #expect(record.longestOutage < .milliseconds(50))
    }
  }

  @Test("A connection that began before the move goes on, and nothing is left of the move soon", arguments: [4, 6])
  func connectionGoesOn(version: Int) async throws {
    let file = ClusterFile(addresses: ["10.0.10.39/24", "fd10::39/64"])
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: "n1")
      let address = version == 4 ? "10.0.10.39" : "fd10::39"
      let begun = try await Conversation(with: address, in: cluster)
      let bystander = try await cluster.client(to: address)
      #expect(try cluster["n1"].ask("/v1/drain", method: "POST").status == 200)
      try await bystander.waitForAnswer(from: "n2", for: .milliseconds(20))
      #expect(!cluster["n1"].holds(address), "it has moved")
      let answer = try await begun.end()
      #expect(answer.hasSuffix("n1"), "who took the call answers: \(answer)")

      // Neighbours do not turn to the one that has left.
      let order = bystander.stop().responders
      #expect(order.last == "n2" && Set(order) == ["n1", "n2"], "\(order)")
      for node in ["n1", "n2"] {
        try await cluster.wait(until: "\(node) has undone what it did") {
          let rules = try cluster[node].run("nft", ["list", "tables"]).output
          let loopback = try cluster[node].run("ip", ["address", "show", "dev", "lo"]).output
          return !rules.contains("vipd") && !loopback.contains(address)
        }
      }
    }
  }

  @Test("A stop too waits for the connections, and not for ever")
  func connectionOutlivesDaemon() async throws {
    try await Cluster.with(ClusterFile(interval: "100ms")) { cluster in
      try await cluster.holder(is: "n1")
      let begun = try await Conversation(with: Cluster.address, in: cluster)
      try cluster.daemon("n1").terminate()
      try await cluster.holder(is: "n2")
      #expect(try await begun.end().hasSuffix("n1"))
      #expect(try await cluster.daemon("n1").wait().isSuccess)
      #expect(try cluster["n1"].run("nft", ["list", "tables"]).output == "")
      #expect(try !cluster["n1"].run("ip", ["address", "show", "dev", "lo"]).output.contains(Cluster.address))
    }
  }
}

/// A client that has connected, and makes its request once n2 has the address: within the second for which n1 goes on with
/// what began there, however busy the machine is.
private struct Conversation {
  private let process: NodeProcess

  init(with address: String, in cluster: Cluster) async throws {
    let script = """
      exec 3<>/dev/tcp/\(address)/80; echo connected
      until ip neighbor show \(address) | grep -q 02:00:00:00:01:00; do sleep 0.01; done
      # Whoever asks for the address now is answered by one node alone.
      for each in 1 2 3 4 5; do ip neighbor flush dev eth0; done
      printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3
      """
    process = try cluster.testbed.client.spawn("bash", ["-c", script])
    let process = process
    try await cluster.wait(until: "connected") { process.log.contains("connected") }
  }

  /// - Returns: All of the answer, once it is there.
  func end() async throws -> String {
    try await process.wait()
    return process.log.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
