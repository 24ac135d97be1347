// From the package to a service: three hosts that run systemd install it with apt, elect, fail over, go on as another version
// in the middle of traffic, survive what befalls services, and are rid of it again.

import ControlAPI
import FoundationEssentials
import Glibc
import Rehearsal
import Testing

@Suite("Three booted hosts with the package")
struct BootedHostsTests {
  private static let address = "10.0.10.39"
  private static let file = """
    cluster: hosts
    nodes:
      - {name: n1, address: 10.0.10.31}
      - {name: n2, address: 10.0.10.32}
      - {name: n3, address: 10.0.10.33}
    trackers:
      service: {unit: web.service}
    virtual_routers:
      - {name: ingress, vrid: 12, addresses: [10.0.10.39/24], interval: 1s, track: [service]}
    control: {listen: "127.0.0.1:9112"}

    """

  @Test("Installed, elected, failed over, upgraded, killed, hung, removed, purged")
  func life() async throws {
    try await Testbed.with { testbed in
      var booting: [BootedHost] = []
      for node in testbed.nodes { booting.append(try await BootedHost.boot(on: node)) }
      let hosts = booting
      let package = try "/packages/" + #require(Packages.find(".deb").split(separator: "/").last)
      for host in hosts { try await install(package, on: host) }
      try await isActive(hosts[0])
      try expectPrivileges(of: hosts[0])
      try expectWhoMayDoWhat(on: hosts[0])

      let client = try TrafficClient(from: testbed.client, to: Self.address)
      try await client.waitForAnswer(from: "n1", for: .milliseconds(200), within: .seconds(20))
      try await move(hosts, client)
      try await upgrade(hosts, package)
      try await kill(hosts[0])
      let record = client.stop()
      #expect(record.responders == ["n1", "n2", "n1"])
      print(
        "measured: three booted hosts: longest outage of a stop, a start, three upgrades and a SIGKILL: \(record.longestOutage)"
      )
      #expect(record.longestOutage < .milliseconds(500))

      try await hang(hosts[0])
      try await remove(hosts, package, testbed)
    }
  }

  @Test("The commands of the documentation's page on installing, in its order")
  func documentedCommands() async throws {
    let page = "\(Packages.root)/Sources/vipd/Documentation.docc/Installing.md"
    let blocks = try String(contentsOfFile: page, encoding: .utf8).split(separator: "```sh\n").dropFirst()
    let lines = blocks.flatMap {
      $0.prefix(upTo: $0.firstRange(of: "```")?.lowerBound ?? $0.endIndex).split(separator: "\n")
    }
    // These make the packages that this is about.
    let commands = lines.filter { !$0.hasPrefix("Packaging/") }
    #expect(commands.count >= 5)
    try await Testbed.with { testbed in
      let host = try await BootedHost.boot(on: testbed["n1"])
      try host.must("groupadd", "docker")
      try host.must("useradd", "alice")
      for command in commands {
        try host.must("sh", "-c", "cd /packages && \(command)")
      }
      try await isActive(host)
      let groups = try host.must("id", "-nG", "alice").split { $0.isWhitespace }
      #expect(Set(["vipd", "vipd-admin"]).isSubset(of: groups))
      // What the doctor says of a host that the package alone has set up.
      let doctor = try host.run("vipctl", "doctor", "--listen", "1", "--json")
      #expect(!doctor.output.contains("ip_nonlocal_bind"), "\(doctor.output)")
      try await keepFromNetworkd(host)

      try host.must("systemctl", "stop", "vipd")
      let down = try host.run("vipctl", "doctor", "--listen", "0", "--json")
      #expect(down.output.contains("\"seen\" : \"it is enabled, and inactive\""), "\(down.output)")
      try host.must("systemctl", "start", "vipd")
      #expect(try !host.run("vipctl", "doctor", "--listen", "0", "--json").output.contains("it is enabled"))
    }
  }

  /// The real systemd-networkd, as the doctor finds it, before and after what the doctor says.
  private func keepFromNetworkd(_ host: BootedHost) async throws {
    try host.write(
      "[Match]\nName=eth0\n[Network]\nAddress=10.0.10.31/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
      to: "/etc/systemd/network/10-lan.network")
    func finding() throws -> Finding? {
      let output = try host.run("vipctl", "doctor", "--listen", "0", "--json").output
      return try JSONDecoder().decode([Finding].self, from: Data(output.utf8)).first { $0.kind == "network_manager" }
    }
    func configured() async throws {
      try await eventually(within: .seconds(30), "networkd has configured eth0") {
        try host.run("networkctl", "status", "eth0").output.contains("(configured)")
      }
      try await isActive(host)
    }
    /// Whether networkd takes an address with a lifetime away that it did not put there. vipd's own would not tell, since
    /// networkd removes the host's address too, for a moment, and without that vipd lets go.
    func takesOthersAway() async throws -> Bool {
      try host.must(
        "ip", "address", "replace", "10.0.10.99/24", "dev", "eth0", "valid_lft", "600", "preferred_lft", "600")
      func beginnings() throws -> Int {
        try host.must("journalctl", "--unit", "systemd-networkd", "--no-pager").split(separator: "onfiguring with")
          .count
      }
      let before = try beginnings()
      try host.must("networkctl", "reconfigure", "eth0")
      try await eventually(within: .seconds(20), "networkd begins anew") { try beginnings() > before }
      try await configured()
      return !host.node.holds("10.0.10.99")
    }
    // The host's own address is networkd's from now on.
    try host.must("ip", "address", "flush", "dev", "eth0")
    try host.must("systemctl", "start", "systemd-networkd")
    try await configured()

    let found = try #require(try finding())
    #expect(try await takesOthersAway(), "what is said of networkd is true")
    for command in found.mend { try host.must("sh", "-c", command) }
    try await configured()
    #expect(try finding() == nil)
    #expect(try await !takesOthersAway(), "networkd takes the address away all the same")
  }

