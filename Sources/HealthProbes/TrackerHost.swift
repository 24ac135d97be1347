// Runs trackers: one call for one tracker, for as long as its task lives. Starting, stopping and replacing trackers is
// up to whoever holds the tasks.
import NetworkTypes

/// What trackers run on.
public struct TrackerHost: Sendable {
  let descriptors: any DescriptorWaiting

  public init(descriptors: any DescriptorWaiting) {
    self.descriptors = descriptors
  }

  /// Checks again and again until the task is cancelled, and reports every check, in order, one at a time. When it
  /// returns, nothing of the tracker is left running.
  public func run(_ definition: TrackerDefinition, report: @Sendable (TrackerReport) -> Void) async {
    switch definition.kind {
    case .process(let name, let count):
      await run(ProcessProbe(.name(name), count: count, descriptors: descriptors), definition, report)
    case .commandLine(let text, let count):
      await run(ProcessProbe(.commandLine(text), count: count, descriptors: descriptors), definition, report)
    case .script(let script):
      await run(ScriptProbe(script, of: definition, descriptors: descriptors), definition, report)
    case .http(let check):
      await run(QuestionProbe.http(check, timeout: definition.timeout), definition, report)
    case .tcp(let endpoint):
      await run(QuestionProbe.tcp(endpoint, timeout: definition.timeout), definition, report)
    case .unit(let name):
      await run(UnitProbe(name: name, descriptors: descriptors), definition, report)
    case .file(let check):
      await run(FileProbe(check, descriptors: descriptors), definition, report)
    case .interface(let name):
      await run(InterfaceProbe(name: name, descriptors: descriptors), definition, report)
    case .docker(let check):
      await run(QuestionProbe.docker(check, timeout: definition.timeout), definition, report)
    case .swarm(let check):
      await run(SwarmProbe(check, timeout: definition.timeout), definition, report)
    }
  }

  func run(
    _ probe: consuming some Probe, _ definition: TrackerDefinition, _ report: @Sendable (TrackerReport) -> Void
  ) async {
    var running = RunningReport(definition)
    while !Task.isCancelled {
      let start = Instant.now()
      guard let result = await probe.check() else { break }
      running.record(result, took: start.duration(to: .now()))
      report(running.report)
      await probe.rest(until: start + definition.interval)
    }
    await probe.stop()
  }
}

/// One kind of check.
protocol Probe: Sendable {
  /// Checks once. Nil where the task was cancelled meanwhile: there is nothing to report then.
  mutating func check() async -> CheckResult?

  /// Waits for the next check's time, or for a sign that it should not wait.
  mutating func rest(until nextCheck: Instant) async

  /// Leaves nothing behind. The task is cancelled when this is called.
  mutating func stop() async
}

extension Probe {
  mutating func rest(until nextCheck: Instant) async { await sleep(until: nextCheck) }
  mutating func stop() async {}
}
