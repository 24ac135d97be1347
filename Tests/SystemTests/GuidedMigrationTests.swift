// The afternoon on which somebody moves over from keepalived with nothing in hand but vipctl: `convert` what has grown over
// the years, `check` it, ask `plan` who will hold the address, and before and after each step `doctor` whether to go on. All
// of it under traffic.

import FoundationEssentials
import Rehearsal
import Testing

@Suite("A migration by the book", .hasTheMachineToItself)
struct GuidedMigrationTests {
  /// What stands in each node's /etc/keepalived/keepalived.conf: one file for all, with conditions.
  private static let grown = """
    ! started in 2016, ask before you change anything
    global_defs {
      router_id LB_HA            # not used by anything
      enable_script_security
      script_user root
      vrrp_garp_master_delay 1
    }
    $VIP=10.0.10.39
    vrrp_script chk_web {
      script "/usr/bin/test -e /run/web-is-fine"
      interval 1
      weight -60
      fall 1
      rise 1
    }
    vrrp_instance VI_1 {
      @n1 state MASTER
      @n2 state BACKUP
      @n3 state BACKUP
      interface eth0
      virtual_router_id 51
      @n1 priority 150
      @n2 priority 100
      @n3 priority 95
      advert_int 1
      authentication {
        auth_type PASS
        auth_pass "s3cret-and-too-long"
      }
      track_script { chk_web }
      virtual_ipaddress {
        ${VIP}/24 dev eth0 label eth0:vip
      }
    }
    """

  @Test("Three nodes, one after the other, the holder last: no gap but the farewell's, never two holders")
  func rolling() async throws {
    try await Testbed.with { testbed in
      let vipctl = try Programs.beside("vipctl")
      let clinic = Clinic(testbed: testbed)
      var keepalived: [String: NodeProcess] = [:]
      for node in testbed.nodes {
        try await node.startHTTPService()
        try node.write("", toRun: "web-is-fine")
        let path = try node.write(Self.grown, toRun: "keepalived.conf")
        keepalived[node.name] = try node.spawn(
          "keepalived",
          [
            "-n", "-l", "-D", "-i", node.name, "-f", path, "-p", "/run/keepalived.pid", "-r",
            "/run/keepalived_vrrp.pid",
          ])
      }
      func holders() -> [String] { testbed.holders(of: Cluster.address).map(\.name) }
      try await eventually(within: .seconds(30), "keepalived's n1 holds it, not \(holders())") { holders() == ["n1"] }

      // On a laptop: the file, and what it will do.
      let laptop = testbed.client
      try laptop.write(Self.grown, toRun: "keepalived.conf")
      let addresses = testbed.nodes.flatMap {
        ["--address", "\($0.name)=\($0.layout.interfaces[0].addresses[0].prefix { $0 != "/" })"]
      }
      let converted = try laptop.run(
        vipctl,
        ["convert", "--output", "/run/vipd.yaml"] + testbed.nodes.map { "\($0.name)=/run/keepalived.conf" } + addresses)
      try #require(converted.status.isSuccess, "\(converted.output)")
      let checked = try laptop.run(vipctl, ["check", "/run/vipd.yaml"])
      try #require(checked.status.isSuccess, "\(checked.output)")
      let file = try laptop.run("cat", ["/run/vipd.yaml"]).output
      let planned = try laptop.run("sh", ["-c", "\(vipctl) plan --json /run/vipd.yaml 2>/dev/null"])
      let plan = try JSONDecoder().decode(PlanAnswer.self, from: Data(planned.output.utf8))
      let router = try #require(plan.virtual_routers.first)
      #expect(router.holder == "n1")

      // On the nodes, before anything is changed: whatever the doctor finds is mended first.
      for node in testbed.nodes {
        try node.write(file, toRun: "vipd.yaml")
        try clinic.makeConfigurationPrivate(on: node.name)
        for finding in try clinic.examine(node.name, ["--config", "/run/vipd.yaml"]).findings {
          try clinic.mend(finding, foundOn: node.name)
        }
        let healthy = try clinic.examine(node.name, ["--config", "/run/vipd.yaml"])
        #expect(healthy.findings.isEmpty && healthy.status == .exited(0), "\(node.name): \(healthy.findings)")
      }

      let client = try TrafficClient(from: laptop, to: Cluster.address)
      try await client.waitForAnswer(from: "n1", for: .milliseconds(200))
      let watch = try HolderWatch(testbed)
      let begin = Moment.now()
      for name in ["n3", "n2", "n1"] {
        keepalived[name]?.terminate()
        try await keepalived[name]?.wait()
        _ = try DaemonUnderTest.vipd(file: file).start(testbed[name])
        try await eventually(within: .seconds(30), "\(name) has joined") {
          holders() == ["n1"] && (try? testbed[name].ask("/healthz").status) == 200
            && (try? clinic.standing(of: name)) == (name == "n1" ? "active" : "backup")
        }
        let examination = try clinic.examine(name)
        #expect(examination.findings.isEmpty && examination.status == .exited(0), "\(name): \(examination.findings)")
      }
      let record = client.stop()
      let twice = watch.timeWithTwoHolders(of: Cluster.address, from: begin, to: .now())
      watch.stop()
      print(
        "measured: a migration by the book, asked every millisecond: longest pause \(record.longestOutage.inMilliseconds) ms"
      )
      #expect(Set(record.responders).isSubset(of: ["n1", "n2"]))
      // keepalived's farewell and Skew_Time of n2, (256 - 100) / 256 of a second; what is above is the machine's.
      #expect(record.longestOutage < .milliseconds(1000))
      #expect(twice <= .seconds(1))

      // And it does what the plan says.
      let row = try #require(router.rows.first { $0.fault == "tracker" && $0.node == "n1" })
      try testbed["n1"].run("rm", ["/run/web-is-fine"])
      try await eventually(within: .seconds(20), "\(row.after) holds it, not \(holders())") {
        holders() == [row.after.first]
      }
    }
  }
}

extension Clinic {
  /// The state of the first virtual router, as vipd on a node has it.
  fileprivate func standing(of node: String) throws -> String? {
    struct Status: Decodable {
      var virtual_routers: [Router]
      struct Router: Decodable { var state: String }
    }
    let answer = try testbed[node].ask("/v1/status")
    return try JSONDecoder().decode(Status.self, from: Data(answer.body)).virtual_routers.first?.state
  }
}
