// A cluster under test: three hosts in namespaces, a real `vipd` and an HTTP service on each, a client beside them.

import ControlAPI
import Rehearsal
import Synchronization
import Testing

final class Cluster: Sendable {
  let testbed: Testbed
  private let layout: TestbedLayout
  /// The text of the file that daemons are started with.
  private let text: Mutex<String>
  private let daemons = Mutex<[String: NodeProcess]>([:])

  /// The one that the running test has made: what it wrote is added to whatever fails.
  @TaskLocal fileprivate static var current: Cluster?

  private init(_ text: String, on layout: TestbedLayout) throws {
    testbed = try Testbed(layout)
    self.layout = layout
    self.text = Mutex(text)
  }

  /// Runs `body` with a cluster that is gone afterwards, whatever happens.
  ///
  /// - Parameters:
  ///   - services: whether an HTTP service runs on each node, which answers with the node's name.
  ///   - daemons: whether vipd is started on each node.
  static func with(
    _ file: ClusterFile, on layout: TestbedLayout = .lan(), services: Bool = true, daemons: Bool = true,
    _ body: (Cluster) async throws -> Void
  ) async throws {
    try await with(text: file.text(for: layout), on: layout, services: services, daemons: daemons, body)
  }

  /// As the other, with a file that is written out.
  static func with(
    text: String, on layout: TestbedLayout = .lan(), services: Bool = true, daemons: Bool = true,
    _ body: (Cluster) async throws -> Void
  ) async throws {
    let cluster = try Cluster(text, on: layout)
    defer { cluster.testbed.close() }
    await $current.withValue(cluster) {
      do {
        for node in cluster.testbed.nodes where services { try await node.startHTTPService() }
        for node in cluster.testbed.nodes where daemons { try cluster.start(node.name) }
        try await body(cluster)
      } catch is ExpectationFailedError {
        // `#require` has told it already.
      } catch {
        Issue.record(error)
      }
    }
  }

  subscript(_ node: String) -> TestbedNode { testbed[node] }

  /// The file that daemons are started with.
  var fileText: String { text.withLock { $0 } }

  // MARK: Daemons

  /// Starts vipd on a node.
  ///
  /// - Parameter executable: where in the node it lies; nil for the one that was built.
  @discardableResult
  func start(_ node: String, executable: String? = nil) throws -> NodeProcess {
    let process = try DaemonUnderTest.vipd(file: text.withLock { $0 }, executable: executable).start(testbed[node])
    daemons.withLock { $0[node] = process }
    return process
  }

  /// The daemon that was started last on a node.
  func daemon(_ node: String) throws -> NodeProcess {
    try #require(daemons.withLock { $0[node] }, "vipd was never started on \(node)")
  }

  /// Ends vipd on a node as a service manager would, and waits for its end.
  func stop(_ node: String) async throws {
    try daemon(node).terminate()
    try await daemon(node).wait()
  }

  /// Puts another file on all nodes that are alive, for reloads and later starts.
  func write(_ file: ClusterFile) throws { try write(text: file.text(for: layout)) }

  func write(text new: String) throws {
    text.withLock { $0 = new }
    for node in testbed.nodes where node.isAlive { try node.write(new, toRun: "rehearsal/vipd.yaml") }
  }

  // MARK: What they say

  /// What the daemon on a node says of itself.
  func status(_ node: String) throws -> NodeStatus {
    let answer = try testbed[node].ask("/v1/status")
    guard answer.status == 200 else { throw ControlFailure("\(node): status \(answer.status): \(answer.text)") }
    return try ControlJSON.decode(NodeStatus.self, from: answer.body)
  }

  /// The same of one of its virtual routers; the first of its families where none is named.
  func router(
    _ name: String = "ingress", _ family: AddressFamily? = nil, on node: String
  ) throws -> VirtualRouterStatus {
    let routers = try status(node).virtualRouters
    guard let router = routers.first(where: { $0.name == name && (family == nil || $0.family == family) }) else {
      throw ControlFailure("\(node) has no virtual router \(name)")
    }
    return router
  }

  func tracker(_ name: String, on node: String) throws -> TrackerStatus {
    guard let tracker = try status(node).trackers.first(where: { $0.name == name }) else {
      throw ControlFailure("\(node) has no tracker \(name)")
    }
    return tracker
  }

  /// Waits until something holds. What cannot be asked yet does not hold yet.
  func wait(
    within limit: Duration = .seconds(20), until what: @autoclosure () -> String, _ condition: () throws -> Bool
  ) async throws {
    var obstacle: (any Error)?
    try await eventually(within: limit, what() + (obstacle.map { " (\($0))" } ?? "")) {
      do {
        obstacle = nil
        return try condition()
      } catch {
        obstacle = error
        return false
      }
    }
  }

