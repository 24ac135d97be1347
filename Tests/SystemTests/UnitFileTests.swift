// The systemd unit as it is shipped: what it takes away must not be what a start needs. systemd itself is not here;
// user and capabilities are given as setpriv gives them.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("Unit file", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct UnitFileTests {
  /// `CAP_NET_ADMIN CAP_NET_RAW …`, of a line that the unit has.
  private func capabilities(of key: String) throws -> [String] {
    let path = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/Systemd/vipd.service"
    let file = try #require(fopen(path, "r"), "\(path) cannot be read")
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 4096)
    while fgets(&buffer, CInt(buffer.count), file) != nil {
      let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard line.hasPrefix("\(key)=") else { continue }
      return line.dropFirst(key.count + 1).split { $0.isWhitespace }.map(String.init)
    }
    return []
  }

  @Test("A password may come as a credential; without it vipd says what the unit lacks")
  func credential() async throws {
    var file = ClusterFile(trackers: [:], more: ["version: 2", "password: {credential: vrrp}"])
    file.routers[0].interval = "1s"
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      func start(_ name: String, credentials: String?) throws -> NodeProcess {
        let node = cluster[name]
        let path = try node.write(cluster.fileText, toRun: "rehearsal/vipd.yaml")
        try node.run("install", ["-d", "/run/vipd"])
        if let credentials { try node.write(credentials, toRun: "credentials/vrrp") }
        return try node.spawn(
          Programs.beside("vipd"), ["--config", path, "--node", name, "--control", "/run/vipd/vipd.sock"],
          environment: credentials == nil ? [:] : ["CREDENTIALS_DIRECTORY": "/run/credentials"])
      }
      let without = try start("n1", credentials: nil)
      #expect(try await without.wait() == .exited(78))
      #expect(
        without.log.contains(
          "ingress: password: credential vrrp: there are no credentials (add LoadCredential=vrrp:PATH to vipd's unit"),
        "\(without.log)")
      for (name, secret) in [("n1", "s3cret\n"), ("n2", "s3cret"), ("n3", "another")] {
        _ = try start(name, credentials: secret)
      }
      try await cluster.wait(until: "n2 hears n1") { try cluster.router(on: "n2").activeRouter?.node == "n1" }
      try await cluster.wait(until: "n3, which has another password, does not") {
        (try cluster.router(on: "n3").discarded["authentication"] ?? 0) > 0
      }
    }
  }

  @Test("With the unit's capabilities vipd starts, and starts again after a SIGKILL that left its socket behind")
  func restarts() async throws {
    func set(_ key: String) throws -> String {
      let capabilities = try capabilities(of: key)
      #expect(!capabilities.isEmpty)
      return "-all," + capabilities.map { "+" + $0.dropFirst("CAP_".count).lowercased() }.joined(separator: ",")
    }
    let bounds = try set("CapabilityBoundingSet")
    let ambient = try set("AmbientCapabilities")
    try await Cluster.with(ClusterFile(trackers: [:]), services: false, daemons: false) { cluster in
      let node = cluster["n1"]
      // As systemd makes it: the user's, who is nobody here.
      try node.run("install", ["-d", "-m", "755", "-o", "nobody", "/run/vipd"])
      let path = try node.write(cluster.fileText, toRun: "rehearsal/vipd.yaml")
      for attempt in ["first", "second"] {
        let daemon = try node.spawn(
          "setpriv",
          [
            "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--inh-caps", ambient, "--ambient-caps",
            ambient,
            "--bounding-set", bounds, "--no-new-privs", Programs.beside("vipd"), "--config", path, "--node", "n1",
          ])
        try await cluster.wait(until: "the \(attempt) one answers") { (try? cluster.status("n1")) != nil }
        daemon.kill()
        try await daemon.wait()
      }
    }
  }
}
