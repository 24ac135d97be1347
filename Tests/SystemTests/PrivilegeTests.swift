// What the daemon may do after its start as root, and what its scripts may: the kernel's word for it.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("Privileges", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct PrivilegeTests {
  /// The fields of a `/proc/…/status`.
  private func fields(_ text: String) -> [String: String] {
    let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { return nil }
      return (String(parts[0]), parts[1].split { $0.isWhitespace }.joined(separator: " "))
    }
    return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }

  private static let netAdminAndRaw = "0000000000003000"
  private static let none = "0000000000000000"

  @Test("The daemon is not root and has two capabilities, in all its threads; its scripts have none")
  func capabilities() async throws {
    let report = "cat /proc/self/status >/run/report/new && mv /run/report/new /run/report/status"
    let file = ClusterFile(
      trackers: [
        "report": "script: \"\(report)\", shell: true, weight: -10", "docker": "process: dockerd, weight: -10",
      ])
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      let node = cluster["n1"]
      try node.run("install", ["-d", "-m", "777", "/run/report"])
      try node.startProcess(named: "dockerd")
      let daemon = try cluster.start("n1")
      try await cluster.wait(until: "n1 is Active, and its script has run") {
        try cluster.router(on: "n1").state == .active && cluster.tracker("report", on: "n1").up
      }

      let nobody = try node.run("id", ["-u", "nobody"]).output.dropLast()
      let vipd = try node.run("id", ["-u", "vipd"])
      let user = vipd.status.isSuccess ? vipd.output.dropLast() : nobody
      // By the machine's own process id, from outside: the daemon's files in /proc are root's.
      let threads = try threadStatuses(of: daemon.processIdentifier)
      #expect(threads.count > 1)
      for thread in threads {
        let fields = fields(thread)
        #expect(fields["Uid"] == Array(repeating: String(user), count: 4).joined(separator: " "))
        #expect(fields["Groups"] == "")
        #expect(fields["CapPrm"] == Self.netAdminAndRaw && fields["CapEff"] == Self.netAdminAndRaw, "\(thread)")
        #expect(fields["CapBnd"] == Self.netAdminAndRaw)
        #expect(fields["CapInh"] == Self.none && fields["CapAmb"] == Self.none)
        #expect(fields["NoNewPrivs"] == "1")
      }

      let script = fields(try node.run("cat", ["/run/report/status"]).output)
      #expect(script["Uid"] == Array(repeating: String(user), count: 4).joined(separator: " "))
      for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] { #expect(script[set] == Self.none) }
      #expect(script["NoNewPrivs"] == "1")
      // Nothing that the daemon holds open is the script's: 0, 1, 2 and what `cat` reads.
      #expect(script["SigBlk"] == Self.none)
    }
  }

  @Test("Scripts inherit none of the daemon's descriptors, and nothing of its environment")
  func inheritance() async throws {
    let report = "ls /proc/self/fd >/run/report/fds; env >/run/report/environment; touch /run/report/done"
    let file = ClusterFile(trackers: ["report": "script: \"\(report)\", shell: true, weight: -10"])
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      let node = cluster["n1"]
      try node.run("install", ["-d", "-m", "777", "/run/report"])
      try cluster.start("n1")
      try await cluster.wait(until: "its script has run") {
        try node.run("test", ["-e", "/run/report/done"]).status.isSuccess
      }
      let descriptors = try node.run("cat", ["/run/report/fds"]).output.split(separator: "\n")
      // The fourth is the directory that `ls` reads.
      #expect(descriptors == ["0", "1", "2", "3"])
      let environment = try node.run("cat", ["/run/report/environment"]).output
      #expect(environment.contains("VIPD_TRACKER=report") && !environment.contains("HOME=/root"), "\(environment)")
    }
  }

  @Test("Whoever is in vipd's group may look; commands are root's and vipd-admin's, and who gave one is told")
  func commands() async throws {
    try await Cluster.with(ClusterFile(trackers: [:]), services: false, daemons: false) { cluster in
      let node = cluster["n1"]
      try addAccounts(to: node)
      let daemon = try cluster.start("n1")
      try await cluster.wait(until: "it answers") { (try? cluster.status("n1")) != nil }
      #expect(try node.run("stat", ["--format", "%U:%G %a", "/run/vipd/vipd.sock"]).output == "root:vipd 660\n")

      func ask(_ user: String, groups: String, _ command: String) throws -> CommandResult {
        let identity = ["--reuid", user, "--regid", user, groups.isEmpty ? "--clear-groups" : "--groups=\(groups)"]
        return try node.run("setpriv", identity + [Programs.beside("vipctl"), command])
      }
      #expect(try ask("2001", groups: "", "status").status == .exited(1))
      #expect(try ask("2001", groups: "2000", "status").status.isSuccess)
      let refused = try ask("2001", groups: "2000", "reload")
      #expect(refused.status == .exited(1))
      #expect(
        refused.output.contains("alice may not reload: that is for root and the members of the group vipd-admin"),
        "\(refused.output)")
      #expect(try ask("2002", groups: "2000,2003", "reload").status.isSuccess)
      for line in ["warning control: alice may not reload", "notice control: bob asked to reload"] {
        #expect(daemon.log.contains(line), "\(daemon.log)")
      }
    }
  }

  /// Gives a node accounts of its own: vipd, and two people.
  private func addAccounts(to node: TestbedNode) throws {
    let accounts = [
      "passwd": "vipd:x:2000:2000::/:/bin/false\nalice:x:2001:2001::/:/bin/sh\nbob:x:2002:2002::/:/bin/sh\n",
      "group": "vipd:x:2000:\nalice:x:2001:\nbob:x:2002:\nvipd-admin:x:2003:bob\n",
    ]
    for (file, lines) in accounts {
      // Before the machine's own, which may have the same names.
      let result = try node.run(
        "sh", ["-c", "cat - /etc/\(file) >/run/\(file) && mount --bind /run/\(file) /etc/\(file)"], input: lines)
      try #require(result.status.isSuccess, "\(result.output)")
    }
  }

  private func threadStatuses(of process: pid_t) throws -> [String] {
    let directory = try #require(opendir("/proc/\(process)/task"))
    defer { closedir(directory) }
    var statuses: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard Int(name) != nil, let file = fopen("/proc/\(process)/task/\(name)/status", "r") else { continue }
      defer { fclose(file) }
      var bytes = [UInt8](repeating: 0, count: 8192)
      let count = fread(&bytes, 1, bytes.count, file)
      statuses.append(String(decoding: bytes[..<count], as: UTF8.self))
    }
    return statuses
  }
}
