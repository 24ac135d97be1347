// What the tests of this module share: an event loop in its simplest form, processes with names of their own, scripts
// in a directory of their own, and a log of reports that can be waited on.
import CLinux
import Glibc
import Synchronization
import Testing

@testable import HealthProbes

/// One thread and poll(2).
final class PollWaiter: DescriptorWaiting {
  static let shared = PollWaiter()

  private struct Wait {
    let descriptor: CInt
    let continuation: CheckedContinuation<Void, any Error>
  }
  private struct State {
    var waits: [UInt64: Wait] = [:]
    var nextKey: UInt64 = 0
  }
  private let state = Mutex(State())
  private let wakeUp = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))

  private init() { startThread { [unowned self] in while true { pollOnce() } } }

  func untilReadable(_ descriptor: CInt) async throws {
    let key = state.withLock { state in
      state.nextKey += 1
      return state.nextKey
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let isCancelled = state.withLock { state in
          if Task.isCancelled { return true }
          state.waits[key] = Wait(descriptor: descriptor, continuation: continuation)
          return false
        }
        if isCancelled { continuation.resume(throwing: CancellationError()) } else { wake() }
      }
    } onCancel: {
      state.withLock { $0.waits.removeValue(forKey: key) }?.continuation.resume(throwing: CancellationError())
      wake()
    }
  }

  private func wake() { eventfd_write(wakeUp, 1) }

  private func pollOnce() {
    let waits = state.withLock { Array($0.waits) }
    var entries = [pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)]
    entries += waits.map { pollfd(fd: $0.value.descriptor, events: Int16(POLLIN), revents: 0) }
    poll(&entries, nfds_t(entries.count), -1)
    var count: UInt64 = 0
    eventfd_read(wakeUp, &count)
    for (entry, wait) in zip(entries.dropFirst(), waits) where entry.revents != 0 {
      state.withLock { $0.waits.removeValue(forKey: wait.key) }?.continuation.resume()
    }
  }
}

func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Box { let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body } }
  var thread = pthread_t()
  let started = pthread_create(
    &thread, nil,
    { argument in
      argument.map { Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body() }
      return nil
    }, Unmanaged.passRetained(Box(body)).toOpaque())
  precondition(started == 0)
  pthread_detach(thread)
}

/// Waits until `condition` holds; an issue where it does not within a minute.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () -> Bool
) async {
  let end = ContinuousClock.now + limit
  while !condition() {
    guard ContinuousClock.now < end else {
      Issue.record("never: \(what)", sourceLocation: sourceLocation)
      return
    }
    try? await Task.sleep(for: .milliseconds(2))
  }
}

/// The reports of one tracker, in order.
final class ReportLog: Sendable {
  private let log = Mutex<[(report: TrackerReport, time: ContinuousClock.Instant)]>([])

  var reports: [TrackerReport] { log.withLock { $0.map(\.report) } }
  var times: [ContinuousClock.Instant] { log.withLock { $0.map(\.time) } }
  var last: TrackerReport? { log.withLock { $0.last?.report } }

  var wasEverDown: Bool { reports.contains { $0.isUp == false } }

  func append(_ report: TrackerReport) { log.withLock { $0.append((report, .now)) } }

  /// The time at which the first report that is so came in.
  func time(of condition: (TrackerReport) -> Bool) -> ContinuousClock.Instant? {
    log.withLock { $0.first { condition($0.report) }?.time }
  }

  func wait(
    for what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: (TrackerReport) -> Bool
  ) async {
    await eventually("\(what); last: \(String(describing: last))", sourceLocation: sourceLocation) {
      last.map(condition) ?? false
    }
  }
}

/// Runs a tracker for as long as `body` takes.
func withTracker(
  _ definition: TrackerDefinition, descriptors: any DescriptorWaiting = PollWaiter.shared,
  _ body: (ReportLog) async throws -> Void
) async rethrows {
  let log = ReportLog()
  let tracker = Task { await TrackerHost(descriptors: descriptors).run(definition) { log.append($0) } }
  defer { tracker.cancel() }
  try await body(log)
  tracker.cancel()
  await tracker.value
}

