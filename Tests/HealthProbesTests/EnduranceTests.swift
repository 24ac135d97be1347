import Glibc
import Synchronization
import Testing

@testable import HealthProbes

/// Nothing is left behind by many runs. Other tests run in the same process at the same time, so a leak has to show
/// against what they hold for a moment: hundreds of runs against some dozens of descriptors.
@Suite struct EnduranceTests {
  private let noise = 150

  private func descriptorCount() -> Int {
    guard let listing = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(listing) }
    var count = 0
    while readdir(listing) != nil { count += 1 }
    return count
  }

  /// Children of this process that have ended and were not collected.
  private func zombieCount() -> Int {
    guard let listing = opendir("/proc") else { return 0 }
    defer { closedir(listing) }
    var count = 0
    while let entry = readdir(listing) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard let pid = pid_t(name), getpgid(pid) >= 0 else { continue }
      guard ProcessTable().status(of: pid)?.state == .zombie else { continue }
      count += parent(of: pid) == getpid() ? 1 : 0
    }
    return count
  }

  private func parent(of pid: pid_t) -> pid_t? {
    guard let stream = fopen("/proc/\(pid)/stat", "re") else { return nil }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = fread(&bytes, 1, bytes.count, stream)
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    return text.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { pid_t($0) }
  }

  private func expectNothingLeft(_ before: Int) async {
    await eventually("descriptors are closed: \(before) before, \(descriptorCount()) now") {
      descriptorCount() < before + noise
    }
    await eventually("children are collected") { zombieCount() < 20 }
  }

  @Test(arguments: ["true", "exit 1", "sleep 1000 & exit 0", "sleep 1000"])
  func manyRuns(line: String) async throws {
    let before = descriptorCount()
    let definition = scriptTracker(
      shell(line), interval: .milliseconds(1), timeout: line == "sleep 1000" ? .milliseconds(10) : .seconds(60))
    await withTracker(definition) { log in await log.wait(for: "many runs") { $0.checks >= 300 } }
    await expectNothingLeft(before)
  }

  @Test func manyFailedStarts() async throws {
    let before = descriptorCount()
    let definition = scriptTracker(.init(.program("/no/such/check")), interval: .milliseconds(1))
    await withTracker(definition) { log in await log.wait(for: "many runs") { $0.checks >= 300 } }
    await expectNothingLeft(before)
  }

  @Test func manyDeathsOfWatchedProcesses() async throws {
    let before = descriptorCount()
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    try await withTracker(processTracker(name, interval: .milliseconds(5))) { log in
      for _ in 0..<200 {
        let process = try await sleeper(name, in: directory)
        await log.wait(for: "up") { $0.isUp == true && $0.detail == "pid \(process.pid)" }
        process.end()
        await log.wait(for: "down") { $0.isUp == false }
      }
    }
    await expectNothingLeft(before)
  }

  @Test func fiftyTrackersAtTenMilliseconds() async throws {
    let before = descriptorCount()
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let process = try await sleeper(name, in: directory)
    defer { process.end() }
    let logs = (0..<50).map { _ in ReportLog() }
    let all = Task {
      await withDiscardingTaskGroup { group in
        for (index, log) in logs.enumerated() {
          let kind: TrackerDefinition.Kind =
            index.isMultiple(of: 2) ? .process(name: name) : .script(shell("exit \(index % 3)"))
          let definition = TrackerDefinition(
            name: "tracker \(index)", kind: kind, interval: .milliseconds(10), timeout: .seconds(60))
          group.addTask {
            await TrackerHost(descriptors: PollWaiter.shared).run(definition) { log.append($0) }
          }
        }
      }
    }
    let start = ContinuousClock.now
    await eventually("every tracker has checked several times, for a second at least") {
      start.duration(to: .now) >= .seconds(1) && logs.allSatisfy { ($0.last?.checks ?? 0) >= 5 }
    }
    all.cancel()
    await all.value
    for (index, log) in logs.enumerated() {
      let isUp = index.isMultiple(of: 2) || index % 3 == 0
      #expect(log.reports.allSatisfy { $0.isUp == isUp }, "tracker \(index): \(String(describing: log.last))")
      #expect(log.reports.map(\.checks) == Array(1...log.reports.count))
    }
    await expectNothingLeft(before)
  }
}