  /// Of `vipctl doctor --json`.
  private struct Finding: Decodable, Equatable {
    var kind: String
    var mend: [String]
  }

  // MARK: Steps

  private func install(_ package: String, on host: BootedHost) async throws {
    try host.must("apt-get", "install", "--yes", package)
    // There is no cluster file yet, which is no failure.
    #expect(try host.unit("ActiveState") == "inactive" && host.unit("Result") == "success")
    #expect(try host.run("systemctl", "is-enabled", "vipd.service").output.hasPrefix("enabled"))
    #expect(try host.must("cat", "/proc/sys/net/ipv4/ip_nonlocal_bind") == "1\n")
    try host.write(
      "[Service]\nExecStart=/usr/bin/vipctl stand-in http --port 80 --name \(host.name)\n",
      to: "/etc/systemd/system/web.service")
    try host.write(Self.file, to: "/etc/vipd/vipd.yaml")
    try host.must("systemctl", "daemon-reload")
    try host.must("systemctl", "start", "web.service", "vipd.service")
    #expect(try host.unit("ActiveState") == "active")
  }

  /// The kernel's word for what the unit promises.
  private func expectPrivileges(of host: BootedHost) throws {
    let pid = try host.unit("MainPID")
    let user = try host.must("id", "-u", "vipd").dropLast()
    let lines = try host.must("cat", "/proc/\(pid)/status").split(separator: "\n")
    func field(_ name: String) -> [Substring] {
      lines.first { $0.hasPrefix("\(name):") }?.split { $0.isWhitespace }.dropFirst().map { $0 } ?? []
    }
    #expect(field("Uid") == [user, user, user, user])
    for set in ["CapPrm", "CapEff", "CapBnd"] { #expect(field(set) == ["0000000000003000"], "\(set)") }
    #expect(field("CapAmb") == ["0000000000000000"] && field("NoNewPrivs") == ["1"] && field("Seccomp") == ["2"])
    try expectPriority(of: host, pid, locked: field("VmLck").first ?? "")
    #expect(try host.must("stat", "--format", "%U:%G %a", "/run/vipd/vipd.sock") == "root:vipd 660\n")
    #expect(try host.unit("WatchdogUSec") == "10s")
    #expect(try host.exists("/var/lib/vipd/history.jsonl"))
  }

  /// What the unit asks for is given where this machine lets a host's systemd give it; else vipd says so and goes on.
  private func expectPriority(of host: BootedHost, _ pid: String, locked: Substring) throws {
    // SCHED_RR is 2: the 41st field of proc(5)'s stat, in the main thread.
    let statistics = try host.must("cat", "/proc/\(pid)/stat")
    let policy = statistics.split(separator: ")")[1].split(separator: " ")[38]
    let adjustment = try host.must("cat", "/proc/\(pid)/oom_score_adj").dropLast()
    let capabilities = try host.must("sed", "-n", "s/^CapEff:\t//p", "/proc/1/status").dropLast()
    let mayRaiseLimits = try #require(UInt64(capabilities, radix: 16)) & 1 << CAP_SYS_RESOURCE != 0
    if mayRaiseLimits {
      #expect(policy == "2" && locked != "0" && adjustment == "-900")
    } else {
      let journal = try host.journal()
      #expect(journal.contains("no real-time scheduling: ") && journal.contains("memory is not locked: "), "\(journal)")
    }
  }

  /// Of capability.h.
  private var CAP_SYS_RESOURCE: UInt64 { 24 }

  private func expectWhoMayDoWhat(on host: BootedHost) throws {
    try host.must("useradd", "--groups", "vipd", "watcher")
    try host.must("useradd", "--groups", "vipd,vipd-admin", "admin")
    func ask(_ user: String, _ command: String) throws -> CommandResult {
      let identity = ["--reuid", user, "--regid", user, "--init-groups"]
      return try host.run("setpriv", identity + ["vipctl", command])
    }
    #expect(try ask("nobody", "status").status == .exited(1))
    #expect(try ask("watcher", "status").status.isSuccess)
    let refused = try ask("watcher", "reload")
    #expect(refused.status == .exited(1))
    #expect(
      refused.output.contains("watcher may not reload: that is for root and the members of the group vipd-admin"),
      "\(refused.output)")
    #expect(try ask("admin", "reload").status.isSuccess)
    // Each with the user, and with a priority that journald knows, once it has read them.
    try host.must("journalctl", "--sync")
    let journal = try host.must("journalctl", "--unit", "vipd", "--output", "cat", "--priority", "notice")
    #expect(journal.contains("control: admin asked to reload"), "\(journal)")
    let warnings = try host.must("journalctl", "--unit", "vipd", "--output", "cat", "--priority", "warning")
    #expect(warnings.contains("watcher may not reload") && !warnings.contains("admin asked"), "\(warnings)")
    #expect(journal.split(separator: "\n").count { $0.hasPrefix("ingress: backup → active: ") } == 1)
  }

