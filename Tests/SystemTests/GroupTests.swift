// The other ways to speak VRRP: to a multicast group, and version 2 with or without a password.

import ControlAPI
import Rehearsal
import Testing

@Suite("Multicast and version 2", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct GroupTests {
  struct Dialect: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var addresses = ["10.0.10.39/24"]
    var interval = "100ms"
    var keys: [String]
  }

  private static let both = ["10.0.10.39/24", "fd10::39/64"]
  private static let dialects = [
    Dialect(testDescription: "multicast, both families", addresses: both, keys: ["transport: multicast"]),
    Dialect(testDescription: "multicast, IPv6 alone", addresses: ["fd10::39/64"], keys: ["transport: multicast"]),
    Dialect(testDescription: "version 2, unicast", interval: "1s", keys: ["version: 2"]),
    Dialect(
      testDescription: "version 2, multicast, with a password", interval: "1s",
      keys: ["version: 2", "transport: multicast", "password: s3cret"]),
  ]

  @Test("Nodes elect, fail over when the holder dies, and take a better one back", arguments: dialects)
  func failover(_ dialect: Dialect) async throws {
    let file = ClusterFile(interval: dialect.interval, addresses: dialect.addresses, more: dialect.keys)
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client(to: dialect.addresses.last.map { String($0.prefix { $0 != "/" }) } ?? "")
      try cluster.testbed.killHost(cluster["n1"])
      try await cluster.holder(is: "n2")
      try await client.waitForAnswer(from: "n2", for: .milliseconds(100))
      try cluster.testbed.bootHost(cluster["n1"])
      try await cluster["n1"].startHTTPService()
      try cluster.start("n1")
      try await cluster.holder(is: "n1")
      try await client.waitForAnswer(from: "n1", for: .milliseconds(100))
      try await cluster.stop("n1")
      try await cluster.holder(is: "n2")
      for node in ["n2", "n3"] {
        #expect(try cluster.status(node).health?.problems == [], "\(node)")
        #expect(try cluster.status(node).unknownSenders?.map(\.vrids).contains { $0 != [12] } == false)
      }
    }
  }

  @Test("Both groups are joined where VRRP is spoken, and left on exit")
  func leaving() async throws {
    let file = ClusterFile(addresses: Self.both, more: ["transport: multicast"])
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: "n1")
      #expect(try groups(cluster["n3"]) == ["224.0.0.18", "ff02::12"])
      try await cluster.stop("n3")
      #expect(try groups(cluster["n3"]).isEmpty)
    }
  }

  @Test("Another password: nobody hears the other, and status says why by its name")
  func passwords() async throws {
    func file(_ password: String) -> ClusterFile {
      ClusterFile(interval: "1s", more: ["version: 2", "password: \(password)"])
    }
    try await Cluster.with(file("alpha"), services: false, daemons: false) { cluster in
      try cluster.start("n1")
      try await cluster.wait(until: "n1 has read its file") { try cluster.router(on: "n1").vrid == 12 }
      try cluster.write(file("beta"))
      try cluster.start("n2")
      for (node, other) in [("n1", "n2 (10.0.10.32)"), ("n2", "n1 (10.0.10.31)")] {
        try await cluster.wait(until: "\(node) says why") {
          try cluster.status(node).health?.problems.contains(
            "ingress: advertisements of \(other) are discarded: another password than ours "
              + "(only the first 8 bytes count) (RX-11)") == true
        }
      }
      #expect(try cluster.router(on: "n1").discarded["authentication"] ?? 0 > 0)
    }
  }

  private func groups(_ node: TestbedNode) throws -> [String] {
    let shown = try node.run("ip", ["maddress", "show", "dev", "eth0"]).output
    return ["224.0.0.18", "ff02::12"].filter { group in
      shown.split(separator: "\n").contains { $0.split(separator: " ").contains(Substring(group)) }
    }
  }
}
