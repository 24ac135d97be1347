import Glibc
import Testing

@testable import HealthProbes

/// Prints what trackers cost and how fast they are. The bounds only catch what has gone badly wrong.
@Suite(.serialized) struct BenchmarkTests {
  private func median(_ durations: [Duration]) -> Duration { durations.sorted()[durations.count / 2] }

  private func text(_ duration: Duration) -> String {
    let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
    return "\(microseconds) µs"
  }

  @Test func fromDeathToReport() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    var latencies: [Duration] = []
    for _ in 0..<30 {
      let process = try await sleeper(name, in: directory)
      try await withTracker(processTracker(name, interval: .seconds(3600))) { log in
        await log.wait(for: "up") { $0.isUp == true }
        let killed = ContinuousClock.now
        process.end()
        await log.wait(for: "down") { $0.isUp == false }
        latencies.append(killed.duration(to: try #require(log.time { $0.isUp == false })))
      }
    }
    print(
      "benchmark: process death to report: median \(text(median(latencies))), worst \(text(latencies.max() ?? .zero))")
    #expect(median(latencies) < .seconds(1))
  }

  @Test func searchAndCheck() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let processes = try await sleepers(500, name, in: directory)
    defer { processes.forEach { $0.end() } }
    let clock = ContinuousClock()
    let table = ProcessTable()
    let absent = ProcessName(uniqueName())
    let search = try median((0..<20).map { _ in try clock.measure { _ = try table.processes(named: absent) } })

    var probe = ProcessProbe(.name(name), count: 1, descriptors: PollWaiter.shared)
    var checks: [Duration] = []
    for _ in 0..<200 {
      let start = clock.now
      let result = await probe.check()
      checks.append(start.duration(to: clock.now))
      #expect(result?.verdict == .success)
    }
    print("benchmark: 500 processes: search \(text(search)) (while down), check \(text(median(checks))) (while up)")
    #expect(search < .seconds(1) && median(checks) < .milliseconds(100))
  }

  @Test func scriptRun() async throws {
    let definition = scriptTracker(.init(.program("/bin/true")), interval: .milliseconds(1))
    await withTracker(definition) { log in
      await log.wait(for: "100 runs") { $0.checks >= 100 }
      let durations = log.reports.compactMap(\.lastCheckDuration)
      print("benchmark: script run (/bin/true): median \(text(median(durations)))")
    }
  }
}
