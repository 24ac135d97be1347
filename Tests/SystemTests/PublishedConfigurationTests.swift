// The field's best-known published configuration, on real daemons: as written, no failure of a check can move the
// address. `vipctl check` says so, and the weights that it names do move it.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("The published configuration", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct PublishedConfigurationTests {
  /// The fixture with shorter intervals: one failover instead of half a minute of waiting, by the same arithmetic.
  private func published() throws -> String {
    let path = #filePath.replacing(
      "SystemTests/PublishedConfigurationTests.swift", with: "ClusterConfigurationTests/Fixtures/published.yaml")
    let file = try #require(fopen(path, "r"), "\(path)")
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    try #require(text.contains("priority: 200") && text.contains("weight: +20") && text.contains("weight: +10"))
    return text.replacing("interval: 30s", with: "interval: 1s")
  }

  private static let layout = TestbedLayout(
    nodes: (1...3).map { number in
      TestbedLayout.Node("swarm\(number)", [TestbedLayout.Interface(addresses: ["10.0.10.3\(number)/24"])])
    },
    client: TestbedLayout.Node("client", [TestbedLayout.Interface(addresses: ["10.0.10.250/24"])]))

  /// A cluster with dockerd and traefik on every node; `body` gets those of swarm1.
  private func withSwarm(
    _ text: String, _ body: (Cluster, _ docker: NodeProcess, _ traefik: NodeProcess) async throws -> Void
  ) async throws {
    try await Cluster.with(text: text, on: Self.layout, daemons: false) { cluster in
      let docker = try cluster.testbed.nodes.map { try $0.startProcess(named: "dockerd") }
      let traefik = try cluster.testbed.nodes.map { try $0.startProcess(named: "traefik") }
      for node in cluster.testbed.nodes { try cluster.start(node.name) }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "swarm1")
      try await body(cluster, docker[0], traefik[0])
    }
  }

  /// Kills a process and takes note of its end: to `pgrep` one that nobody has taken note of is still there.
  private func end(_ process: NodeProcess) async throws {
    process.kill()
    try await process.wait()
  }

  private func expectPriority(_ priority: Int, on node: String, in cluster: Cluster) async throws {
    try await cluster.wait(until: "\(node) contends with \(priority)") {
      try cluster.router(on: node).effectivePriority == priority
    }
  }

  @Test("As written: both checks fail on the holder, and the address stays")
  func stays() async throws {
    try await withSwarm(try published()) { cluster, docker, traefik in
      try await expectPriority(230, on: "swarm1", in: cluster)
      try await expectPriority(130, on: "swarm2", in: cluster)
      let transitions = try cluster.router(on: "swarm1").transitions
      try await end(docker)
      try await expectPriority(210, on: "swarm1", in: cluster)
      try await end(traefik)
      try await expectPriority(200, on: "swarm1", in: cluster)
      let sent = try cluster.router(on: "swarm1").advertisementsSent
      try await cluster.wait(until: "swarm1 has sent five more") {
        try cluster.router(on: "swarm1").advertisementsSent >= sent + 5
      }
      #expect(try await cluster.holder() == "swarm1")
      #expect(try cluster.router(on: "swarm1").transitions == transitions)
    }
  }

  @Test("vipctl check says so, and each of the weights that it names moves the address", arguments: [0, 1])
  func moves(victim: Int) async throws {
    let text = try published()
    let check = try Self.check(text)
    #expect(check.contains("as written, no failure of a check can move the address"), "\(check)")
    let weights = try Self.suggestedWeights(check)
    #expect(Set(weights.keys) == ["docker", "traefik"])
    let better = text.replacing("weight: +20", with: "weight: \(weights["docker"] ?? 0)")
      .replacing("weight: +10", with: "weight: \(weights["traefik"] ?? 0)")
    #expect(try !Self.check(better).contains("no failure of a check can move the address"))
    try await withSwarm(better) { cluster, docker, traefik in
      try await end([docker, traefik][victim])
      try await cluster.holder(is: "swarm2")
      try cluster["swarm1"].startProcess(named: ["dockerd", "traefik"][victim])
      try await cluster.holder(is: "swarm1")
    }
  }

  /// What `vipctl check` prints of a file.
  private static func check(_ text: String) throws -> String {
    let testbed = try Testbed(.lan(nodes: 1))
    defer { testbed.close() }
    let path = try testbed["n1"].write(text, toRun: "published.yaml")
    return try testbed["n1"].run(Programs.beside("vipctl"), ["check", path]).output
  }

  /// `weights that would work: docker -151, traefik -151; or …`
  private static func suggestedWeights(_ check: String) throws -> [String: Int] {
    let hint = try #require(check.split(separator: "weights that would work: ").dropFirst().first, "\(check)")
    let pairs = hint.prefix { $0 != ";" }.split(separator: ", ").map { $0.split(separator: " ") }
    return try Dictionary(
      uniqueKeysWithValues: pairs.map { pair in
        try #require(pair.count == 2, "\(hint)")
        return (String(pair[0]), try #require(Int(pair[1])))
      })
  }
}
