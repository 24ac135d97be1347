// FRR's vrrpd as a peer, in both roles: VRRPv3 by multicast, both families.

import ControlAPI
import Rehearsal
import Testing

@Suite("Beside FRR", .sharesTheMachineForMinutes, .tellsWhatDaemonsWrote)
struct FRRTests {
  private static let addresses = ["10.0.10.39/24", "fe80::39/64", "fd10::39/64"]
  /// FRR is on n2, with its own priority by the file.
  private static func file(priorities: [Int]) -> ClusterFile {
    var file = ClusterFile(interval: "200ms", addresses: addresses, more: ["transport: multicast"])
    file.priorities = priorities
    return file
  }

  @Test("FRR stands by for vipd, takes over when its host dies, and gives way when it returns")
  func standsBy() async throws {
    try await Cluster.with(Self.file(priorities: [200, 150, 100]), daemons: false) { cluster in
      let router = FRRouter(node: cluster["n2"], priority: 150)
      _ = try router.start()
      try await becomes(.active, router, cluster)
      try cluster.start("n1")
      try await holds("n1", cluster)
      try await becomes(.backup, router, cluster)
      let clients = [try await cluster.client(), try await cluster.client(to: "fd10::39")]

      try cluster.testbed.killHost(cluster["n1"])
      try await becomes(.active, router, cluster)
      for client in clients { try await client.waitForAnswer(from: "n2", for: .milliseconds(100)) }

      try cluster.testbed.bootHost(cluster["n1"])
      try await cluster["n1"].startHTTPService()
      try cluster.start("n1")
      try await holds("n1", cluster)
      try await becomes(.backup, router, cluster)
      for client in clients { try await client.waitForAnswer(from: "n1", for: .milliseconds(100)) }

      // A planned stop: priority 0 asks FRR to be quick.
      try await cluster.stop("n1")
      try await becomes(.active, router, cluster)
      for client in clients { try await client.waitForAnswer(from: "n2", for: .milliseconds(100)) }
    }
  }

  @Test("vipd stands by for FRR, takes over when it stops and when its host dies, and gives way when it returns")
  func isFollowed() async throws {
    try await Cluster.with(Self.file(priorities: [150, 200, 100]), daemons: false) { cluster in
      let router = FRRouter(node: cluster["n2"], priority: 200)
      let daemons = try router.start()
      try await becomes(.active, router, cluster)
      for node in ["n1", "n3"] {
        try cluster.start(node)
        try await follows("n2", node, cluster)
      }
      let clients = [
        try await cluster.client(answeredBy: "n2"), try await cluster.client(to: "fd10::39", answeredBy: "n2"),
      ]
      #expect(try cluster.status("n1").health?.problems == [])
      let peer = try #require(try cluster.status("n1").peers.first { $0.address == "10.0.10.32" })
      #expect(peer.checksum == "pseudo_header" && peer.protocolVersion == 3 && peer.priority == 200)

      for daemon in daemons.reversed() { daemon.terminate() }
      try await holds("n1", cluster)
      for client in clients { try await client.waitForAnswer(from: "n1", for: .milliseconds(100)) }

      _ = try router.start()
      try await becomes(.active, router, cluster)
      try await follows("n2", "n1", cluster)
      for client in clients { try await client.waitForAnswer(from: "n2", for: .milliseconds(100)) }

      try cluster.testbed.killHost(cluster["n2"])
      try await holds("n1", cluster)
      for client in clients { try await client.waitForAnswer(from: "n1", for: .milliseconds(100)) }
    }
  }

  private func becomes(_ state: FRRouter.State, _ router: FRRouter, _ cluster: Cluster) async throws {
    try await cluster.wait(until: "FRR is \(state.rawValue)") {
      try [.ipv4, .ipv6].map { try router.state($0) } == [state, state]
    }
  }

  private func holds(_ node: String, _ cluster: Cluster) async throws {
    try await cluster.wait(until: "\(node) is Active") {
      try cluster.status(node).virtualRouters.map(\.state) == [.active, .active]
    }
  }

  private func follows(_ active: String, _ node: String, _ cluster: Cluster) async throws {
    try await cluster.wait(until: "\(node) follows \(active)") {
      let routers = try cluster.status(node).virtualRouters
      return routers.map(\.state) == [.backup, .backup] && routers.first?.activeRouter != nil
    }
  }
}
