// Complaints about virtual routers and `control`, at the exact place.

import ClusterConfiguration
import Testing

/// A virtual router with these keys, the first on line 9.
private func withRouter(_ lines: String...) -> String {
  clusterFile(routers: "virtual_routers:\n  - " + lines.joined(separator: "\n    "))
}

/// A virtual router with these addresses, at 11:16.
private func withAddresses(_ value: String) -> String {
  withRouter("name: web", "vrid: 12", "addresses: \(value)", "track: [docker]")
}

@Suite struct VirtualRouterDiagnosticTests {
  @Test(arguments: [
    Case(
      clusterFile(routers: ""), "1:1: error: the cluster file needs 'virtual_routers'",
      "6:3: warning: nothing uses the tracker 'docker'"),
    Case(
      withRouter("track: [docker]"),
      "9:5: error: a virtual router needs 'name'", "9:5: error: a virtual router needs 'vrid'",
      "9:5: error: a virtual router needs 'addresses'"),
    Case(
      withRouter("name: web", "vrid: 0", "addresses: [10.0.0.9/24]", "track: [docker]"),
      "10:11: error: 'vrid' must be a whole number from 1 to 255, not '0'"),
    Case(
      withRouter("name: web", "vrid: 256", "addresses: [10.0.0.9/24]", "track: [docker]"),
      "10:11: error: 'vrid' must be a whole number from 1 to 255, not '256'"),
    Case(withAddresses("10.0.0.9/24"), "11:16: error: 'addresses' is a list, not '10.0.0.9/24'"),
    Case(withAddresses("[]"), "11:16: error: 'addresses' is empty"),
    Case(withAddresses("[10.0.0.9]"), "11:17: error: 10.0.0.9 lacks its prefix length"),
    Case(withAddresses("[10.0.0.9/33]"), "11:17: error: '10.0.0.9/33' is not an IP address with its prefix length"),
    Case(
      withAddresses("[10.0.0.9/0]"),
      "11:17: error: 10.0.0.9/0 has a prefix of 0 bits, which would make every host a neighbour"),
    Case(
      withAddresses("[10.0.0.0/24]"), "11:17: error: 10.0.0.0/24 is its network's own address, which no host can have"),
    Case(
      withAddresses("[10.0.0.255/24]"),
      "11:17: error: 10.0.0.255/24 is its network's broadcast address, which no host can have"),
    Case(
      withAddresses("[224.0.0.18/32]"), "11:17: error: 224.0.0.18/32 is not an address that a host can offer others"),
    Case(withAddresses("[127.0.0.9/8]"), "11:17: error: 127.0.0.9/8 is not an address that a host can offer others"),
    Case(withAddresses("[\"ff02::1/64\"]"), "11:17: error: ff02::1/64 is not an address that a host can offer others"),
    Case(
      withAddresses("[\"fd10::9/64\"]"),
      "11:17: error: fd10::9/64 is IPv6, but a, b have no IPv6 address to speak VRRP from"),
    Case(
      withAddresses("[10.0.1.9/24]"),
      "11:17: warning: the network of 10.0.1.9/24 does not hold a (10.0.0.1), b (10.0.0.2)"),
    Case(withAddresses("[{address: 10.0.1.9/24, interface: eth1}]")),
    Case(withAddresses("[10.0.1.9/32]")),
    Case(
      withAddresses("[10.0.0.8/31]"),
      "11:17: warning: the network of 10.0.0.8/31 does not hold a (10.0.0.1), b (10.0.0.2)"),
    Case(withAddresses("[{interface: eth1}]"), "11:17: error: an address needs 'address'"),
    Case(
      withAddresses("[{address: 10.0.0.9, interface: ethernet-number-1}]"),
      "11:27: error: 10.0.0.9 lacks its prefix length",
      "11:48: error: the interface's name 'ethernet-number-1' has 17 bytes; Linux allows 15"),
    Case(withAddresses("[{address: 10.0.0.9/24, device: eth1}]"), "11:40: error: unknown key 'device'"),
    Case(withAddresses("[10.0.0.9/24, 10.0.0.9/32]"), "11:30: error: 10.0.0.9 is a virtual address already (line 11)"),
    Case(
      withAddresses("[10.0.0.2/24]"),
      "11:17: error: 10.0.0.2 is the address of node 'b'; a virtual address is nobody's own"
    ),
    Case(withAddresses("[[10.0.0.9/24]]"), "11:17: error: an address needs a text, not a list"),
  ]) func addresses(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test(arguments: [
    Case(clusterFile(routerKey: "interval: 15ms"), "13:15: error: 'interval' must be a multiple of 10ms, not '15ms'"),
    Case(clusterFile(routerKey: "interval: 9ms"), "13:15: error: 'interval' must be 10ms to 40.95s, not '9ms'"),
    Case(clusterFile(routerKey: "interval: 41s"), "13:15: error: 'interval' must be 10ms to 40.95s, not '41s'"),
    Case(clusterFile(routerKey: "interval: 40.95s")),
    Case(clusterFile(routerKey: "interval: 10ms")),
    Case(clusterFile(routerKey: "interval: 100"), "13:15: error: 'interval' is '100', which has no unit"),
    Case(clusterFile(routerKey: "intervall: 1s"), "13:5: error: unknown key 'intervall'"),
    Case(clusterFile(routerKey: "advert_int: 1"), "13:5: error: unknown key 'advert_int'"),
    Case(clusterFile(routerKey: "interface: eth0/1"), "13:16: error: the interface's name 'eth0/1' holds '/'"),
    Case(clusterFile(routerKey: "interface: eth 0"), "13:16: error: the interface's name 'eth 0' holds ' '"),
    Case(clusterFile(routerKey: "interface: .."), "13:16: error: the interface's name '..' is not allowed"),
    Case(clusterFile(routerKey: "interface:"), "13:5: error: 'interface' has no value"),
    Case(clusterFile(routerKey: "nodes: [b, c]"), "13:16: error: there is no node 'c'"),
    Case(clusterFile(routerKey: "nodes: [b, b]"), "13:16: error: 'b' stands in this list twice"),
    Case(clusterFile(routerKey: "nodes: []"), "13:12: error: 'nodes' is empty"),
    Case(clusterFile(routerKey: "nodes: b"), "13:12: error: 'nodes' is a list, not 'b'"),
    Case(
      clusterFile(routerKey: "nodes: [b]"),
      "13:5: warning: virtual router 'web' has one node only, so nothing can take its address over"),
    Case(clusterFile(routerKey: "preempt: yes"), "13:14: error: 'preempt' must be 'true', 'false' or 'rfc', not 'yes'"),
    Case(clusterFile(routerKey: "preempt: {after: 30}"), "13:22: error: 'after' is '30', which has no unit"),
    Case(clusterFile(routerKey: "preempt: {after: 25h}"), "13:22: error: 'after' must be 0s to 24h, not '25h'"),
    Case(clusterFile(routerKey: "preempt: {}"), "13:14: error: 'preempt' needs 'after'"),
    Case(
      clusterFile(routerKey: "preempt: [true]"),
      "13:14: error: 'preempt' must be true, false, rfc or {after: 30s}, not a list"),
    Case(clusterFile(routerKey: "preempt: rfc")),
    Case(
      clusterFile(routerKey: "checksum: rfc5798"),
      "13:15: error: 'checksum' must be 'auto', 'rfc9568' or 'pseudo_header', not 'rfc5798'"),
    Case(
      clusterFile(routerKey: "minimum_ttl: 0"),
      "13:18: error: 'minimum_ttl' must be a whole number from 1 to 255, not '0'"),
    Case(
      clusterFile(routerKey: "minimum_ttl: 64"),
      "13:18: warning: advertisements from up to 191 routers away are accepted"),
    Case(clusterFile(routerKey: "version: 1"), "13:14: error: 'version' must be '3' or '2', not '1'"),
    Case(
      clusterFile(routerKey: "transport: broadcast"),
      "13:16: error: 'transport' must be 'unicast' or 'multicast', not 'broadcast'"),
    Case(clusterFile(routerKey: "one_way: maybe"), "13:14: error: 'one_way' must be 'yield' or 'hold', not 'maybe'"),
    Case(clusterFile(routerKey: "lease: no"), "13:12: error: 'lease' must be 'on' or 'off', not 'no'"),
  ]) func otherKeys(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test(arguments: [
    Case(clusterFile(routerKey: "version: 2")),
    Case(clusterFile(routerKey: "transport: multicast")),
    Case(
      clusterFile(routerKey: "password: secret"),
      "13:15: error: a password belongs to VRRPv2; version 3 has none"),
    Case(
      clusterFile(routerKey: "version: 2\n    password: {credential: a/b}"),
      "14:28: error: 'credential' is 'a/b', which is no credential's name"),
    Case(clusterFile(routerKey: "password: secret-12"), "13:15: error: the password has 9 bytes; VRRPv2 carries 8"),
    Case(
      clusterFile(routerKey: "version: 2\n    password: secret"),
      "14:15: warning: the password goes over the network in clear text: it keeps nobody out"),
    Case(
      clusterFile(routerKey: "version: 2\n    checksum: rfc9568"),
      "14:15: warning: 'checksum' has no effect: VRRPv2 has one form only"),
    Case(
      clusterFile(routerKey: "interval: 500ms\n    version: 2"),
      "13:15: error: VRRPv2 has whole seconds only, not 500ms"),
    Case(
      dualFamily(firstPriority: 100, secondPriority: 100, "transport: multicast"),
      "4:55: error: multicast with addresses of both families needs priorities that differ; 'a' and 'b' have 100"),
    Case(dualFamily(firstPriority: 101, secondPriority: 100, "transport: multicast")),
    Case(dualFamily(firstPriority: 100, secondPriority: 100, "transport: unicast")),
  ]) func versionAndGroup(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  private static func dualFamily(firstPriority: Int, secondPriority: Int, _ key: String) -> String {
    clusterFile(
      nodes: """
        nodes:
          - {name: a, address: [10.0.0.1, fd00::1], priority: \(firstPriority)}
          - {name: b, address: [10.0.0.2, fd00::2], priority: \(secondPriority)}
        """,
      routers: """
        virtual_routers:
          - name: web
            vrid: 12
            addresses: [10.0.0.9/24, "fe80::9/64", "fd00::9/64"]
            track: [docker]
            \(key)
        """)
  }

  @Test(arguments: [
    Case(clusterFile(routerKey: "notify: [/bin/x, y]")),
    Case(clusterFile(routerKey: "notify: [[/bin/x], [y]]"), "13:25: error: 'y' is not an absolute path"),
    Case(clusterFile(routerKey: "lease: on")),
    Case(clusterFile(routerKey: "lease: off")),
    Case(
      clusterFile(routerKey: "one_way: yield")),
    Case(clusterFile(routerKey: "one_way: hold")),
    Case(clusterFile(routerKey: "when_all_fail: release")),
    Case(clusterFile(routerKey: "when_all_fail: keep")),
    Case(
      clusterFile(routerKey: "when_all_fail: maybe"),
      "13:20: error: 'when_all_fail' must be 'keep' or 'release', not 'maybe'"),
  ]) func policies(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test(arguments: [
    Case(
      clusterFile(more: "  - {name: web, vrid: 12, addresses: [10.0.0.9/24]}"),
      "13:12: error: a second virtual router is named 'web' (the first: line 9)",
      "13:23: error: VRID 12 is that of virtual router 'web' already (line 10)",
      "13:39: error: 10.0.0.9 is a virtual address already (line 11)"),
    Case(
      clusterFile(
        routers: "virtual_routers: [{name: web, vrid: 1, addresses: [10.0.0.9/24], track: [dokcer, docker, docker]}]"),
      "8:74: error: there is no tracker 'dokcer'", "8:90: error: 'docker' stands in this list twice"),
    Case(
      clusterFile(routers: "virtual_routers: [{name: web, vrid: 1, addresses: [10.0.0.9/24], track: docker}]"),
      "6:3: warning: nothing uses the tracker 'docker'", "8:73: error: 'track' is a list, not 'docker'"),
  ]) func relations(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test(arguments: [
    Case(clusterFile(more: "control:")),
    Case(clusterFile(more: "control: {listen: off}")),
    Case(clusterFile(more: "control: {listen: \"[::1]:9112\", socket: /run/x.sock}")),
    Case(
      clusterFile(more: "control: {listen: 9112}"),
      "13:19: error: 'listen' must be an address and a port, or 'off', not '9112'"),
    Case(
      clusterFile(more: "control: {listen: \"::1:9112\"}"),
      "13:19: error: 'listen' must be an address and a port, or 'off', not '::1:9112'"),
    Case(
      clusterFile(more: "control: {listen: \"localhost:9112\"}"),
      "13:19: error: 'listen' must be an address and a port, or 'off', not 'localhost:9112'"),
    Case(
      clusterFile(more: "control: {listen: \"127.0.0.1:0\"}"),
      "13:19: error: 'listen' must be an address and a port, or 'off', not '127.0.0.1:0'"),
    Case(
      clusterFile(more: "control: {listen: \"127.0.0.1:65536\"}"),
      "13:19: error: 'listen' must be an address and a port, or 'off', not '127.0.0.1:65536'"),
    Case(clusterFile(more: "control: {listen: \"0.0.0.0:9112\"}")),
    Case(
      clusterFile(more: "control: {listen: \"10.0.0.1:9112\"}"),
      "13:19: warning: 10.0.0.1 is at most one node's address, and this file is the same on all of them"),
    Case(
      clusterFile(more: "control: {socket: vipd.sock}"), "13:19: error: 'vipd.sock' is not an absolute path of a socket"
    ),
    Case(
      clusterFile(more: "control: {socket: /\(String(repeating: "x", count: 107))}"),
      "13:19: error: the socket's path has 108 bytes; Linux allows 107"),
    Case(clusterFile(more: "control: {port: 1}"), "13:11: error: unknown key 'port'"),
  ]) func control(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test func hintsNameTheNearestWord() {
    #expect(hints(about: clusterFile(routerKey: "intervall: 1s")) == ["did you mean 'interval'?"])
    #expect(hints(about: clusterFile(routerKey: "advert_int: 1")) == ["vipd's word for it is 'interval'"])
    #expect(hints(about: clusterFile(routerKey: "minimum-ttl: 255")) == ["did you mean 'minimum_ttl'?"])
    #expect(hints(about: clusterFile(routerKey: "Preempt: true")) == ["did you mean 'preempt'?"])
    #expect(hints(about: clusterFile(routerKey: "preempt: yes")) == ["did you mean 'true'?"])
    #expect(hints(about: clusterFile(routerKey: "lease: no")) == ["did you mean 'off'?"])
    #expect(
      hints(about: clusterFile(trackerKey: "colour: red"))
        == [
          "a tracker has the keys docker, fall, file, http, interface, interval, process, rise, script, shell, swarm, tcp,"
            + " timeout, unit, weight"
        ])
    #expect(
      hints(about: clusterFile(trackers: "trackers:\n  dcoker: {process: x}"))
        == ["did you mean 'dcoker'?"])
    #expect(hints(about: clusterFile(routerKey: "nodes: [a, elsewhere]")) == ["'nodes' has a, b"])
    #expect(
      hints(about: withAddresses("[10.0.0.9]"))
        == ["write the network's: '10.0.0.9/24' for example, or '10.0.0.9/32' for the address alone"])
  }
}
