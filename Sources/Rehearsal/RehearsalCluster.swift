// The nodes of a rehearsal with all that runs on them: the daemon, and a stand-in for each thing that a tracker looks at.

import CLinux
import Glibc

actor RehearsalCluster {
  nonisolated let plan: RehearsalPlan
  nonisolated let testbed: Testbed
  nonisolated let watch: HolderWatch
  private let daemon: DaemonUnderTest
  private var daemons: [String: NodeProcess] = [:]
  private var stopping: [String: NodeProcess] = [:]
  private var services: [String: [UInt16: NodeProcess]] = [:]
  private var processes: [String: [String: [NodeProcess]]] = [:]
  private var engines: [String: [String: NodeProcess]] = [:]
  /// What a reader of the results should know.
  private(set) var notes: [String] = []

  init(_ plan: RehearsalPlan, _ testbed: Testbed, daemon: DaemonUnderTest) throws(TestbedError) {
    self.plan = plan
    self.testbed = testbed
    self.daemon = daemon
    watch = try HolderWatch(testbed)
  }

  /// Starts everything everywhere.
  func start() async throws {
    for route in plan.routesForClient {
      try testbed.client.run("ip", ["route", "add", route.address, "dev", route.interface])
    }
    for node in testbed.nodes { try await equip(node) }
    for node in testbed.nodes { try startDaemon(on: node) }
  }

  /// The daemons that should run but do not are an error with their last words.
  func checkDaemons(besides absent: Set<String>) throws {
    for (node, process) in daemons.sorted(by: { $0.key < $1.key }) where !absent.contains(node) {
      guard let status = process.exitStatus else { continue }
      let words = process.log.split(separator: "\n").suffix(5).joined(separator: "\n  ")
      throw TestbedError("\(daemon.name) on \(node)", cause: "it has ended (\(status)); its last words:\n  \(words)")
    }
  }

  /// The trackers that are down, by node, with the reason, as the nodes' own daemons say; nil for those that say nothing.
  nonisolated func failedTrackers() -> [String: [(name: String, detail: String)]] {
    var failed: [String: [(name: String, detail: String)]] = [:]
    for node in testbed.nodes where node.isAlive {
      guard let status = NodeStatus.read(from: "\(node.runDirectory)/vipd/vipd.sock") else { continue }
      failed[node.name] = status.trackers.filter { !$0.up }.map { ($0.name, $0.detail ?? "no reason given") }
    }
    return failed
  }

  func inflict(_ fault: RehearsalFault, on name: String) async throws {
    let node = testbed[name]
    switch fault {
    case .serviceKilled(let port, _):
      try await end([services[name]?.removeValue(forKey: port)].compactMap { $0 }, with: SIGKILL)
    case .processKilled(let process, _):
      try await end(processes[name]?.removeValue(forKey: process) ?? [], with: SIGKILL)
    case .engineKilled(let socket, _):
      try await end([engines[name]?.removeValue(forKey: socket)].compactMap { $0 }, with: SIGKILL)
    case .daemonStopped:
      stopping[name] = daemons.removeValue(forKey: name)
      stopping[name]?.terminate()
    case .linkCut:
      try testbed.cutLink(of: node)
    case .hostKilled:
      let moment = Moment.now()
      try testbed.killHost(node)
      watch.end(node, at: moment)
      daemons[name] = nil
      services[name] = nil
      processes[name] = nil
      engines[name] = nil
    }
  }

  func mend(_ fault: RehearsalFault, on name: String) async throws {
    let node = testbed[name]
    switch fault {
    case .serviceKilled(let port, _): try await startService(on: node, port: port)
    case .processKilled(let process, _): try startProcesses(named: process, on: node)
    case .engineKilled(let socket, _): try await startEngine(at: socket, on: node)
    case .daemonStopped:
      try await stopping.removeValue(forKey: name)?.wait()
      try startDaemon(on: node)
    case .linkCut: try testbed.restoreLink(of: node)
    case .hostKilled:
      try testbed.bootHost(node)
      try watch.begin(node)
      try await equip(node)
      try startDaemon(on: node)
    }
  }

  private func end(_ processes: [NodeProcess], with signal: Int32) async throws {
    for process in processes { process.send(signal) }
    for process in processes { try await process.wait() }
  }

  private func startDaemon(on node: TestbedNode) throws {
    daemons[node.name] = try daemon.start(node)
  }

  /// Starts what the trackers look at.
  private func equip(_ node: TestbedNode) async throws {
    for tracker in plan.trackers {
      if case .program(let path, _) = tracker.kind, access(path, X_OK) != 0 {
        try placeCheck(tracker, at: path, on: node)
      }
    }
    var ports = Set(plan.virtualRouters.map(plan.servicePort))
    for tracker in plan.trackers {
      switch tracker.kind.subject {
      case .service(let port): ports.insert(port)
      case .process(let name, _): try startProcesses(named: name, on: node)
      case .engine(let socket): try await startEngine(at: socket, on: node)
      case .unknown:
        note("tracker \(tracker.name): what it asks is not part of a rehearsal, so it answers as it does here")
      }
    }
    for port in ports.sorted() { try await startService(on: node, port: port) }
  }

  private func startService(on node: TestbedNode, port: UInt16) async throws {
    services[node.name, default: [:]][port] = try await node.startHTTPService(port: port)
  }

  /// Once for all trackers that ask it. Not under dockerd's name, which another tracker may look for.
  private func startEngine(at socket: String, on node: TestbedNode) async throws {
    guard engines[node.name]?[socket] == nil else { return }
    guard socket.hasPrefix("/run/") || socket.hasPrefix("/var/run/") else {
      return note("trackers that ask \(socket): a stand-in is only made below /run, so they answer as they do here")
    }
    engines[node.name, default: [:]][socket] = try await node.startEngine(named: "engine", socket: socket)
  }

  /// As many as the tracker that wants the most of them wants.
  private func startProcesses(named name: String, on node: TestbedNode) throws {
    guard processes[node.name]?[name] == nil else { return }
    let counts = plan.trackers.compactMap { tracker -> Int? in
      guard case .process(name, let count) = tracker.kind.subject else { return nil }
      return count
    }
    processes[node.name, default: [:]][name] = try (0..<(counts.max() ?? 1)).map { _ in
      try node.startProcess(named: name)
    }
  }

  private func placeCheck(_ tracker: RehearsalPlan.Tracker, at path: String, on node: TestbedNode) throws {
    try node.placeCheck(at: path)
    guard case .service(let port) = tracker.kind.subject else { return }
    note("tracker \(tracker.name): \(path) is not on this machine; a stand-in asks http://127.0.0.1:\(port)/ instead")
  }

  private func note(_ text: String) {
    if !notes.contains(text) { notes.append(text) }
  }
}
