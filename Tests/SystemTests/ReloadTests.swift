// SIGHUP: what changed in the file is done, what did not is left alone, and a broken file changes nothing.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("Reload", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct ReloadTests {
  enum Way: CaseIterable {
    /// SIGHUP.
    case signal
    /// `vipctl reload`.
    case command
  }

  /// Has all nodes read their file again, and waits until they have it in force.
  private func reload(_ cluster: Cluster, _ way: Way = .signal) async throws {
    for node in cluster.testbed.nodes {
      let before = try inForce(cluster, node.name)
      switch way {
      case .signal: try cluster.daemon(node.name).send(SIGHUP)
      case .command: #expect(try node.run(Programs.beside("vipctl"), ["reload"]).status.isSuccess)
      }
      try await cluster.wait(until: "\(node.name) has the file in force") {
        try inForce(cluster, node.name) > before && cluster.status(node.name).configuration?.refused == nil
      }
    }
  }

  /// How often the log says that a file was put in force.
  private func inForce(_ cluster: Cluster, _ node: String) throws -> Int {
    try cluster.daemon(node).log.split(separator: "\n").count { $0.contains("vipd.yaml is in force:") }
  }

  @Test("The same file changes nothing", arguments: Way.allCases)
  func unchanged(way: Way) async throws {
    try await Cluster.with(ClusterFile(trackers: ["docker": "process: dockerd, weight: -120"])) { cluster in
      for node in cluster.testbed.nodes { try node.startProcess(named: "dockerd") }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let before = try cluster.testbed.nodes.map { try cluster.router(on: $0.name) }
      try await reload(cluster, way)
      let after = try cluster.testbed.nodes.map { try cluster.router(on: $0.name) }
      #expect(after.map(\.transitions) == before.map(\.transitions))
      #expect(zip(before, after).allSatisfy { $0.since <= $1.since })
      #expect(try cluster.daemon("n1").log.contains("no virtual router changed"))
      try await client.waitForAnswer(from: "n1", for: .milliseconds(300))
      expectUndisturbed(client.stop())
    }
  }

  @Test("Addresses are added and removed; those that stay are not touched")
  func addresses() async throws {
    try await Cluster.with(ClusterFile(addresses: ["10.0.10.39/24", "10.0.10.40/24"])) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let transitions = try cluster.router(on: "n1").transitions
      try cluster.write(ClusterFile(addresses: ["10.0.10.39/24", "10.0.10.41/24"]))
      try await reload(cluster)
      try await cluster.holder(is: "n1")
      #expect(!cluster["n1"].holds("10.0.10.40") && cluster["n1"].holds("10.0.10.41"))
      _ = try await cluster.client(to: "10.0.10.41")
      #expect(try cluster.router(on: "n1").transitions == transitions)
      expectUndisturbed(client.stop())
      try await cluster.stop("n1")
      try await cluster.holder(is: "n2")
      #expect(cluster["n1"].addresses.map(\.address).filter { $0.hasPrefix("10.0.10.") } == ["10.0.10.31"])
    }
  }

  @Test("A virtual router is added, and removed again, beside one that goes on")
  func routers() async throws {
    var two = ClusterFile()
    two.routers.append(ClusterFile.Router(name: "second", vrid: 13, addresses: ["10.0.10.50/24"]))
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let transitions = try cluster.router(on: "n1").transitions
      let client = try await cluster.client()
      try cluster.write(two)
      try await reload(cluster)
      try await cluster.holder(of: "second", is: "n1")
      try cluster.write(ClusterFile())
      try await reload(cluster)
      try await cluster.wait(until: "its address is gone") { cluster.testbed.holders(of: "10.0.10.50").isEmpty }
      #expect(try cluster.status("n1").virtualRouters.map(\.name) == ["ingress"])
      #expect(try cluster.router(on: "n1").transitions == transitions)
      expectUndisturbed(client.stop())
    }
  }

  @Test("Priorities, weights and the interval change while the holder holds")
  func values() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      var other = ClusterFile(interval: "200ms")
      other.priorities = [200, 250, 100]
      try cluster.write(other)
      try await reload(cluster)
      try await cluster.holder(is: "n2")
      #expect(try cluster.router(on: "n1").interval == .milliseconds(200))
    }
  }

  @Test("A broken file is refused with line and column, and the old one goes on", arguments: Way.allCases)
  func broken(way: Way) async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let digest = try cluster.status("n1").configuration?.digest
      let client = try await cluster.client()
      let transitions = try cluster.router(on: "n1").transitions
      try cluster.write(text: ClusterFile().text(for: .lan()).replacing("interval:", with: "intervall:"))
      switch way {
      case .signal:
        try cluster.daemon("n1").send(SIGHUP)
      case .command:
        let answer = try cluster["n1"].run(Programs.beside("vipctl"), ["reload"])
        #expect(!answer.status.isSuccess)
        #expect(answer.output.contains("/run/rehearsal/vipd.yaml:7:"), "\(answer.output)")
      }
      try await cluster.wait(until: "the refusal is told") {
        try cluster.status("n1").configuration?.refused != nil
      }
      let refused = try #require(try cluster.status("n1").configuration?.refused)
      #expect(refused.contains("vipd.yaml:7:") && refused.contains("intervall"), "\(refused)")
      #expect(try cluster.daemon("n1").log.contains("was refused, and the running configuration goes on"))
      #expect(try cluster.status("n1").configuration?.digest == digest)
      try await client.waitForAnswer(from: "n1", for: .milliseconds(300))
      expectUndisturbed(client.stop())
      #expect(try cluster.router(on: "n1").transitions == transitions)
      // Fixed, it is read again.
      try cluster.write(ClusterFile())
      try await reload(cluster, way)
    }
  }

  @Test("A daemon with a broken file does not start, and says where it is wrong")
  func brokenAtStart() async throws {
    let text = ClusterFile().text(for: .lan()).replacing("vrid: 12", with: "vrid: 1200")
    try await Cluster.with(text: text, services: false, daemons: false) { cluster in
      let daemon = try cluster.start("n1")
      // EX_CONFIG, so that a service manager does not start it over and over.
      #expect(try await daemon.wait() == .exited(78))
      #expect(daemon.log.contains("/run/rehearsal/vipd.yaml:7:"), "\(daemon.log)")
    }
  }
}
