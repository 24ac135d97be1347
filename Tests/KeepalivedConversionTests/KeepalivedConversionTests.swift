// What becomes of keepalived's configurations: a whole cluster, and each trap by itself.

import ClusterConfiguration
import NetworkTypes
import Testing
import VRRP

@testable import KeepalivedConversion

@Suite("Conversion of keepalived.conf")
struct KeepalivedConversionTests {
  private func convert(
    _ texts: [String], addresses: [String: [IPAddress]] = [:]
  ) -> KeepalivedConversion {
    let hosts = texts.enumerated().map { index, text in
      let name = "n\(index + 1)"
      let source = KeepalivedSource(file: "\(name).conf", text: text)
      return KeepalivedHost(name: name, file: KeepalivedFile(reading: source, configurationID: name))
    }
    return KeepalivedConversion(of: hosts, cluster: "swarm", addresses: addresses)
  }

  /// An instance on one of three unicast hosts.
  private func instance(
    _ index: Int, priority: String? = nil, state: String = "BACKUP", keys: String = "", more: String = ""
  ) -> String {
    let peers = (1...3).filter { $0 != index }.map { "    10.0.10.3\($0)" }.joined(separator: "\n")
    let line = priority ?? "  priority \([200, 150, 100][index - 1])"
    return """
      global_defs {
        router_id n\(index)
        vrrp_version 3
      }
      \(more)
      vrrp_instance VI_1 {
        state \(state)
        interface eth0
        virtual_router_id 12
      \(line)
        advert_int 1
        unicast_src_ip 10.0.10.3\(index)
        unicast_peer {
      \(peers)
        }
        virtual_ipaddress {
          10.0.10.39/24
        }
        \(keys)
      }

      """
  }

  private func three(keys: String = "", more: String = "") -> [String] {
    (1...3).map { instance($0, keys: keys, more: more) }
  }

