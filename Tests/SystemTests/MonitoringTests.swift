// What Prometheus is given: judged by its own tool, and by a daemon's real metrics.

import FoundationEssentials
import Rehearsal
import Testing

@Suite("Monitoring", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct MonitoringTests {
  private static let directory =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Packaging/monitoring"

  /// With what two of three daemons, one Active and one Backup, say of themselves.
  private func metrics(_ body: ([String], Cluster) throws -> Void) async throws {
    let file = ClusterFile(trackers: ["docker": "process: dockerd", "proxy": "tcp: 80, interval: 100ms"])
    try await Cluster.with(file) { cluster in
      try cluster["n1"].startProcess(named: "dockerd")
      try await cluster.holder(is: "n1")
      try await cluster.wait(until: "n1 has heard of the others, and all is checked") {
        try cluster["n2"].ask("/metrics").text.contains("vipd_peer_last_heard_seconds")
          && cluster["n1"].ask("/metrics").text.contains("vipd_tracker_check_duration_seconds{tracker=\"proxy\"")
      }
      try body(["n1", "n2"].map { try cluster[$0].ask("/metrics").text }, cluster)
    }
  }

  @Test("promtool finds nothing to say against the metrics")
  func names() async throws {
    try await metrics { texts, cluster in
      for text in texts {
        let verdict = try cluster.testbed.client.run("promtool", ["check", "metrics"], input: text)
        #expect(verdict.status.isSuccess && verdict.output.isEmpty, "\(verdict.output)")
      }
    }
  }

  @Test(
    "The alerts fire when they shall, and not before",
    arguments: ["check rules vipd.rules.yml", "test rules vipd.rules.test.yml"])
  func alerts(_ command: String) async throws {
    try await Testbed.with(.lan(nodes: 1)) { testbed in
      let verdict = try testbed["n1"].run("sh", ["-c", "cd \(Self.directory) && promtool \(command)"])
      #expect(verdict.status.isSuccess && verdict.output.contains("SUCCESS"), "\(verdict.output)")
    }
  }

  @Test("Whatever the rules and the dashboard ask for, a daemon has")
  func expressions() async throws {
    let rules = try String(contentsOfFile: "\(Self.directory)/vipd.rules.yml", encoding: .utf8)
    let dashboard = try String(contentsOfFile: "\(Self.directory)/grafana-dashboard.json", encoding: .utf8)
    _ = try JSONDecoder().decode(Dashboard.self, from: Data(dashboard.utf8))
    let wanted = Set((rules + dashboard).matches(of: /\bvipd_[a-z_]+/).map { String($0.output) })
    #expect(wanted.count > 15)
    var offered: Set<String> = []
    try await metrics { texts, _ in
      offered = Set(texts.joined().matches(of: /# TYPE (vipd_[a-z_]+)/).map { String($0.output.1) })
    }
    // What is there only where something is wrong, or once somebody has asked for it.
    let rare: Set = [
      "vipd_rival_claims_total", "vipd_virtual_router_deaf_link", "vipd_virtual_router_conflicts_total",
      "vipd_stray_packets_discarded_total",
    ]
    let missing = wanted.filter { name in
      !offered.contains(name) && !offered.contains { name.hasPrefix($0 + "_") } && !rare.contains(name)
    }
    #expect(missing.isEmpty, "\(missing)")
  }

  private struct Dashboard: Decodable {
    var title: String
    var panels: [Panel]
    struct Panel: Decodable { var title: String }
  }
}