  /// Waits until one node alone is Active in all families, its kernel and no other holds the addresses, and every
  /// Backup Router follows it.
  ///
  /// - Parameter expected: which node; any where left out.
  @discardableResult
  func holder(
    of name: String = "ingress", is expected: String? = nil, within limit: Duration = .seconds(20)
  ) async throws -> String {
    var holder: String?
    let wanted = expected ?? "one node"
    try await eventually(within: limit, "\(wanted) alone holds \(name); \(picture(of: name))") {
      holder = try? agreedHolder(of: name)
      return holder != nil && (expected == nil || holder == expected)
    }
    return try #require(holder)
  }

  /// Waits until all trackers of all nodes are up.
  func everyoneIsFit() async throws {
    for node in runningNodes {
      try await wait(until: "\(node.name) is fit") { try node.ask("/healthz").status == 200 }
    }
  }

  private func agreedHolder(of name: String) throws -> String? {
    var active: [String] = []
    var followed: Set<String> = []
    var addresses: Set<String> = []
    for node in runningNodes {
      for router in try status(node.name).virtualRouters where router.name == name {
        addresses.formUnion(router.addresses.map { String($0.address.prefix { $0 != "/" }) })
        // What a daemon says of the kernel is a moment old.
        guard router.addresses.allSatisfy({ $0.installed == (router.state == .active) }) else { return nil }
        switch router.state {
        case .active: active.append(node.name)
        case .backup:
          guard let followedNow = router.activeRouter else { return nil }
          followed.insert(try followedNow.node ?? self.node(at: followedNow.address) ?? "?")
        case .initialize: break
        }
      }
    }
    guard let holder = active.first, Set(active).count == 1, followed.isSubset(of: [holder]), !addresses.isEmpty else {
      return nil
    }
    return addresses.allSatisfy { testbed.holders(of: $0).map(\.name) == [holder] } ? holder : nil
  }

  /// Over multicast IPv6 comes from link-local addresses, which no file knows.
  private func node(at address: String) throws -> String? {
    testbed.nodes.first { $0.addresses.contains { $0.address == address } }?.name
  }

  private var runningNodes: [TestbedNode] {
    let daemons = daemons.withLock { $0 }
    return testbed.nodes.filter { $0.isAlive && daemons[$0.name]?.isRunning ?? false }
  }

  /// One line: who is what, and whose kernel holds what.
  private func picture(of name: String) -> String {
    testbed.nodes.map { node in
      let routers = (try? status(node.name).virtualRouters.filter { $0.name == name }) ?? []
      let states = routers.map { "\($0.state) with \($0.effectivePriority) (\($0.reason))" }
      let words = states.isEmpty ? "says nothing" : states.joined(separator: ", ")
      return "\(node.name) \(words), has \(node.addresses.map(\.address).joined(separator: " "))"
    }.joined(separator: "; ")
  }

  fileprivate static let logTitle = "What the daemons wrote last:"

  /// The end of what each daemon has written.
  fileprivate var logs: String {
    let daemons = daemons.withLock { $0 }.sorted { $0.key < $1.key }
    return daemons.map { name, daemon in
      let lines = daemon.log.split(separator: "\n").suffix(30).map { "  \($0)" }
      let end = daemon.exitStatus.map { ", ended with \($0)" } ?? ""
      return "vipd on \(name)\(end):\n\(lines.joined(separator: "\n"))"
    }.joined(separator: "\n")
  }
}

// MARK: - What a client notices

extension Cluster {
  static let address = "10.0.10.39"

  /// A client that asks one address all the time, and has an answer from `holder` already.
  func client(to address: String = Cluster.address, answeredBy holder: String = "n1") async throws -> TrafficClient {
    let client = try TrafficClient(from: testbed.client, to: address)
    try await client.waitForAnswer(from: holder, for: .milliseconds(100))
    return client
  }

  /// How long a client is without an answer when something happens to `holder`, until `successor` answers.
  func outage(
    of address: String = Cluster.address, from holder: String = "n1", to successor: String = "n2",
    when happens: () async throws -> Void
  ) async throws -> Duration {
    let client = try await client(to: address, answeredBy: holder)
    let begin = Moment.now()
    try await happens()
    try await client.waitForAnswer(from: successor, for: .milliseconds(200), within: .seconds(20))
    let record = client.stop()
    #expect(Set(record.spans.map(\.responder)) == [holder, successor])
    return record.longestOutage(since: begin)
  }
}

/// Expects that one node has answered all the time. A pause of less than a tenth of a second is the machine's, not ours.
func expectUndisturbed(
  _ record: TrafficRecord, by node: String = "n1", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(record.responders == [node], sourceLocation: sourceLocation)
  #expect(record.longestOutage < .milliseconds(100), sourceLocation: sourceLocation)
}

// MARK: - Failures

extension Trait where Self == IssueHandlingTrait {
  /// Adds what the daemons have written to whatever fails.
  static var tellsWhatDaemonsWrote: IssueHandlingTrait {
    .compactMapIssues { issue in
      // Asked once for the suite and once for the test.
      guard let cluster = Cluster.current, !issue.comments.contains(where: { $0.rawValue.hasPrefix(Cluster.logTitle) })
      else { return issue }
      var issue = issue
      issue.comments.append(Comment(rawValue: "\(Cluster.logTitle)\n\(cluster.logs)"))
      return issue
    }
  }
}
