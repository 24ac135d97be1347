// What a good file comes to.

import ClusterConfiguration
import NetworkTypes
import Testing
import VRRP

@Suite struct ModelTests {
  @Test func defaults() throws {
    let cluster = try configuration(clusterFile())
    #expect(cluster.name == "test")
    #expect(
      cluster.nodes == [
        .init(name: node("a"), addresses: [ip("10.0.0.1")], priority: Priority(clamping: 250)),
        .init(name: node("b"), addresses: [ip("10.0.0.2")], priority: Priority(clamping: 240)),
      ])
    let tracker = try #require(cluster.trackers.first)
    #expect(tracker.kind == .process(.init(name: "dockerd")))
    #expect(tracker.weight == nil)
    #expect(tracker.interval == .seconds(1))
    #expect(tracker.timeout == .seconds(1))
    #expect([tracker.rise, tracker.fall] == [1, 1])
    let router = try #require(cluster.virtualRouters.first)
    #expect(router.vrid.rawValue == 12)
    #expect(router.addresses == [VirtualAddress(InterfaceAddress("10.0.0.9/24")!)])
    #expect(router.interval == .oneSecond)
    #expect(router.preemption == .immediate)
    #expect(router.version == .v3)
    #expect(router.transport == .unicast)
    #expect(router.checksum == .auto)
    #expect(router.minimumHopLimit == 255)
    #expect(router.interface == nil && router.password == nil)
    #expect([router.lease == .on, router.oneWay == .yield, router.whenAllFail == .keep] == [true, true, true])
    #expect(router.trackers == [.init(tracker: TrackerName("docker")!, weight: -11, isAutomatic: true)])
    #expect(cluster.control == .init(socket: "/run/vipd/vipd.sock", listen: .standard))
    #expect(cluster.control.listen?.description == "127.0.0.1:9112")
  }

  @Test func timeoutsThatAreLeftOut() throws {
    func timeout(_ interval: String) throws -> Duration? {
      try configuration(clusterFile(trackerKey: "interval: \(interval)")).trackers.first?.timeout
    }
    #expect(try timeout("200ms") == .milliseconds(200))
    #expect(try timeout("30s") == .seconds(5))
  }

  @Test(arguments: [
    ("10ms", Duration.milliseconds(10)), ("500ms", .milliseconds(500)), ("1s", .seconds(1)),
    ("1.5s", .milliseconds(1500)),
    ("0.05s", .milliseconds(50)), ("2m", .seconds(120)), ("0.5m", .seconds(30)), ("30m", .seconds(1800)),
    ("1h", .seconds(3600)),
    ("10.25ms", .microseconds(10_250)), ("007s", .seconds(7)),
  ]) func durations(text: String, duration: Duration) throws {
    #expect(try configuration(clusterFile(trackerKey: "interval: \(text)")).trackers.first?.interval == duration)
  }

  @Test func scripts() throws {
    func kind(_ lines: String) throws -> ClusterConfiguration.TrackerKind? {
      try configuration(clusterFile(trackers: "trackers:\n  docker:\n    \(lines)")).trackers.first?.kind
    }
    #expect(
      try kind("script: [/bin/check, --port, 443, '']")
        == .script(.init(.program(path: "/bin/check", arguments: ["--port", "443", ""]))))
    #expect(
      try kind("script: \"curl -f http://x | grep ok\"\n    shell: true")
        == .script(.init(.shell("curl -f http://x | grep ok"))))
    #expect(try kind("script: |\n      a\n      b\n    shell: true") == .script(.init(.shell("a\nb\n"))))
    #expect(
      try kind("script: [/bin/check]\n    shell: false") == .script(.init(.program(path: "/bin/check", arguments: []))))
    #expect(try kind("process: {name: nginx, count: 2}") == .process(.init(name: "nginx", minimumCount: 2)))
  }

  @Test func everyKeyOfAVirtualRouter() throws {
    let router = try #require(
      try configuration(
        clusterFile(
          routerKey: """
            interval: 250ms
                nodes: [b, a]
                interface: ens160
                preempt: {after: 30s}
                version: 3
                transport: unicast
                checksum: rfc9568
                minimum_ttl: 255
                lease: off
                one_way: hold
                when_all_fail: keep
                notify: []
            """.replacing("notify: []", with: ""))
      ).virtualRouters.first)
    #expect(router.interval.centiseconds == 25)
    #expect(router.members.map(\.node.rawValue) == ["b", "a"])
    #expect(router.interface == "ens160")
    #expect(router.preemption == .after(.seconds(30)))
    #expect(router.checksum == .rfc9568)
    #expect(router.lease == .off)
    #expect(router.oneWay == .hold)
  }

  @Test func control() throws {
    #expect(try configuration(clusterFile(more: "control: {listen: off}")).control.listen == nil)
    #expect(
      try configuration(clusterFile(more: "control: {listen: \"[::1]:80\"}")).control.listen?.description == "[::1]:80")
    #expect(try configuration(clusterFile(more: "control: {socket: /run/x}")).control.socket == "/run/x")
  }

  @Test func namesCanNotBeWrong() {
    #expect(NodeName("swarm-1.example_x")?.rawValue == "swarm-1.example_x")
    for bad in ["", "-a", ".a", "a b", "a/b", "ä", "a\n", String(repeating: "a", count: 65)] {
      #expect(NodeName(bad) == nil, "\(bad)")
    }
  }

  // MARK: IPv6

  static let dualStack = clusterFile(
    nodes: "nodes:\n  - {name: a, address: [\"fd10::1\", 10.0.0.1]}\n  - {name: b, address: [10.0.0.2, \"fd10::2\"]}",
    routers: """
      virtual_routers:
        - name: web
          vrid: 171
          addresses: ["fd10::9/64", 10.0.0.9/24, "fd10::8/64"]
          track: [docker]
      """)

  @Test func anIPv6ListGetsALinkLocalAddressFromTheVRID() throws {
    let router = try #require(try configuration(Self.dualStack).virtualRouters.first)
    #expect(router.families == [.ipv4, .ipv6])
    #expect(
      router.addresses.map(\.address.description)
        == ["10.0.0.9/24", "fe80::200:5eff:fe00:2ab/64", "fd10::9/64", "fd10::8/64"], "TX-5")
  }

  @Test func aLinkLocalAddressOfTheFilesOwnComesFirst() throws {
    let text = Self.dualStack.replacing("\"fd10::8/64\"", with: "{address: \"fe80::1:9/64\", interface: eth1}")
    let router = try #require(try configuration(text).virtualRouters.first)
    #expect(router.addresses.map(\.address.description) == ["10.0.0.9/24", "fe80::1:9/64", "fd10::9/64"])
    #expect(router.addresses.map(\.interface) == [nil, "eth1", nil])
  }
}

