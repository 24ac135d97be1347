// A planned stop: the holder calls for a successor, serves until there is one, and leaves nothing behind.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("Stopping", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct StopTests {
  @Test("SIGTERM: the successor is there after Skew_Time, and until then the holder serves", arguments: [100, 1000])
  func outage(milliseconds: Int) async throws {
    try await Cluster.with(ClusterFile(interval: "\(milliseconds)ms")) { cluster in
      try await cluster.holder(is: "n1")
      var begin = Moment.now()
      let outage = try await cluster.outage {
        begin = .now()
        try cluster.daemon("n1").terminate()
      }
      print("measured: outage of a planned stop at \(milliseconds) ms: \(outage)")
      #expect(outage <= .milliseconds(milliseconds == 1000 ? 100 : 40))
      #expect(try await cluster.daemon("n1").wait().isSuccess)
      // Skew_Time of n2, whose priority is 150; the second for which connections go on; and what this test takes.
      #expect(Moment.now() - begin <= .milliseconds(milliseconds) * 106 / 256 + .seconds(1 + 2))
    }
  }

  @Test("Priority 0 is on the wire before the addresses are gone; then nothing is left", arguments: [SIGTERM, SIGINT])
  func farewell(signal: Int32) async throws {
    let hanging = "script: [/bin/sleep, \"4000\"], timeout: 5s, weight: -10"
    let file = ClusterFile(addresses: ["10.0.10.39/24", "fd10::39/64"], trackers: ["hanging": hanging])
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: "n1")
      let wire = try await Capture(on: cluster["n2"], "ip proto 112 or ip6 proto 112")
      let kernel = try cluster["n1"].spawn("ip", ["-tshort", "monitor", "address"], environment: ["TZ": "UTC"])
      try await cluster.wait(until: "ip monitors") {
        try cluster["n1"].run("pgrep", ["-x", "ip", "-r", "S"]).status.isSuccess
      }

      let before = Moment.now()
      try cluster.daemon("n1").send(signal)
      #expect(try await cluster.daemon("n1").wait(within: .seconds(5)).isSuccess)
      #expect(Moment.now() - before < .milliseconds(3500), "the hanging script is not waited for")
      try await cluster.holder(is: "n2")
      try await cluster.wait(until: "the monitor has told of both") {
        kernel.log.split(separator: "\n").count { $0.contains("Deleted") } >= 2
      }
      kernel.terminate()
      let farewell = "vrrp.prio == 0 && eth.src == 02:00:00:00:00:00"
      try await wire.wait(for: 3, of: farewell)
      try await wire.stop()

      let farewells = try wire.fields(["frame.time_epoch"], of: farewell)
      #expect(farewells.count == 3, "one for each family, and one to the successor when all is over")
      let removals = try removalTimes(kernel.log)
      let times = farewells.compactMap { $0["frame.time_epoch"].flatMap(timeOfDay) }.sorted()
      try #require(times.count == 3)
      let firstRemoval = try #require(removals.min())
      #expect(times[1] < firstRemoval)

      #expect(!cluster["n1"].holds("10.0.10.39") && !cluster["n1"].holds("fd10::39"))
      #expect(throws: TestbedError.self) { try cluster["n1"].ask("/healthz") }
      #expect(try !cluster["n1"].run("pgrep", ["-f", "sleep 4000"]).status.isSuccess)
    }
  }

  @Test("A Backup Router's stop moves nothing")
  func backup() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let transitions = try cluster.router(on: "n1").transitions
      try await cluster.stop("n2")
      try await cluster.stop("n3")
      try await client.waitForAnswer(from: "n1", for: .milliseconds(500))
      expectUndisturbed(client.stop())
      #expect(try cluster.router(on: "n1").transitions == transitions)
    }
  }

  /// Seconds since midnight of the lines that tell of a removed virtual address: `[2026-03-01T12:00:00.250000] Deleted …`.
  private func removalTimes(_ log: String) throws -> [Double] {
    var times: [Double] = []
    for line in log.split(separator: "\n") where line.contains("Deleted") {
      let clock = line.split(separator: "T").dropFirst().first?.prefix { $0 != "]" } ?? ""
      let parts = clock.split(separator: ":").compactMap { Double($0) }
      try #require(parts.count == 3, "\(line)")
      times.append(parts[0] * 3600 + parts[1] * 60 + parts[2])
    }
    return times
  }

  /// Seconds since midnight of a time in seconds since 1970, or of what tshark writes instead in its newer versions.
  private func timeOfDay(_ epoch: String) -> Double? {
    if let seconds = Double(epoch) { return seconds.truncatingRemainder(dividingBy: 86400) }
    let clock = epoch.split(separator: "T").dropFirst().first?.prefix { $0 != "Z" && $0 != "+" } ?? ""
    let parts = clock.split(separator: ":").compactMap { Double($0) }
    return parts.count == 3 ? parts[0] * 3600 + parts[1] * 60 + parts[2] : nil
  }
}