  @Test("Three unicast hosts become one file, which `vipctl check` accepts")
  func cluster() throws {
    let more = """
      vrrp_script dockerd {
        script "/usr/bin/pgrep -x dockerd"
        interval 2
        weight -120
        fall 2
      }
      vrrp_script proxy {
        script "/usr/local/bin/check --url 'http://a b/'"
        interval 5
        timeout 3
        weight -60
        rise 2
      }
      """
    let conversion = convert(three(keys: "track_script {\n dockerd\n proxy\n }", more: more))
    #expect(conversion.findings.allSatisfy { $0.severity == .note }, "\(conversion.findings)")
    #expect(
      conversion.text == """
        cluster: swarm
        nodes:
          - {name: n1, address: [10.0.10.31], priority: 200}
          - {name: n2, address: [10.0.10.32], priority: 150}
          - {name: n3, address: [10.0.10.33], priority: 100}
        trackers:
          # was: /usr/bin/pgrep -x dockerd; its death is now noticed at once
          dockerd:
            process: dockerd
            weight: -120
            interval: 2s
            fall: 2
          proxy:
            script: [/usr/local/bin/check, "--url", "http://a b/"]
            weight: -60
            interval: 5s
            timeout: 3s
            rise: 2
        virtual_routers:
          - name: VI_1
            vrid: 12
            addresses: [10.0.10.39/24]
            track: [dockerd, proxy]

        """, "\(conversion.text)")
    let outcome = ClusterFile.parse(text: conversion.text, fileName: "c.yaml")
    #expect(!outcome.diagnostics.contains { $0.severity == .error }, "\(outcome.diagnostics)")
    #expect(try outcome.get().virtualRouters == conversion.configuration?.virtualRouters)
  }

  struct Trap: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var keys = ""
    var more = ""
    /// A part of what is told.
    var told: String
    /// A part of the cluster file.
    var text: String
  }

  @Test(
    "What keepalived does otherwise is told, and in the file",
    arguments: [
      Trap(
        testDescription: "nopreempt", keys: "nopreempt\n track_script {\n a\n }",
        more: "vrrp_script a {\n script \"/bin/true\"\n}",
        told: "nopreempt: with keepalived a failed check then never moves the address; here it does",
        text: "preempt: false"),
      Trap(
        testDescription: "preempt_delay", keys: "preempt_delay 30",
        told: "preempt_delay 30.0: keepalived waits so long",
        text: "preempt: {after: 30s}"),
      Trap(
        testDescription: "rounded intervals", keys: "version 2\n advert_int 1.4",
        told: "version 2 has whole seconds; keepalived rounds it to 1", text: "version: 2"),
      Trap(
        testDescription: "a long password",
        keys: "version 2\n authentication {\n auth_type PASS\n auth_pass secret-12\n }",
        told: "auth_pass has 9 bytes, of which 8 count", text: "password: secret-1"),
      Trap(
        testDescription: "a password in version 3", keys: "authentication {\n auth_type PASS\n auth_pass x\n }",
        told: "version 3 has none, and keepalived leaves it out too", text: "vrid: 12"),
      Trap(
        testDescription: "no prefix length", keys: "virtual_ipaddress {\n 10.0.10.40\n }",
        told: "10.0.10.40 has no prefix length, which means /32", text: "10.0.10.40/32"),
      Trap(
        testDescription: "words behind an address",
        keys: "virtual_ipaddress {\n 203.0.113.9/28 dev eth1 label eth1:1\n }",
        told: "'label' is not carried over", text: "{address: 203.0.113.9/28, interface: eth1}"),
      Trap(
        testDescription: "excluded addresses", keys: "virtual_ipaddress_excluded {\n 10.0.10.50/24\n }",
        told: "keepalived holds these without advertising them", text: "10.0.10.50/24"),
      Trap(
        testDescription: "a hook for one state", keys: "notify_master \"/etc/keepalived/up.sh a 'b c'\" root",
        told: "notify_master: it runs as vipd's user, not as root",
        text: #"notify: [[/bin/sh, "-c", "[ \"$VIPD_STATE\" != active ] || exec /etc/keepalived/up.sh a 'b c'"]]"#),
      Trap(
        testDescription: "a hook for all", keys: "notify /etc/keepalived/tell.sh",
        told: "keepalived's scripts are called as keepalived calls them",
        text: "exec /etc/keepalived/tell.sh INSTANCE VI_1 $s 200"),
      Trap(
        testDescription: "a hook for what is no transition", keys: "notify_master_rx_lower_pri /x",
        told: "'notify_master_rx_lower_pri' is not carried over", text: "vrid: 12"),
      Trap(
        testDescription: "a shell's line", keys: "track_script {\n a\n }",
        more: "vrrp_script a {\n script \"curl -s localhost | grep OK\"\n weight -101\n}",
        told: "for a shell", text: "shell: true"),
      Trap(
        testDescription: "another link", keys: "track_interface {\n eth1 weight -101\n }", told: "",
        text: "interface: eth1"),
      Trap(
        testDescription: "a process", keys: "track_process {\n p\n }",
        more: "vrrp_track_process p {\n process /usr/sbin/haproxy\n quorum 2\n weight -101\n}", told: "",
        text: "process: {name: haproxy, count: 2}"),
      Trap(
        testDescription: "a keyword that says nothing here", keys: "garp_master_delay 5",
        told: "'garp_master_delay' is not carried over: vipd announces an address at once", text: "vrid: 12"),
      Trap(
        testDescription: "the old checksum", keys: "old_unicast_checksum", told: "", text: "checksum: rfc9568"),
    ])
  func traps(_ trap: Trap) {
    let conversion = convert(three(keys: trap.keys, more: trap.more))
    #expect(conversion.isComplete, "\(conversion.findings)")
    if !trap.told.isEmpty {
      #expect(conversion.findings.contains { $0.description.contains(trap.told) }, "\(conversion.findings)")
    }
    #expect(conversion.text.contains(trap.text), "\(conversion.text)")
    let outcome = ClusterFile.parse(text: conversion.text, fileName: "c.yaml")
    #expect(!outcome.diagnostics.contains { $0.severity == .error }, "\(outcome.diagnostics) \(conversion.text)")
  }

  @Test(
    "What cannot be carried over is an error with its place, and the nearest word",
    arguments: [
      ("prioritty 5", "n1.conf:20: error: 'prioritty' is no keyword of vrrp_instance; 'priority' was meant?"),
      ("virtual_router_id 300", "n1.conf:20: error: virtual_router_id 300: must be a number from 1 to 255"),
      ("version 2\n authentication {\n auth_type AH\n }", "auth_type AH: vipd speaks PASS alone"),
      ("track_script {\n nothing\n }", "n1.conf:21: error: nothing is tracked, but not defined"),
      ("advert_int 60", "advert_int 60.0: vipd's intervals end at 40.95 s"),
    ])
  func errors(keys: String, expected: String) {
    let conversion = convert(three(keys: keys))
    #expect(!conversion.isComplete && conversion.text.isEmpty)
    #expect(
      conversion.findings.contains { $0.severity == .error && $0.description.contains(expected) },
      "\(conversion.findings)")
  }

  @Test("No priority with state MASTER means 255 to keepalived")
  func masterWithoutPriority() {
    let conversion = convert([instance(1, priority: "", state: "MASTER"), instance(2), instance(3)])
    #expect(conversion.configuration?.nodes.map(\.priority.rawValue) == [254, 150, 100])
    #expect(conversion.text.contains("  # no priority with 'state MASTER' means 255"), "\(conversion.text)")
  }

  @Test("A host alone: its peers are there to be named; over multicast its address must be given")
  func alone() {
    let conversion = convert([instance(1)])
    #expect(conversion.configuration?.nodes.map(\.name.rawValue) == ["n1", "node-10-0-10-32", "node-10-0-10-33"])
    #expect(conversion.text.contains("  # a peer of which there was no file"))

    let multicast =
      "vrrp_instance V {\n interface eth0\n virtual_router_id 7\n priority 9\n virtual_ipaddress {\n 10.0.10.9/24\n }\n}"
    let refused = convert([multicast])
    #expect(refused.findings.contains { $0.message.contains("add --address n1=ADDRESS") }, "\(refused.findings)")
    let given = convert([multicast], addresses: ["n1": [IPAddress("10.0.10.31")!]])
    #expect(given.isComplete && given.text.contains("transport: multicast") && given.text.contains("version: 2"))
    #expect(given.text.contains("interface: eth0"))
  }

  @Test("A host that does not say its address has the one that the others name")
  func inferred() {
    let texts = three().map {
      $0.split(separator: "\n").filter { !$0.contains("unicast_src_ip") }.joined(separator: "\n")
    }
    let conversion = convert(texts)
    #expect(conversion.configuration?.nodes.map { "\($0.addresses[0])" } == ["10.0.10.31", "10.0.10.32", "10.0.10.33"])
  }

  @Test("Two instances with opposite orders are both there, each with its own")
  func opposite() {
    func second(_ index: Int) -> String {
      """
      vrrp_instance VI_2 {
        interface eth0
        virtual_router_id 13
        priority \([100, 150, 200][index - 1])
        unicast_src_ip 10.0.10.3\(index)
        unicast_peer {
          \((1...3).filter { $0 != index }.map { "10.0.10.3\($0)" }.joined(separator: "\n    "))
        }
        virtual_ipaddress {
          10.0.10.40/24
        }
      }
      """
    }
    let conversion = convert((1...3).map { instance($0) + second($0) })
    #expect(conversion.text.contains("nodes: [n3, n2, n1]"), "\(conversion.text)")
    let routers = conversion.configuration?.virtualRouters
    #expect(routers?.map { $0.members[0].node.rawValue } == ["n1", "n3"])
  }

  @Test("A sync group's members have each other's trackers")
  func group() {
    let more = """
      vrrp_sync_group G {
        group {
          VI_1
        }
        track_interface {
          eth7
        }
      }
      """
    let conversion = convert(three(more: more))
    #expect(conversion.text.contains("track: [link-eth7]"), "\(conversion.text)")
    #expect(conversion.text.contains("# of vrrp_sync_group G: it has the group's trackers"))
  }
}
