// The systemd unit as it is shipped: what it takes away must not be what a start needs. systemd itself is not here;
// its bounding set is given as setpriv gives it.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("Unit file", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct UnitFileTests {
  /// `CAP_NET_ADMIN CAP_NET_RAW …`, of the line that the unit has.
  private func boundingSet() throws -> [String] {
    let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Systemd/vipd.service"
    let file = try #require(fopen(path, "r"), "\(path) cannot be read")
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 4096)
    while fgets(&buffer, CInt(buffer.count), file) != nil {
      let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard line.hasPrefix("CapabilityBoundingSet=") else { continue }
      return line.dropFirst("CapabilityBoundingSet=".count).split { $0.isWhitespace }.map(String.init)
    }
    return []
  }

  @Test("With the unit's capabilities vipd starts, and starts again after a SIGKILL that left its socket behind")
  func restarts() async throws {
    let bounds = try boundingSet()
    #expect(!bounds.isEmpty)
    let set = "-all," + bounds.map { "+" + $0.dropFirst("CAP_".count).lowercased() }.joined(separator: ",")
    try await Cluster.with(ClusterFile(trackers: [:]), services: false, daemons: false) { cluster in
      let node = cluster["n1"]
      // As systemd makes it: root's, for root to write to.
      try node.run("install", ["-d", "-m", "755", "-o", "root", "/run/vipd"])
      let path = try node.write(cluster.fileText, toRun: "rehearsal/vipd.yaml")
      for attempt in ["first", "second"] {
        let daemon = try node.spawn(
          "setpriv", ["--bounding-set", set, Programs.beside("vipd"), "--config", path, "--node", "n1"])
        try await cluster.wait(until: "the \(attempt) one answers") { (try? cluster.status("n1")) != nil }
        daemon.kill()
        try await daemon.wait()
      }
    }
  }
}
