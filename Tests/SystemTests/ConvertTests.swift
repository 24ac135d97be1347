// What `vipctl plan` says of a converted file is what keepalived itself does with the files that it was made of: who holds the
// address, and who does once a check has failed on that node.

import FoundationEssentials
import Rehearsal
import Testing

@Suite("Converted keepalived files", .sharesTheMachine)
struct ConvertTests {
  struct Example: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var priorities: [String: Int] = ["n1": 200, "n2": 150, "n3": 100]
    var weight: Int
    var version = 3
    var interval = "0.2"
    var isMulticast = false
    var password: String?
    var more: [String] = []
  }

  @Test(arguments: [
    Example(testDescription: "a weight that moves it", weight: -120),
    Example(testDescription: "a weight that never can", weight: -20),
    Example(testDescription: "weight 0: fault", weight: 0),
    Example(testDescription: "a reward", priorities: ["n1": 101, "n2": 100, "n3": 90], weight: 20),
    Example(testDescription: "a reward that keeps it", priorities: ["n1": 120, "n2": 99, "n3": 98], weight: 20),
    Example(
      testDescription: "version 2, multicast, a long password", weight: -101, version: 2, interval: "1",
      isMulticast: true,
      password: "secret-12345"),
    Example(testDescription: "the last node is the best", priorities: ["n1": 50, "n2": 60, "n3": 70], weight: -15),
  ])
  func winner(_ example: Example) async throws {
    try await Testbed.with { testbed in
      let texts = configurations(example, testbed)
      let plan = try plan(texts, example, testbed)
      let router = try #require(plan.virtual_routers.first)
      var daemons: [String: NodeProcess] = [:]
      for node in testbed.nodes {
        try node.write("", toRun: "ok")
        daemons[node.name] = try DaemonUnderTest.keepalived { texts[$0.name] ?? "" }.start(node)
      }
      try await holds(router.holder, testbed)

      let row = try #require(router.rows.first { $0.fault == "tracker" && $0.node == router.holder })
      let after = try #require(row.after.first)
      try testbed[router.holder].run("rm", ["/run/ok"])
      let daemon = try #require(daemons[router.holder])
      try await eventually(within: .seconds(20), "keepalived notices: \(daemon.log)") {
        daemon.log.contains("now returning 1") || daemon.log.contains("FAULT")
      }
      try await holds(after, testbed)
    }
  }

  /// That node's kernel alone has the address, and still after a while in which every node has spoken.
  private func holds(_ node: String, _ testbed: Testbed) async throws {
    func holders() -> [String] { testbed.holders(of: Cluster.address).map(\.name) }
    var since: Moment?
    try await eventually(within: .seconds(30), "\(node) has it with keepalived, not \(holders())") {
      guard holders() == [node] else {
        since = nil
        return false
      }
      since = since ?? .now()
      return since.map { Moment.now() - $0 > .seconds(2) } ?? false
    }
  }

  private func configurations(_ example: Example, _ testbed: Testbed) -> [String: String] {
    var instance = KeepalivedInstance(priorities: example.priorities, addresses: ["\(Cluster.address)/24"])
    instance.interval = example.interval
    instance.version = example.version
    instance.isMulticast = example.isMulticast
    instance.password = example.password
    instance.more = example.more
    instance.scripts = [.init(name: "ok", command: "/usr/bin/test -e /run/ok", interval: "1", weight: example.weight)]
    return Dictionary(
      uniqueKeysWithValues: testbed.nodes.map { ($0.name, instance.configuration(for: $0, among: testbed.nodes)) })
  }

  private func plan(_ texts: [String: String], _ example: Example, _ testbed: Testbed) throws -> PlanAnswer {
    let client = testbed.client
    var arguments = ["convert", "--output", "/run/converted.yaml"]
    for node in testbed.nodes {
      arguments.append("\(node.name)=\(try client.write(texts[node.name] ?? "", toRun: "\(node.name).conf"))")
      if example.isMulticast {
        let address = node.layout.interfaces[0].addresses[0].prefix { $0 != "/" }
        arguments += ["--address", "\(node.name)=\(address)"]
      }
    }
    let converted = try client.run(Programs.beside("vipctl"), arguments)
    try #require(converted.status.isSuccess, "\(converted.output)")
    let plan = try client.run(
      "sh", ["-c", "exec \(Programs.beside("vipctl")) plan --json /run/converted.yaml 2>/run/complaints"])
    try #require(plan.output.hasPrefix("{"), "\(plan.output)")
    return try JSONDecoder().decode(PlanAnswer.self, from: Data(plan.output.utf8))
  }
}
