// `vipctl rehearse` as people run it, with the real vipd. Each run is a process of a node's, whose private /run then shows
// whether anything was left behind.

import FoundationEssentials
import Glibc
import Testing

@testable import Rehearsal

@Suite("vipctl rehearse")
struct RehearseCommandTests {
  private static let cluster = """
    cluster: rehearsed
    nodes:
      - {name: one, address: 10.0.10.31}
      - {name: two, address: 10.0.10.32}
    trackers:
      docker: {process: dockerd}
      proxy: {script: [/usr/lib/vipd-test/check-proxy, --port, "443"], interval: 200ms, timeout: 5s}
    virtual_routers:
      - {name: ingress, vrid: 12, addresses: [10.0.10.39/24], interval: 100ms, track: [docker, proxy]}

    """

  private struct Report: Decodable {
    struct Router: Decodable {
      var rows: [Row]
    }
    struct Row: Decodable {
      var what: String
      var is_mending: Bool
      var planned: Planned?
      var after: [String]
      var expected: String?
      var complaints: [String]
    }
    struct Planned: Decodable {
      var after: [String]
      var outage_seconds: [Double]?
    }
    var as_predicted: Bool
    var virtual_routers: [Router]
  }

  @Test("Everything happens, and is told as JSON and as a picture")
  func whole() async throws {
    try await ExclusiveMeasurement.run {
      try await Testbed.with(.lan(nodes: 1)) { outer in
        let file = try outer.client.write(Self.cluster, toRun: "cluster.yaml")
        let command = try outer.client.spawn(
          "sh",
          [
            "-c", "exec \"$0\" rehearse \"$1\" --json --svg /run/out.svg > /run/out.json",
            try Programs.beside("vipctl"), file,
          ])
        let status = try await command.wait(within: .seconds(120))
        let json = Files.read("\(outer.client.runDirectory)/out.json") ?? ""
        try #require(!json.isEmpty, "\(command.log)")
        let report = try JSONDecoder().decode(Report.self, from: Data(json.utf8))
        #expect(status == .exited(report.as_predicted ? 0 : 1), "\(command.log)")
        let rows = try #require(report.virtual_routers.first?.rows)
        #expect(rows.count == 10)
        for row in rows { #expect(row.after == [row.expected].compactMap { $0 }, "\(row)") }
        // The simulation's word stands beside each fault, and is borne out.
        for row in rows {
          #expect((row.planned == nil) == row.is_mending, "\(row)")
          if let planned = row.planned {
            #expect(planned.after == row.after, "\(row)")
            #expect(planned.outage_seconds?.count == 2, "\(row)")
          }
        }
        #expect(command.log.contains("[11/11] ingress: link restored on one"))
        #expect((Files.read("\(outer.client.runDirectory)/out.svg") ?? "").contains("</svg>"))
        try expectNothingLeft(outer.client)
      }
    }
  }

  @Test("Ctrl-C ends it early, and cleans up")
  func interrupted() async throws {
    try await Testbed.with(.lan(nodes: 1)) { outer in
      let file = try outer.client.write(Self.cluster, toRun: "cluster.yaml")
      let command = try outer.client.spawn(Programs.beside("vipctl"), ["rehearse", file, "--svg", "/run/out.svg"])
      try await eventually(within: .seconds(60), "the rehearsal is on its way: \(command.log)") {
        command.log.contains("[2/11]") || !command.isRunning
      }
      command.send(SIGINT)
      #expect(try await command.wait(within: .seconds(20)) == .exited(130), "\(command.log)")
      #expect(command.log.contains("interrupted"))
      try expectNothingLeft(outer.client)
      #expect(!Files.exists("\(outer.client.runDirectory)/out.svg"))
    }
  }

  @Test("What can not be rehearsed is refused with the reason")
  func refused() async throws {
    try await Testbed.with(.lan(nodes: 1)) { outer in
      let vipctl = try Programs.beside("vipctl")
      let broken = try outer.client.write("cluster: x\nnods: []\n", toRun: "broken.yaml")
      let refusal = try outer.client.run(vipctl, ["rehearse", broken])
      #expect(refusal.status == .exited(1) && refusal.output.contains("broken.yaml:2:1: error:"), "\(refusal.output)")
      let absent = try outer.client.run(vipctl, ["rehearse", "/run/absent.yaml"])
      #expect(absent.status == .exited(1) && absent.output.contains("/run/absent.yaml: "), "\(absent.output)")
      let file = try outer.client.write(Self.cluster, toRun: "cluster.yaml")
      let unknown = try outer.client.run(vipctl, ["rehearse", file, "--virtual-router", "egress"])
      #expect(unknown.status == .exited(1) && unknown.output.contains("no virtual router egress"), "\(unknown.output)")
      let unprivileged = try outer.client.run(
        "setpriv", ["--reuid", "65534", "--clear-groups", vipctl, "rehearse", file])
      #expect(unprivileged.status == .exited(1), "\(unprivileged.output)")
      #expect(unprivileged.output.contains("not root (run it with sudo)"), "\(unprivileged.output)")
    }
  }

  private func expectNothingLeft(_ node: TestbedNode) throws {
    let names = Files.names(in: "\(node.runDirectory)/vipd-rehearsal").filter { $0 != "measuring.lock" }
    #expect(names.isEmpty)
    let processes = try node.run("pgrep", ["-l", "."]).output.split(separator: "\n")
    #expect(processes.allSatisfy { $0.hasSuffix(" pgrep") || $0.hasPrefix("1 ") }, "\(processes)")
  }
}
