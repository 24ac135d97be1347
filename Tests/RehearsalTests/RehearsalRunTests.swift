// A whole rehearsal, with keepalived in the daemon's place: what is done, what is measured, and what is said of it.

import Glibc
import Synchronization
import Testing

@testable import Rehearsal

extension RehearsalPlan {
  /// Three managers as in the examples, at 100 ms.
  static let swarm = RehearsalPlan(
    cluster: "swarm-prod", file: "cluster: swarm-prod\n", fileName: "swarm.yaml",
    nodes: [
      Node(name: "swarm1", addresses: ["10.0.10.31"]), Node(name: "swarm2", addresses: ["10.0.10.32"]),
      Node(name: "swarm3", addresses: ["10.0.10.33"]),
    ],
    trackers: [
      Tracker(name: "docker", kind: .process(name: "dockerd", count: 1)),
      Tracker(
        name: "proxy", kind: .program(path: "/usr/lib/vipd-test/check-proxy", arguments: ["--port", "443"]),
        interval: .seconds(1)),
    ],
    virtualRouters: [
      VirtualRouter(
        name: "ingress", addresses: [Address("10.0.10.39", prefixLength: 24)], interval: .milliseconds(100),
        members: [
          Member(node: "swarm1", priority: 200), Member(node: "swarm2", priority: 150),
          Member(node: "swarm3", priority: 100),
        ],
        trackers: [TrackedBy(tracker: "docker", weight: -120), TrackedBy(tracker: "proxy", weight: -120)])
    ])
}

@Suite("Rehearsal")
struct RehearsalRunTests {
  /// keepalived with what the plan says. Its checks run each second, whatever they look at.
  private static func keepalived(_ plan: RehearsalPlan) -> DaemonUnderTest {
    let router = plan.virtualRouters[0]
    var instance = KeepalivedInstance(
      priorities: Dictionary(uniqueKeysWithValues: router.members.map { ($0.node, $0.priority) }),
      addresses: router.addresses.map { "\($0.address)/\($0.prefixLength)" })
    instance.interval = "\(router.interval / .seconds(1))"
    instance.scripts = router.trackers.compactMap { tracked in
      guard let tracker = plan.tracker(named: tracked.tracker) else { return nil }
      let command =
        switch tracker.kind {
        case .process(let name, _): "/usr/bin/pgrep -x \(name)"
        case .program(let path, let arguments): ([path] + arguments).joined(separator: " ")
        case .shell(let command): command
        case .service, .engine, .other: ""
        }
      return .init(name: tracker.name, command: command, interval: "1", weight: tracked.weight)
    }
    let addresses = Dictionary(uniqueKeysWithValues: plan.nodes.map { ($0.name, $0.addresses[0]) })
    return .keepalived { [instance] node in
      instance.configuration(forNode: node.name, addresses: addresses)
    }
  }

  @Test("Every fault moves the address where the arithmetic says, and every mending back")
  func wholeRehearsal() async throws {
    let report = try await ExclusiveMeasurement.run {
      try await RehearsalRun(.swarm, daemon: Self.keepalived(.swarm)) { news in
        if case .step(_, _, let text) = news { print(text) }
      }.perform()
    }
    print(report.text())
    let rows = try #require(report.routers.first?.rows)
    #expect(rows.count == 10)
    #expect(rows.map(\.isMending) == (0..<10).map { $0 % 2 == 1 })
    for row in rows {
      #expect(row.before == [row.isMending ? "swarm2" : "swarm1"], "\(row.happening)")
      #expect(row.after == [row.isMending ? "swarm1" : "swarm2"], "\(row.happening)")
    }
    for row in rows where row.fault == .hostKilled && !row.isMending {
      #expect(row.outage > .milliseconds(200) && row.outage < .milliseconds(600))
    }
    #expect(report.notes.contains { $0.contains("/usr/lib/vipd-test/check-proxy is not on this machine") })
    let picture = report.picture()
    #expect(picture.contains("swarm3") && picture.hasSuffix("</svg>\n"))
    #expect(try report.json().contains("\"cluster\" : \"swarm-prod\""))
    #expect(!Files.exists("/usr/lib/vipd-test"))
    if let path = getenv("REHEARSAL_PICTURE") { try Files.write(picture, to: String(cString: path)) }
  }

  @Test("A daemon that does not start ends the rehearsal with its last words")
  func brokenDaemon() async throws {
    let broken = DaemonUnderTest("broken") { try $0.spawn("sh", ["-c", "echo cannot read the stars; exit 7"]) }
    let error = await #expect(throws: TestbedError.self) {
      _ = try await RehearsalRun(.swarm, daemon: broken).perform()
    }
    #expect(error?.description.contains("exit status 7") ?? false)
    #expect(error?.description.contains("cannot read the stars") ?? false)
  }

  @Test("A cancelled rehearsal leaves nothing behind")
  func cancelled() async throws {
    let directories = Mutex<Set<String>>([])
    let waiting = DaemonUnderTest("waiting") { node in
      directories.withLock { _ = $0.insert(node.runDirectory) }
      return try node.spawn("sleep", ["1000"])
    }
    let (started, reporter) = AsyncStream.makeStream(of: Void.self)
    let task = Task {
      try await RehearsalRun(.swarm, daemon: waiting) { news in
        if case .live = news { reporter.yield() }
      }.perform()
    }
    for await _ in started { break }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(directories.withLock { $0.count } == 3)
    for directory in directories.withLock({ $0 }) { #expect(!Files.exists(directory)) }
  }
}