/// The result of a script's first check.
func firstReport(
  _ script: TrackerDefinition.Script, name: String = "test", timeout: Duration = .seconds(60)
) async throws -> TrackerReport {
  let definition = TrackerDefinition(name: name, kind: .script(script), interval: .seconds(60), timeout: timeout)
  var report: TrackerReport?
  await withTracker(definition) { log in
    await eventually("a report of \(script)") { log.last != nil }
    report = log.reports.first
  }
  return try #require(report)
}

/// A directory that goes away with this value.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    var template = Array("/tmp/vipd-probes-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
    chmod(path, 0o755)
  }

  /// Written by a child: a descriptor of this process that is open for writing would, for a moment, also be one of
  /// whatever process another test starts at that time, and a program that is open for writing cannot be started.
  func file(_ name: String, _ text: String = "", mode: mode_t = 0o755) throws -> String {
    let file = "\(path)/\(name)"
    try TestProcess("/bin/sh", ["-c", "printf %s \"$1\" >\"$2\"", "sh", text, file]).wait()
    chmod(file, mode)
    return file
  }

  func link(_ name: String, to target: String) -> String {
    symlink(target, "\(path)/\(name)")
    return "\(path)/\(name)"
  }

  func text(_ name: String) -> String {
    guard let stream = fopen("\(path)/\(name)", "re") else { return "" }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, stream)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  deinit { try? TestProcess("/bin/rm", ["-rf", path]).wait() }
}

/// A child of the test process, in a process group of its own.
final class TestProcess: Sendable {
  let pid: pid_t

  init(_ program: String, _ arguments: [String]) throws {
    var child: pid_t = 0
    let argv = ([program] + arguments).map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let code = posix_spawn(&child, program, nil, &attributes, argv, nil)
    try #require(code == 0, "\(program): \(systemError(code))")
    pid = child
  }

  func signal(_ number: CInt) { kill(pid, number) }

  func wait() {
    var status: CInt = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }

  /// Ends it, and all that it has started.
  func end() {
    kill(-pid, SIGKILL)
    wait()
  }
}

/// A process name that nothing else on this host has: at most 15 bytes.
func uniqueName() -> String { "vp\(getpid())-\(nameCounter.add(1, ordering: .relaxed).newValue)x" }
private let nameCounter = Atomic<Int>(0)

/// A process that sleeps under that name; there, under its name, on return.
func sleeper(_ name: String, in directory: TemporaryDirectory) async throws -> TestProcess {
  let process = try TestProcess(directory.link(name, to: "/bin/sleep"), ["1000"])
  // The system call that starts it is over a moment before it has its name.
  await eventually("\(name) has its name") {
    ProcessTable().status(of: process.pid)?.kernelName.elementsEqual(name.utf8.prefix(15)) ?? false
  }
  return process
}

func sleepers(_ count: Int, _ name: String, in directory: TemporaryDirectory) async throws -> [TestProcess] {
  var processes: [TestProcess] = []
  for _ in 0..<count { processes.append(try await sleeper(name, in: directory)) }
  return processes
}

/// Whether a process is there and alive.
func isAlive(_ pid: pid_t) -> Bool {
  ProcessTable().status(of: pid).map { $0.state != .zombie } ?? false
}

func processTracker(
  _ name: String, count: Int = 1, interval: Duration = .milliseconds(100), rise: Int = 1, fall: Int = 1
)
  -> TrackerDefinition
{
  TrackerDefinition(
    name: "test", kind: .process(name: name, count: count), interval: interval, rise: rise, fall: fall)
}

/// With a timeout that none but a hanging script reaches, however busy the machine is.
func scriptTracker(
  _ script: TrackerDefinition.Script, interval: Duration = .milliseconds(10), timeout: Duration = .seconds(60),
  rise: Int = 1, fall: Int = 1
) -> TrackerDefinition {
  TrackerDefinition(
    name: "test", kind: .script(script), interval: interval, timeout: timeout, rise: rise, fall: fall)
}

func shell(_ line: String) -> TrackerDefinition.Script { .init(.shell(line)) }
