// Clusters of other shapes: two networks, and two addresses that are both in use.

import ControlAPI
import Rehearsal
import Testing

@Suite("Topologies", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct TopologyTests {
  /// eth0 on a private network, where the nodes have addresses; eth1 on a public one, where they have none.
  private static let twoNetworks = TestbedLayout(
    nodes: (1...3).map { number in
      TestbedLayout.Node(
        "edge\(number)",
        [
          TestbedLayout.Interface("eth0", network: "private", addresses: ["10.20.0.\(number)/24"]),
          TestbedLayout.Interface("eth1", network: "public", addresses: []),
        ])
    },
    client: TestbedLayout.Node(
      "client", [TestbedLayout.Interface("eth0", network: "public", addresses: ["203.0.113.14/28"])]))

  private static let twoNetworksFile = """
    cluster: edge
    nodes:
      - {name: edge1, address: 10.20.0.1}
      - {name: edge2, address: 10.20.0.2}
      - {name: edge3, address: 10.20.0.3}
    virtual_routers:
      - name: public
        vrid: 51
        addresses: [{address: 203.0.113.9/28, interface: eth1}, 10.20.0.10/24]
        interval: 100ms

    """

  @Test("VRRP on a private network, the address on a public one")
  func twoInterfaces() async throws {
    try await Cluster.with(text: Self.twoNetworksFile, on: Self.twoNetworks) { cluster in
      try await cluster.holder(of: "public", is: "edge1")
      let router = try cluster.router("public", on: "edge1")
      #expect(router.interface == "eth0")
      #expect(router.addresses.map(\.interface) == ["eth1", "eth0"])
      #expect(cluster["edge1"].addresses.first { $0.address == "203.0.113.9" }?.interface == "eth1")
      #expect(cluster["edge1"].addresses.first { $0.address == "10.20.0.10" }?.interface == "eth0")

      let publicWire = try await Capture(on: cluster.testbed.client, "arp or ip proto 112")
      _ = try await cluster.outage(of: "203.0.113.9", from: "edge1", to: "edge2") {
        try cluster.testbed.killHost(cluster["edge1"])
      }
      // The hardware address is that of edge2's eth1.
      try await publicWire.wait(
        for: 1, of: "arp.src.proto_ipv4 == 203.0.113.9 && arp.isgratuitous && eth.src == 02:00:00:01:01:01")
      try await publicWire.stop()
      #expect(try publicWire.fields(["ip.src"], of: "vrrp").isEmpty)
    }
  }

  @Test("The public link alone goes down: the node takes no part, and another takes over")
  func publicLinkDown() async throws {
    try await Cluster.with(text: Self.twoNetworksFile, on: Self.twoNetworks) { cluster in
      try await cluster.holder(of: "public", is: "edge1")
      try cluster.testbed.cutLink(of: cluster["edge1"], interface: "eth1")
      try await cluster.holder(of: "public", is: "edge2")
      #expect(try cluster.router("public", on: "edge1").reason.contains("interface eth1 is down or has no carrier"))
      try cluster.testbed.restoreLink(of: cluster["edge1"], interface: "eth1")
      try await cluster.holder(of: "public", is: "edge1")
    }
  }

  @Test("Two addresses with opposite orders are both in use; one node holds both when the other is gone")
  func oppositeOrders() async throws {
    let text = """
      cluster: dual
      nodes:
        - {name: n1, address: [10.0.10.31, "fd10::31"]}
        - {name: n2, address: [10.0.10.32, "fd10::32"]}
        - {name: n3, address: [10.0.10.33, "fd10::33"]}
      virtual_routers:
        - {name: red, vrid: 31, addresses: [10.0.10.101/24, "fd10::101/64"], nodes: [n1, n2, n3], interval: 100ms}
        - {name: blue, vrid: 32, addresses: [10.0.10.102/24, "fd10::102/64"], nodes: [n2, n1, n3], interval: 100ms}

      """
    try await Cluster.with(text: text) { cluster in
      try await cluster.holder(of: "red", is: "n1")
      try await cluster.holder(of: "blue", is: "n2")
      let red = try await cluster.client(to: "10.0.10.101", answeredBy: "n1")
      let blue = try await cluster.client(to: "10.0.10.102", answeredBy: "n2")
      try cluster.testbed.killHost(cluster["n1"])
      try await red.waitForAnswer(from: "n2", for: .milliseconds(200))
      try await cluster.holder(of: "red", is: "n2")
      try await cluster.holder(of: "blue", is: "n2")
      expectUndisturbed(blue.stop(), by: "n2")
      try cluster.testbed.bootHost(cluster["n1"])
      try cluster.start("n1")
      try await cluster.holder(of: "red", is: "n1")
      try await cluster.holder(of: "blue", is: "n2")
    }
  }

  @Test("A subset: a node that is not in it takes no part, even when it is the last one")
  func subset() async throws {
    let text = """
      cluster: zones
      nodes: [{name: n1, address: 10.0.10.31}, {name: n2, address: 10.0.10.32}, {name: n3, address: 10.0.10.33}]
      virtual_routers:
        - {name: east, vrid: 31, addresses: [10.0.10.101/24], nodes: [n2, n1], interval: 100ms}
        - {name: all, vrid: 32, addresses: [10.0.10.102/24], interval: 100ms}

      """
    try await Cluster.with(text: text, services: false) { cluster in
      try await cluster.holder(of: "east", is: "n2")
      try await cluster.holder(of: "all", is: "n1")
      #expect(try cluster.status("n3").virtualRouters.map(\.name) == ["all"])
      try await cluster.stop("n2")
      try await cluster.holder(of: "east", is: "n1")
      try await cluster.stop("n1")
      try await cluster.holder(of: "all", is: "n3")
      #expect(cluster.testbed.holders(of: "10.0.10.101").isEmpty)
    }
  }
}