@Suite struct NodeViewTests {
  @Test func aNodeSeesItselfAndItsPeers() throws {
    let cluster = try configuration(ModelTests.dualStack)
    let views = cluster.virtualRouters(for: node("b"))
    let view = try #require(views.first)
    #expect(views.count == 1)
    #expect(view.name == "web")
    #expect(view.vrid.rawValue == 171)
    #expect(view.priority.rawValue == 240)
    #expect(view.trackers == [TrackerWeight(tracker: "docker", weight: -11)])
    #expect(
      view.families == [
        FamilyConfiguration(
          localAddress: ip("10.0.0.2"),
          peers: [Peer(node: "a", address: ip("10.0.0.1"), healthyPriority: Priority(clamping: 250))],
          addresses: [VirtualAddress(InterfaceAddress("10.0.0.9/24")!)]),
        FamilyConfiguration(
          localAddress: ip("fd10::2"),
          peers: [Peer(node: "a", address: ip("fd10::1"), healthyPriority: Priority(clamping: 250))],
          addresses: ["fe80::200:5eff:fe00:2ab/64", "fd10::9/64", "fd10::8/64"].map {
            VirtualAddress(InterfaceAddress($0)!)
          }),
      ])
  }

  @Test func aNodeTakesPartOnlyWhereItIsListed() throws {
    let cluster = try configuration(
      clusterFile(
        nodes: """
          nodes:
            - {name: a, address: 10.0.0.1, priority: 200}
            - {name: b, address: 10.0.0.2, priority: 150}
            - {name: c, address: 10.0.0.3, priority: 100}
          """,
        routers: """
          virtual_routers:
            - {name: all, vrid: 1, addresses: [10.0.0.11/24], track: [docker]}
            - {name: pair, vrid: 2, addresses: [10.0.0.12/24], nodes: [c, a]}
            - {name: other, vrid: 3, addresses: [10.0.0.13/24], nodes: [b, c], interface: eth7}
          """))
    func views(_ name: String) -> [String] {
      cluster.virtualRouters(for: node(name)).map { view in
        "\(view.name) \(view.priority) \(view.families[0].peers.map(\.node).joined(separator: ","))"
      }
    }
    #expect(views("a") == ["all 200 b,c", "pair 100 c"])
    #expect(views("b") == ["all 150 a,c", "other 150 c"])
    #expect(views("c") == ["all 100 a,b", "pair 200 a", "other 100 b"])
    #expect(views("d") == [])
    #expect(cluster.virtualRouters(for: node("b"))[1].families[0].interface == "eth7")
  }

  @Test func theReverseOrderReversesTheRoles() throws {
    let cluster = try load(example: "two-addresses").get()
    let red = cluster.virtualRouters[0].members.map { "\($0.node) \($0.priority)" }
    let blue = cluster.virtualRouters[1].members.map { "\($0.node) \($0.priority)" }
    #expect(red == ["node1 250", "node2 240", "node3 230"])
    #expect(blue == ["node2 250", "node1 240", "node3 230"])
  }

  @Test func aHostFindsItselfByAnAddressItHolds() throws {
    let cluster = try configuration(ModelTests.dualStack)
    #expect(try cluster.node(holding: [ip("127.0.0.1"), ip("10.0.0.2"), ip("192.0.2.1")]).name == node("b"))
    #expect(try cluster.node(holding: [ip("fd10::1")]).name == node("a"))
    #expect {
      try cluster.node(holding: [ip("127.0.0.1"), ip("::1"), ip("192.0.2.1")])
    } throws: { error in
      "\(error)" == """
        this host is none of the cluster's nodes: it holds 192.0.2.1, the file has a at 10.0.0.1 and fd10::1, \
        b at 10.0.0.2 and fd10::2 (correct the file or the host's address, or say which node this is with --node NAME)
        """
    }
    #expect {
      try cluster.node(holding: [ip("10.0.0.1"), ip("10.0.0.2")])
    } throws: { error in
      "\(error)" == """
        this host could be any of 2 nodes: it holds 10.0.0.1, 10.0.0.2, the file has a at 10.0.0.1 and fd10::1, \
        b at 10.0.0.2 and fd10::2 (say which node this is with --node NAME)
        """
    }
    #expect(throws: NodeSearchError.noneFits(nodes: cluster.nodes, held: [])) { try cluster.node(holding: []) }
  }
}
