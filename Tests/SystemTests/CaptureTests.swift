// `vipctl capture` on a real network, beside tcpdump and tshark: what one records the other reads.

import FoundationEssentials
import Rehearsal
import Testing

@Suite("vipctl capture", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct CaptureCommandTests {
  /// A line of `vipctl capture --json`.
  private struct Line: Decodable {
    var source: String
    var destination: String
    var ttl: Int
    var hardware_source: String?
    var version: Int?
    var vrid: Int?
    var priority: Int?
    var interval_seconds: Double?
    var addresses: [String]?
    var checksum: String?
    var remarks: [String]
  }

  private func lines(_ output: String) throws -> [Line] {
    try output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }
  }

  @Test("Live, on one interface and on all, into a file that tshark reads")
  func live() async throws {
    try await Cluster.with(ClusterFile(), services: false) { cluster in
      try await cluster.holder(is: "n1")
      let node = cluster["n2"]
      let vipctl = try Programs.beside("vipctl")
      let options = ["capture", "--json", "--count", "5", "--write", "/run/out.pcap"]
      let one = try node.run(vipctl, options + ["-i", "eth0", "--config", "/run/rehearsal/vipd.yaml"])
      #expect(one.status.isSuccess)
      let seen = try lines(one.output)
      let n1 = cluster["n1"].layout.interfaces[0].addresses[0].prefix { $0 != "/" }
      let n2 = node.layout.interfaces[0].addresses[0].prefix { $0 != "/" }
      #expect(seen.count == 5)
      for line in seen {
        #expect(line.source == n1 && line.destination == n2 && line.ttl == 255 && line.hardware_source != nil)
        #expect(line.version == 3 && line.vrid == 12 && line.priority == 200 && line.interval_seconds == 0.1)
        #expect(line.addresses == [Cluster.address] && line.checksum == "pseudo_header" && line.remarks.isEmpty)
      }
      let all = try node.run(vipctl, ["capture", "--json", "--count", "2", "--for", "20"])
      #expect(try lines(all.output).count == 2)

      let read = try node.run(
        "sh", ["-c", "tshark -n -r /run/out.pcap -T fields -e vrrp.virt_rtr_id -e vrrp.prio 2>/dev/null"])
      #expect(read.output.split(separator: "\n") == Array(repeating: "12\t200", count: 5), "\(read.output)")
    }
  }

  @Test("What tcpdump has recorded, to the page and as a filter of what is wrong")
  func reading() async throws {
    try await Cluster.with(ClusterFile(), services: false) { cluster in
      try await cluster.holder(is: "n1")
      let capture = try await Capture(on: cluster["n2"], "ip proto 112 or tcp")
      try await capture.wait(for: 3, of: "vrrp")
      // Two Active Routers: n2 hears nothing for a while.
      try cluster["n2"].run(
        "sh",
        [
          "-c",
          "nft 'add table ip f; add chain ip f in {type filter hook input priority 0;}; add rule ip f in ip protocol 112 drop'",
        ])
      try await capture.wait(for: 2, of: "vrrp.prio == 150")
      try await capture.stop()

      let vipctl = try Programs.beside("vipctl")
      let page = try cluster["n2"].run("sh", ["-c", "cat /run/capture/*.pcap | \(vipctl) capture --read -"]).output
      #expect(page.contains("  v3 VRID 12 priority 200 every 100ms  10.0.10.39  pseudo_header"))
      let wrong = try cluster["n2"].run("sh", ["-c", "\(vipctl) capture --wrong --read /run/capture/*.pcap"]).output
      let remarks = wrong.split(separator: "\n")
      #expect(!remarks.isEmpty && remarks.allSatisfy { $0.contains("is Active too, with priority 200") }, "\(wrong)")
    }
  }

  @Test("A message for whoever may not listen, and for what is no recording")
  func refusals() async throws {
    try await Cluster.with(ClusterFile(), services: false, daemons: false) { cluster in
      let vipctl = try Programs.beside("vipctl")
      let node = cluster["n1"]
      let forbidden = try node.run(
        "setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", vipctl, "capture"])
      #expect(forbidden.status == .exited(1))
      let unknown = try node.run("sh", ["-c", "\(vipctl) capture -i nope 2>&1"])
      #expect(unknown.output.contains("there is no such interface") && unknown.status == .exited(1))
      let none = try node.run("sh", ["-c", "\(vipctl) capture --read /etc/hostname 2>&1"])
      #expect(none.output.contains("/etc/hostname: ") && none.status == .exited(1))
    }
  }
}
