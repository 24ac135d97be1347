// Each thing that `vipctl doctor` can find is brought about on purpose, found, mended with the command that it prints, and
// gone.

import Rehearsal
import Testing

@Suite("vipctl doctor", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct DoctorTests {
  /// The file lies where `vipd` would be given it; nothing runs yet.
  private func beforeSetUp(
    _ file: ClusterFile = ClusterFile(), on layout: TestbedLayout = .lan(),
    _ body: (Clinic, [String]) async throws -> Void
  ) async throws {
    try await Cluster.with(file, on: layout, services: false, daemons: false) { cluster in
      for node in cluster.testbed.nodes { try node.write(cluster.fileText, toRun: "vipd.yaml") }
      try await body(cluster.clinic, ["--config", "/run/vipd.yaml"])
    }
  }

  @Test("A healthy cluster has nothing to mend, on any node")
  func healthy() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      for node in cluster.testbed.nodes {
        // As systemd has it, unlike the kernel.
        try node.run("sysctl", ["-w", "net.ipv4.conf.all.promote_secondaries=1"])
        let examination = try cluster.clinic.examine(node.name)
        #expect(examination.status == .exited(0))
        #expect(examination.findings.allSatisfy { $0.severity == "note" }, "\(examination.findings)")
        // The kernel's own default, which the package changes.
        #expect(examination["ip_nonlocal_bind"].count == 1)
      }
    }
  }

  // MARK: The host

  @Test("Without privileges")
  func privileges() async throws {
    try await beforeSetUp { clinic, arguments in
      let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
      let examination = try clinic.examine("n1", arguments, as: nobody)
      let finding = try #require(examination["capabilities"].first)
      #expect(finding.seen.contains("NET_ADMIN") && finding.severity == "note")
      #expect(finding.mend == ["sudo vipctl doctor"])
      #expect(try clinic.examine("n1", arguments, as: ["sudo"])["capabilities"].isEmpty)

      let container = ["setpriv", "--bounding-set", "-net_admin,-net_raw"]
      let confined = try #require(try clinic.examine("n1", arguments, as: container)["capabilities"].first)
      #expect(confined.severity == "error" && confined.mend[0].contains("--cap-add NET_ADMIN --cap-add NET_RAW"))
    }
  }

  @Test(
    "A kernel setting",
    arguments: [
      ("ip_nonlocal_bind", "net.ipv4.ip_nonlocal_bind=0", "ip_nonlocal_bind is 0"),
      ("arp_ignore", "net.ipv4.conf.all.arp_ignore=8", "answers no ARP"),
      ("arp_ignore", "net.ipv4.conf.eth0.arp_ignore=8", "answers no ARP"),
      ("rp_filter", "net.ipv4.conf.all.rp_filter=1", "strict"),
      ("promote_secondaries", "net.ipv4.conf.all.promote_secondaries=0", "promote_secondaries is 0"),
    ])
  func kernelSetting(_ kind: String, _ setting: String, _ words: String) async throws {
    var layout = TestbedLayout.lan()
    layout.nodes[0].interfaces.append(.init("eth1", network: "other", addresses: ["10.0.20.31/24"]))
    try await beforeSetUp(on: layout) { clinic, arguments in
      try clinic.makeConfigurationPrivate(on: "n1")
      try clinic.testbed["n1"].run("sysctl", ["-w", setting])
      try await clinic.cure(kind, on: "n1", saying: words, arguments: arguments)
    }
  }

  @Test("An interface that is down")
  func interfaceDown() async throws {
    try await beforeSetUp { clinic, arguments in
      try clinic.testbed["n1"].run("ip", ["link", "set", "eth0", "down"])
      try await clinic.cure("interface", on: "n1", saying: "down", arguments: arguments)
    }
  }

  @Test(
    "A firewall",
    arguments: [
      ("n2", "nft 'add table inet f; add chain inet f in {type filter hook input priority 0; policy drop;}'"),
      (
        "n1",
        "nft 'add table ip f; add chain ip f out {type filter hook output priority 0;}; add rule ip f out ip protocol {50, 112} drop'"
      ),
      (
        "n2",
        "nft 'add table netdev f; add chain netdev f in {type filter hook ingress device eth0 priority 0;}; add rule netdev f in ip protocol 112 drop'"
      ),
      ("n2", "iptables -P INPUT DROP; iptables -A INPUT -p tcp --dport 22 -j ACCEPT"),
      (
        "n2",
        "iptables -N guard; iptables -A INPUT -j guard; iptables -A guard -m comment --comment 'all else' -j REJECT"
      ),
      ("n2", "iptables-legacy -A INPUT -s 10.0.10.0/24 ! -p tcp -j DROP"),
      ("n1", "iptables-legacy -P OUTPUT DROP"),
    ])
  func firewall(_ node: String, _ rules: String) async throws {
    try await Cluster.with(ClusterFile(), services: false, daemons: false) { cluster in
      let made = try cluster[node].run("sh", ["-c", rules])
      try #require(made.status.isSuccess, "\(made.output)")
      for node in cluster.testbed.nodes { try cluster.start(node.name) }
      // What is said of the rules is true: n1 is not heard by n2.
      try await cluster.wait(until: "n2 takes it too") { try cluster.router(on: "n2").state == .active }
      try await cluster.clinic.cure("firewall", on: node, saying: "VRRP")
      try await cluster.holder(is: "n1", within: .seconds(40))
    }
  }

  @Test("systemd-networkd that removes foreign addresses")
  func networkd() async throws {
    try await beforeSetUp { clinic, arguments in
      let node = clinic.testbed["n1"]
      try clinic.makeConfigurationPrivate(on: "n1")
      let index = try node.run("ip", ["-o", "link", "show", "eth0"]).output.prefix(while: \.isNumber)
      try node.run(
        "sh",
        ["-c", "mkdir -p /etc/systemd/network && printf '[Match]\\nName=eth0\\n' >/etc/systemd/network/10-lan.network"])
      try node.write(
        "ADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=/etc/systemd/network/10-lan.network\n",
        toRun: "systemd/netif/links/\(index)")
      try clinic.standIn("networkctl", on: "n1", "[ \"$*\" = reload ]")
      try await clinic.cure("network_manager", on: "n1", saying: "systemd-networkd", arguments: arguments)
    }
  }

  @Test("NetworkManager that removes foreign addresses")
  func networkManager() async throws {
    try await beforeSetUp { clinic, arguments in
      let node = clinic.testbed["n1"]
      try clinic.makeConfigurationPrivate(on: "n1")
      try node.run("mkdir", ["-p", "/etc/NetworkManager/conf.d"])
      let index = try node.run("ip", ["-o", "link", "show", "eth0"]).output.prefix(while: \.isNumber)
      try node.write("[device]\nmanaged=true\n", toRun: "NetworkManager/devices/\(index)")
      // Nobody else would give the interface its address: told, and nothing to be pasted.
      let alone = try #require(try clinic.examine("n1", arguments)["network_manager"].first)
      #expect(alone.severity == "note" && !alone.mend.joined().contains("unmanaged"))
      try node.run(
        "sh", ["-c", "mkdir -p /etc/network && printf 'iface eth0 inet static\n' >>/etc/network/interfaces"])
      try clinic.standIn("nmcli", on: "n1", "[ \"$*\" = 'general reload' ]")
      try await clinic.cure("network_manager", on: "n1", saying: "set up elsewhere too", arguments: arguments)
    }
  }

  // MARK: The network

  @Test("A stranger with our VRID, before vipd is set up")
  func foreignVRID() async throws {
    try await beforeSetUp { clinic, arguments in
      let client = clinic.testbed.client
      let stranger = """
        cluster: other
        nodes:
          - {name: client, address: \(client.layout.address)}
          - {name: n1, address: \(clinic.testbed["n1"].layout.address)}
        virtual_routers:
          - {name: other, vrid: 12, addresses: [10.0.10.77/24], interval: 100ms}
        """
      let other = try DaemonUnderTest.vipd(file: stranger).start(client)
      let finding = try await clinic.cure("foreign_vrid", on: "n1", saying: "VRID 12", arguments: arguments)
      #expect(finding.mend.joined().contains("vrid: 13"))
      #expect(other.isRunning)
    }
  }

  @Test("A peer whose link is down")
  func unreachable() async throws {
    try await beforeSetUp { clinic, arguments in
      try clinic.testbed["n3"].run("ip", ["link", "set", "eth0", "down"])
      let finding = try await clinic.cure("peer_unreachable", on: "n1", saying: "ARP", arguments: arguments)
      #expect(finding.on == "n3" && finding.subject.contains("10.0.10."))
    }
  }

  @Test("A peer that ought to be Active and was never heard")
  func silent() async throws {
    try await Cluster.with(ClusterFile(), daemons: false) { cluster in
      try cluster.start("n2")
      try await cluster.wait(until: "n2 holds it") { try cluster.router(on: "n2").state == .active }
      // In place of systemd: as the unit would.
      let daemon = try "\(Programs.beside("vipd")) --config /run/rehearsal/vipd.yaml --control /run/vipd/vipd.sock"
      try cluster["n1"].write(cluster.fileText, toRun: "rehearsal/vipd.yaml")
      try cluster.clinic.standIn(
        "systemctl", on: "n1",
        "[ \"$*\" = 'start vipd' ] && mkdir -p /run/vipd && exec setsid \(daemon) >/run/vipd.log 2>&1 </dev/null &")
      try await cluster.clinic.cure("peer_silent", on: "n2", saying: "was not heard once")
    }
  }

  struct Difference: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var kind: String
    var words: String
    /// More keys of the virtual router, on n1 and on n2.
    var theirs: [String]
    var ours: [String] = []
    var interval = "1s"
    var theirInterval: String?
    var theirAddresses: [String]?
  }

  @Test(arguments: [
    Difference(
      testDescription: "interval", kind: "peer_interval", words: "every 300ms", theirs: [], interval: "200ms",
      theirInterval: "300ms"),
    Difference(testDescription: "version", kind: "peer_version", words: "version 2", theirs: ["version: 2"]),
    Difference(
      testDescription: "addresses", kind: "peer_addresses", words: "has 10.0.10.40", theirs: [], interval: "200ms",
      theirAddresses: ["10.0.10.39/24", "10.0.10.40/24"]),
    Difference(
      testDescription: "checksum", kind: "peer_checksum", words: "pseudo_header", theirs: ["checksum: pseudo_header"],
      ours: ["checksum: rfc9568"], interval: "200ms"),
  ])
  func difference(_ difference: Difference) async throws {
    try await Cluster.with(ClusterFile(), daemons: false) { cluster in
      let testbed = cluster.testbed
      let layout = TestbedLayout.lan()
      let theirs = ClusterFile(
        interval: difference.theirInterval ?? difference.interval,
        addresses: difference.theirAddresses ?? ["10.0.10.39/24"], more: difference.theirs)
      let ours = ClusterFile(interval: difference.interval, more: difference.ours)
      _ = try DaemonUnderTest.vipd(file: theirs.text(for: layout)).start(testbed["n1"])
      _ = try DaemonUnderTest.vipd(file: ours.text(for: layout)).start(testbed["n2"])
      try await cluster.clinic.cure(difference.kind, on: "n2", saying: difference.words)
      // One cluster again: n1 alone holds it.
      try await eventually(within: .seconds(20), "n1 alone holds it") {
        testbed.holders(of: Cluster.address).map(\.name) == ["n1"]
      }
    }
  }

  @Test("Two nodes whose files differ")
  func filesDiffer() async throws {
    try await Cluster.with(ClusterFile(), services: false, daemons: false) { cluster in
      let right = cluster.fileText + "control: {listen: \"0.0.0.0:9112\"}\n"
      let wrong = right + "# an edit that reached one node only\n"
      _ = try DaemonUnderTest.vipd(file: right).start(cluster["n1"])
      _ = try DaemonUnderTest.vipd(file: wrong).start(cluster["n2"])
      // The other host's file, without a daemon of SSH on it.
      try cluster.clinic.standIn(
        "scp", on: "n2",
        "case \"$1\" in \(cluster["n1"].layout.address):/run/rehearsal/vipd.yaml) cat >\"$2\" <<'E'\n\(right)E\n;; *) exit 1;; esac"
      )
      let finding = try await cluster.clinic.cure("files_differ", on: "n2", saying: "digest")
      #expect(finding.subject == "n1")
      // The third node does not run: said, too.
      let examination = try cluster.clinic.examine("n2")
      #expect(examination["not_examined"].contains { $0.subject == "n3" })
    }
  }

  @Test("Another host that claims an address which this node holds")
  func rival() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.client.run("ip", ["addr", "add", "\(Cluster.address)/24", "dev", "eth0"])
      try await cluster.clinic.cure(
        "rival", on: "n1", saying: "claims it too", host: "client", within: .seconds(150))
    }
  }

  // MARK: vipd

  @Test("A tracker that always fails, before vipd is set up and beside it", arguments: [false, true])
  func tracker(isRunning: Bool) async throws {
    let file = ClusterFile(trackers: ["web": "script: [/run/check, --port, \"80\"], interval: 200ms, weight: -100"])
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      for node in cluster.testbed.nodes {
        try node.write("#!/bin/sh\nexit 0\n", toRun: "check")
        try node.write(cluster.fileText, toRun: "vipd.yaml")
        if isRunning { try cluster.start(node.name) }
      }
      try await cluster.clinic.cure(
        "tracker", on: "n1", saying: isRunning ? "as long as vipd runs" : "not executable",
        arguments: isRunning ? [] : ["--config", "/run/vipd.yaml"])
    }
  }

  @Test("The clock is set while vipd runs")
  func clock() async throws {
    try await Cluster.with(ClusterFile(interval: "200ms"), services: false, daemons: false) { cluster in
      let node = cluster["n1"]
      try node.write("0", toRun: "offset")
      try node.write(cluster.fileText, toRun: "rehearsal/vipd.yaml")
      try node.run("mkdir", ["-p", "/run/vipd"])
      // This machine's clock is everybody's: the daemon alone is told another time.
      let daemon = try node.spawn(
        Programs.beside("vipd"), ["--config", "/run/rehearsal/vipd.yaml", "--control", "/run/vipd/vipd.sock"],
        environment: ["LD_PRELOAD": Programs.beside("libShiftedClock.so"), "VIPD_CLOCK_OFFSET": "/run/offset"])
      try await cluster.wait(until: "n1 holds it: \(daemon.log)") { try cluster.router(on: "n1").state == .active }
      #expect(try cluster.clinic.examine("n1")["clock"].isEmpty)
      let transitions = try cluster.router(on: "n1").transitions
      try node.write("-3600", toRun: "offset")
      try cluster.clinic.standIn("timedatectl", on: "n1", "[ \"$*\" = 'set-ntp true' ]")
      let finding = try await cluster.clinic.cure(
        "clock", on: "n1", saying: "set back by 60 min", afterwards: ["--memory", "0"])
      #expect(finding.severity == "note")
      #expect(try cluster.router(on: "n1").transitions == transitions, "the role does not depend on the clock")
    }
  }

  @Test("A file that was changed and not reloaded")
  func notReloaded() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.write(text: cluster.fileText + "# later\n")
      try await cluster.clinic.cure("not_reloaded", on: "n2", saying: "changed")
    }
  }

  @Test("keepalived was left running beside vipd")
  func keepalived() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let node = cluster["n1"]
      try node.run("sh", ["-c", "mkdir -p /run/bin && cp \"$(command -v sleep)\" /run/bin/keepalived"])
      try node.spawn("/run/bin/keepalived", ["100000"])
      try cluster.clinic.standIn(
        "systemctl", on: "n1", "[ \"$*\" = 'disable --now keepalived' ] && pkill -x keepalived")
      try await cluster.clinic.cure("keepalived", on: "n1", saying: "beside vipd")
    }
  }

  @Test("A virtual address that some host has for good, before vipd is set up")
  func addressInUse() async throws {
    try await beforeSetUp { clinic, arguments in
      try clinic.testbed.client.run("ip", ["address", "add", "\(Cluster.address)/24", "dev", "eth0"])
      try await clinic.cure("address_in_use", on: "n1", saying: "answers for it", arguments: arguments, host: "client")
    }
  }

  @Test("Two holders, as a third node hears them")
  func twoHolders() async throws {
    try await Cluster.with(ClusterFile(interval: "200ms", more: ["one_way: hold"]), services: false) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.separate(cluster["n1"], cluster["n2"])
      try await eventually(within: .seconds(30), "n3 hears both") {
        try cluster.clinic.examine("n3", ["--listen", "2"])["two_holders"].contains { $0.seen.contains("n1 and n2") }
      }
      try cluster.testbed.reunite(cluster["n1"], cluster["n2"])
      try await cluster.holder(is: "n1")
      #expect(try cluster.clinic.examine("n3", ["--listen", "2"])["two_holders"].isEmpty)
    }
  }

  @Test("A vipd that has stopped in the middle, and one that left its socket behind")
  func daemon() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let frozen = try cluster.daemon("n2")
      try cluster.clinic.standIn("systemctl", on: "n2", "[ \"$*\" = 'restart vipd' ]")
      frozen.suspend()
      let finding = try #require(
        try cluster.clinic.examine("n2", ["--config", "/run/rehearsal/vipd.yaml"])["daemon"].first)
      #expect(finding.seen.contains("no answer within 2 s") && finding.mend == ["systemctl restart vipd"])
      frozen.kill()
      try await frozen.wait()
      let config = ["--config", "/run/rehearsal/vipd.yaml"]
      #expect(try cluster.clinic.examine("n2", config)["daemon"].first?.seen.contains("connection refused") == true)
      try cluster.start("n2")
      try await eventually("it answers") { try cluster.clinic.examine("n2", config)["daemon"].isEmpty }
    }
  }

  @Test("One way on which advertisements are lost")
  func oneWay() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.block(from: cluster["n1"], to: cluster["n2"])
      try await eventually(within: .seconds(30), "it is found on n1") {
        try cluster.clinic.examine("n1", ["--listen", "0"])["one_way"].contains { $0.on == "n2" }
      }
      try cluster.testbed.unblock(from: cluster["n1"], to: cluster["n2"])
      try await eventually(within: .seconds(60), "it is gone") {
        try cluster.clinic.examine("n1", ["--listen", "0"])["one_way"].isEmpty
      }
    }
  }

  @Test("A file that is not there, or that vipd would refuse")
  func clusterFile() async throws {
    try await Cluster.with(ClusterFile(), services: false, daemons: false) { cluster in
      let clinic = cluster.clinic
      try clinic.makeConfigurationPrivate(on: "n1")
      let missing = try clinic.examine("n1", ["--config", "/run/none.yaml"])
      #expect(missing.status == .exited(3) && missing["cluster_file"][0].seen.contains("cannot be read"))
      try cluster["n1"].write("cluster: x\nnodes: [\n", toRun: "bad.yaml")
      let refused = try clinic.examine("n1", ["--config", "/run/bad.yaml"])
      #expect(refused["cluster_file"][0].seen.contains("/run/bad.yaml:"))
      #expect(refused["cluster_file"][0].mend == ["vipctl check /run/bad.yaml"])
      try cluster["n1"].write(
        cluster.fileText.split(separator: "\n").map {
          $0.contains("name: n1") ? "  - {name: n1, address: 10.9.9.9, priority: 200}" : String($0)
        }
        .joined(separator: "\n"), toRun: "else.yaml")
      let elsewhere = try clinic.examine("n1", ["--config", "/run/else.yaml"])
      #expect(elsewhere["cluster_file"][0].seen.contains("this host is none of the cluster's nodes"))
    }
  }
}

extension Clinic {
  /// From here on what the node writes to /etc is its own.
  func makeConfigurationPrivate(on node: String) throws {
    let script =
      "mkdir -p /run/etc/upper /run/etc/work && mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc"
    let result = try testbed[node].run("sh", ["-c", script])
    try #require(result.status.isSuccess, "\(result.output)")
  }
}

extension TestbedLayout.Node {
  /// Its first, without the prefix length.
  fileprivate var address: String { String(interfaces[0].addresses[0].prefix { $0 != "/" }) }
}
