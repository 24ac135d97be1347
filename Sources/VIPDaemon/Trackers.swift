// The trackers of the file as running tasks. They run off the VRRP thread; their reports come to it one by one, in order.

import ClusterConfiguration
import ControlAPI
import HealthProbes
import NetworkTypes
import VRRP

/// One tracker at work.
struct TrackerTask {
  var definition: TrackerDefinition
  /// Reports of a predecessor with the same name may still be on their way; this tells them apart.
  var generation: Int
  var task: Task<Void, Never>
  /// Nil until the first check is over.
  var lastReport: TrackerReport?
  /// Since when it is up or down.
  var since: Instant
}

extension FailoverAgent {
  /// Starts the trackers that this node's virtual routers refer to, ends those that are no longer wanted, and leaves
  /// alone those that are as they were.
  func startTrackers() {
    let wanted = wantedTrackers(of: configuration)
    for (name, running) in trackerTasks where wanted[name] != running.definition {
      running.task.cancel()
      trackerTasks[name] = nil
    }
    for (name, definition) in wanted where trackerTasks[name] == nil {
      trackerTasks[name] = run(definition)
    }
  }

  func wantedTrackers(of configuration: ClusterConfiguration) -> [String: TrackerDefinition] {
    let used = Set(configuration.virtualRouters(for: setup.node).flatMap { $0.trackers.map(\.tracker) })
    let definitions = configuration.trackers.filter { used.contains($0.name.rawValue) }.map(TrackerDefinition.init)
    return Dictionary(definitions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Starts one tracker, whose reports come in under a number of its own.
  func run(_ definition: TrackerDefinition) -> TrackerTask {
    lastGeneration += 1
    let generation = lastGeneration
    let loop = loop
    // The loop takes reports in the order in which they are made; a task for each might not.
    let report: @Sendable (TrackerReport) -> Void = { report in
      loop.execute { self.assumeIsolated { $0.take(report, generation) } }
    }
    let task = Task.detached { await TrackerHost(descriptors: loop).run(definition, report: report) }
    return TrackerTask(
      definition: definition, generation: generation, task: task, lastReport: nil, since: Instant.now())
  }

  private func take(_ report: TrackerReport, _ generation: Int) {
    if candidates[report.name]?.generation == generation {
      candidates[report.name]?.lastReport = report
      if candidates.values.allSatisfy({ $0.lastReport != nil }) { patience?.cancel() }
      return
    }
    guard let tracker = trackerTasks[report.name], tracker.generation == generation, !isStopping else { return }
    let now = Instant.now()
    trackerTasks[report.name]?.lastReport = report
    guard let isUp = report.isUp else { return }
    guard tracker.lastReport?.isUp != isUp else {
      if tracker.lastReport?.worth != report.worth {
        process(.tracker(report.name, isUp: isUp, worth: report.worth), at: now)
        rearm()
      }
      return
    }
    trackerTasks[report.name]?.since = now
    // The program before has told it already.
    let isNews = tracker.lastReport?.isUp != nil || router.trackers[report.name] != isUp
    // The address must not wait for the words.
    process(.tracker(report.name, isUp: isUp, worth: report.worth), at: now)
    rearm()
    if isNews { tell(report, isUp) }
  }

  func tell(_ report: TrackerReport, _ isUp: Bool) {
    let message = "tracker \(report.name) is \(isUp ? "up" : "down"): \(report.detail)"
    logger.notice("\(message)")
    events.publish(ControlEvent(kind: .tracker, message: message, tracker: report.name, up: isUp))
  }

  /// Which trackers are up, as far as they were checked.
  var knownTrackers: [String: Bool] { trackerTasks.compactMapValues { $0.lastReport?.isUp } }

  /// Returns when all trackers have ended, and with them whatever they had running.
  public func trackersEnded() async {
    for tracker in trackerTasks.values { await tracker.task.value }
  }
}

extension TrackerDefinition {
  /// A process's death is seen at once, whatever the interval; its birth within this time.
  static let longestSearchInterval = Duration.seconds(1)

  /// The file's words as a probe's parameters.
  init(_ tracker: ClusterConfiguration.Tracker) {
    let kind = Kind(tracker.kind)
    let interval =
      switch kind {
      case .process, .commandLine: min(tracker.interval, Self.longestSearchInterval)
      case .script, .http, .tcp, .unit, .file, .interface, .docker, .swarm: tracker.interval
      }
    self.init(
      name: tracker.name.rawValue, kind: kind, interval: interval, timeout: tracker.timeout,
      rise: tracker.rise, fall: tracker.fall)
  }
}

extension TrackerDefinition.Kind {
  fileprivate init(_ kind: ClusterConfiguration.TrackerKind) {
    switch kind {
    case .process(let check):
      switch check.match {
      case .name(let name): self = .process(name: name, count: check.minimumCount)
      case .commandLine(let text): self = .commandLine(text, count: check.minimumCount)
      }
    case .script(let check):
      switch check.command {
      case .program(let path, let arguments): self = .script(.init(.program(path, arguments: arguments)))
      case .shell(let line): self = .script(.init(.shell(line)))
      }
    case .http(let check): self = .http(HTTPCheck(check))
    case .tcp(let service): self = .tcp(.tcp(host: service.host, port: service.port))
    case .unit(let name): self = .unit(name)
    case .file(let check): self = .file(FileCheck(path: check.path, holdsWeight: check.holdsWeight))
    case .interface(let name): self = .interface(name)
    case .docker(let check): self = .docker(DockerCheck(socket: check.socket, service: check.service))
    case .swarm(let check): self = .swarm(SwarmCheck(socket: check.socket, patience: check.patience))
    }
  }
}

extension HTTPCheck {
  fileprivate init(_ check: ClusterConfiguration.HTTPCheck) {
    let service = ServiceEndpoint.tcp(host: check.service.host, port: check.service.port)
    self.init(
      check.socket.map { .unix(path: $0) } ?? service,
      tls: check.isSecure ? (check.verifies ? .verified : .unverified) : nil, method: check.method,
      target: check.target, host: check.host ?? (check.socket == nil ? nil : check.service.host),
      statuses: check.statuses, body: check.body)
  }
}