  /// A stop moves the address, a start moves it back; a client notices neither.
  private func move(_ hosts: [BootedHost], _ client: TrafficClient) async throws {
    try hosts[0].must("systemctl", "stop", "vipd.service")
    try await client.waitForAnswer(from: "n2", for: .milliseconds(200), within: .seconds(20))
    try await isActive(hosts[1])
    try hosts[0].must("systemctl", "start", "vipd.service")
    try await client.waitForAnswer(from: "n1", for: .milliseconds(200), within: .seconds(20))
    try await isActive(hosts[0])
  }

  /// Another version is installed, and goes on in the same process.
  private func upgrade(_ hosts: [BootedHost], _ package: String) async throws {
    for host in hosts {
      let pid = try host.unit("MainPID")
      try host.must(
        "sh", "-c",
        """
        set -e
        dpkg-deb --raw-extract \(package) /tmp/next
        sed -i 's/^Version: .*/&+next/' /tmp/next/DEBIAN/control
        echo >>/tmp/next/usr/sbin/vipd
        dpkg-deb -Znone --build --root-owner-group /tmp/next /tmp/next.deb
        apt-get install --yes /tmp/next.deb
        """)
      try await eventually("\(host.name) goes on as the new one") { try host.status().upgrades == 1 }
      #expect(try host.unit("MainPID") == pid && host.unit("NRestarts") == "0")
      #expect(try host.must("readlink", "/proc/\(pid)/exe") == "/usr/sbin/vipd\n")
    }
    try await isActive(hosts[0])
  }

  private func kill(_ host: BootedHost) async throws {
    let pid = try host.unit("MainPID")
    try host.must("systemctl", "kill", "--signal", "KILL", "vipd.service")
    try await eventually("systemd has started it anew") {
      try host.unit("MainPID") != pid && host.unit("ActiveState") == "active"
    }
    try await isActive(host)
    #expect(try host.unit("NRestarts") == "1")
  }

  /// A VRRP thread that stands still.
  private func hang(_ host: BootedHost) async throws {
    let pid = try host.unit("MainPID")
    try host.must("kill", "-STOP", pid)
    try await eventually(within: .seconds(40), "the watchdog ends it, and it is started anew") {
      try host.unit("MainPID") != pid && host.unit("ActiveState") == "active"
    }
    #expect(try host.must("journalctl", "--unit", "vipd").contains("Watchdog timeout"))
    try await isActive(host)
  }

  private func remove(_ hosts: [BootedHost], _ package: String, _ testbed: Testbed) async throws {
    let host = hosts[0]
    try host.must("apt-get", "remove", "--yes", "vipd")
    try await isActive(hosts[1])
    #expect(!testbed["n1"].holds(Self.address))
    for gone in ["/usr/sbin/vipd", "/usr/bin/vipctl", "/run/vipd/vipd.sock"] {
      #expect(try !host.exists(gone), "\(gone)")
    }
    #expect(
      try host.exists("/etc/vipd/vipd.yaml") && host.exists("/var/lib/vipd/history.jsonl"), "a removal keeps these")
    try host.must("apt-get", "install", "--yes", package)
    try await isActive(host)
    try host.must("apt-get", "purge", "--yes", "vipd")
    #expect(!testbed["n1"].holds(Self.address))
    let left = try host.run("sh", "-c", "find / -xdev -name '*vipd*' -not -path '/proc/*' -not -path '/packages*'")
      .output
    #expect(
      left.split(separator: "\n").filter { !$0.hasPrefix("/tmp/") && !$0.hasPrefix("/var/log/") }.isEmpty, "\(left)")
    #expect(try host.must("systemctl", "list-units", "--failed", "--plain", "--no-legend").contains("vipd") == false)
  }

  private func isActive(_ host: BootedHost) async throws {
    try await eventually(within: .seconds(20), "\(host.name) is Active") {
      try host.node.holds(Self.address) && host.state() == .active
    }
  }
}
