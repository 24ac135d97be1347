// A host's links and addresses come and go: the node takes no part while it can not, says why, and is back by itself.

import ControlAPI
import Rehearsal
import Testing

@Suite("Links and interfaces", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct InterfaceTests {
  /// Waits until a node takes no part for a reason that holds these words.
  private func expectInitialize(_ words: String, on node: String, in cluster: Cluster) async throws {
    try await cluster.wait(until: "\(node) takes no part") { try cluster.router(on: node).state == .initialize }
    let router = try cluster.router(on: node)
    #expect(router.reason.contains(words), "\(router.reason)")
    #expect(router.activeRouter == nil)
    let health = try cluster[node].ask("/healthz")
    #expect(health.status == 503 && health.text.contains(words), "\(health.text)")
  }

  @Test("The holder's link goes down, and up again")
  func link() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.cutLink(of: cluster["n1"])
      try await expectInitialize("interface eth0 is down or has no carrier", on: "n1", in: cluster)
      #expect(!cluster["n1"].holds(Cluster.address))
      try await cluster.holder(is: "n2")
      try cluster.testbed.restoreLink(of: cluster["n1"])
      try await cluster.holder(is: "n1")
      _ = try await cluster.client()
    }
  }

  @Test("A Backup Router's link goes down, and up again: nothing moves")
  func backupLink() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let transitions = try cluster.router(on: "n1").transitions
      try cluster.testbed.cutLink(of: cluster["n2"])
      try await expectInitialize("interface eth0 is down or has no carrier", on: "n2", in: cluster)
      try cluster.testbed.restoreLink(of: cluster["n2"])
      try await cluster.wait(until: "n2 takes part") { try cluster.router(on: "n2").state == .backup }
      try await cluster.holder(is: "n1")
      #expect(try cluster.router(on: "n1").transitions == transitions)
    }
  }

  @Test("The admin sets the interface down, and up again")
  func administrativelyDown() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster["n1"].run("ip", ["link", "set", "eth0", "down"])
      try await expectInitialize("interface eth0 is down or has no carrier", on: "n1", in: cluster)
      try await cluster.holder(is: "n2")
      try cluster["n1"].run("ip", ["link", "set", "eth0", "up"])
      try await cluster.holder(is: "n1")
    }
  }

  /// Puts another interface on a node's wire; deleting it takes its addresses along.
  private func addInterface(_ name: String, _ address: String? = nil, on node: TestbedNode) throws {
    func ip(_ arguments: String...) throws {
      let result = try node.run("ip", arguments)
      try #require(result.status.isSuccess, "\(arguments): \(result.output)")
    }
    try ip("link", "add", "link", "eth0", "name", name, "type", "macvlan", "mode", "bridge")
    if let address { try ip("addr", "add", address, "dev", name) }
    try ip("link", "set", name, "up")
    // Each interface answers for its own addresses alone: otherwise what is meant for one may arrive on the other.
    let sysctl = try node.run("sysctl", ["-w", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"])
    try #require(sysctl.status.isSuccess, "\(sysctl.output)")
  }

  @Test("The interface that VRRP is spoken on is deleted, and made again", arguments: [false, true])
  func speakingInterface(named: Bool) async throws {
    let text = """
      cluster: second-interface
      nodes: [{name: n1, address: 10.7.0.1}, {name: n2, address: 10.7.0.2}, {name: n3, address: 10.7.0.3}]
      virtual_routers:
        - {name: ingress, vrid: 12, addresses: [10.7.0.39/24], interval: 100ms\(named ? ", interface: vip0" : "")}
      """
    try await Cluster.with(text: text, services: false, daemons: false) { cluster in
      for node in cluster.testbed.nodes {
        try addInterface("vip0", "10.7.0.\(node.name.suffix(1))/24", on: node)
        try cluster.start(node.name)
      }
      try await cluster.holder(is: "n1")
      try cluster["n1"].run("ip", ["link", "delete", "vip0"])
      let words = named ? "there is no interface vip0" : "no interface holds this node's address 10.7.0.1"
      try await expectInitialize(words, on: "n1", in: cluster)
      try await cluster.holder(is: "n2")
      try addInterface("vip0", "10.7.0.1/24", on: cluster["n1"])
      try await cluster.holder(is: "n1")
    }
  }

  @Test("The interface that carries the address is deleted, and made again")
  func carryingInterface() async throws {
    let file = ClusterFile(addresses: ["{address: 203.0.113.9/28, interface: public0}"])
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      for node in cluster.testbed.nodes {
        try addInterface("public0", on: node)
        try cluster.start(node.name)
      }
      try await cluster.holder(is: "n1")
      try cluster["n1"].run("ip", ["link", "delete", "public0"])
      try await expectInitialize("there is no interface public0", on: "n1", in: cluster)
      try await cluster.holder(is: "n2")
      try addInterface("public0", on: cluster["n1"])
      try await cluster.holder(is: "n1")
    }
  }

  @Test("A node whose address is missing when it starts takes part once it is there")
  func missingAddress() async throws {
    try await Cluster.with(ClusterFile(), daemons: false) { cluster in
      try cluster["n1"].deleteAddress("10.0.10.31/24")
      for node in cluster.testbed.nodes { try cluster.start(node.name) }
      try await expectInitialize("no interface holds this node's address 10.0.10.31", on: "n1", in: cluster)
      try await cluster.holder(is: "n2")
      try cluster["n1"].run("ip", ["addr", "add", "10.0.10.31/24", "dev", "eth0"])
      try await cluster.holder(is: "n1")
    }
  }

  @Test("An address that was there before vipd, and is not vipd's, is never touched")
  func foreignAddress() async throws {
    try await Cluster.with(ClusterFile(), daemons: false) { cluster in
      try cluster["n1"].run("ip", ["addr", "add", "10.0.10.39/24", "dev", "eth0"])
      try cluster.start("n1")
      try await cluster.wait(until: "n1 is Active") { try cluster.router(on: "n1").state == .active }
      try await cluster.stop("n1")
      #expect(cluster["n1"].holds(Cluster.address))
      #expect(try cluster.daemon("n1").log.contains("10.0.10.39/24 is on eth0, and not by vipd"))
    }
  }

  @Test("What a killed vipd has left is removed by the next")
  func leftovers() async throws {
    // Without a lease it is left for as long as it takes.
    try await Cluster.with(ClusterFile(more: ["lease: off"])) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.daemon("n1").kill()
      try await cluster.daemon("n1").wait()
      #expect(cluster["n1"].holds(Cluster.address))
      try await cluster.wait(until: "n2 has taken over") { try cluster.router(on: "n2").state == .active }
      try cluster.start("n1")
      try await cluster.wait(until: "the log tells of it") {
        try cluster.daemon("n1").log.contains("removing 10.0.10.39/24, left by a vipd that did not end well")
      }
      try await cluster.holder(is: "n1")
    }
  }
}
