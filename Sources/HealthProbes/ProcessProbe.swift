// The tracker kind `process`: are enough processes of a name running?
//
// While they are, nothing is searched: the processes that make up the required number are watched through pidfds, which
// tell of their end at once, and once an interval each of them is looked at again. Only when one is missing is all of
// /proc searched, at once and then every interval.
import CLinux
import Glibc
import NetworkTypes

struct ProcessProbe: Probe {
  /// After a search, this many times as long without one: where processes of the name come and go all the time, the
  /// searches still use less than a tenth of a core.
  private static let searchPause = 10

  private let pattern: ProcessPattern
  private let count: Int
  private let descriptors: any DescriptorWaiting
  private let table: ProcessTable

  /// The processes that hold the tracker up, at most `count`. Which ones does not matter: as long as all of them live,
  /// there are enough, and when one ends a search finds whoever can take its place.
  private var watched: [WatchedProcess] = []
  /// For the detail: the process whose end brought the number below what is required.
  private var ended: pid_t?
  private var nextSearch: Instant?

  init(
    _ pattern: ProcessPattern, count: Int, descriptors: any DescriptorWaiting, table: ProcessTable = ProcessTable()
  ) {
    self.pattern = pattern
    self.count = max(count, 1)
    self.descriptors = descriptors
    self.table = table
  }

  mutating func check() async -> CheckResult? {
    if watched.contains(where: { $0.obstacle != nil }) {
      // Descriptors may have run out for a moment only.
      let hasOurNumbers = table.hasOurNumbers
      watched = watched.map { $0.obstacle == nil ? $0 : WatchedProcess($0.status, watchable: hasOurNumbers) }
    }
    if watched.count == count, watched.allSatisfy({ isStillRunning($0) }) { return success() }
    return search()
  }

  mutating func rest(until nextCheck: Instant) async {
    let hasEnded = await untilEnd(ofAny: watched.compactMap(\.descriptor), orUntil: nextCheck)
    if hasEnded || watched.count < count, let nextSearch { await sleep(until: nextSearch) }
  }

  /// Whether one of the processes behind these pidfds ended before `deadline`.
  private func untilEnd(ofAny processes: [CInt], orUntil deadline: Instant) async -> Bool {
    await withTaskGroup(of: Bool.self) { [descriptors] group in
      for process in processes {
        group.addTask {
          do {
            try await descriptors.untilReadable(process)
            return true
          } catch {
            // Whatever keeps the loop from watching it, the next check looks at the process itself.
            await sleep(until: deadline)
            return false
          }
        }
      }
      group.addTask {
        await sleep(until: deadline)
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
  }

  // MARK: Searching

  private mutating func search() -> CheckResult {
    let start = Instant.now()
    defer {
      let end = Instant.now()
      nextSearch = end + start.duration(to: end) * Self.searchPause
    }
    let candidates: [ProcessStatus]
    do {
      candidates = try table.processes(pattern)
    } catch {
      watched = []
      return CheckResult(.failure, error.reason)
    }

    let missing = watched.first { old in
      !candidates.contains { $0.isSameProcess(as: old.status) && $0.state != .zombie }
    }
    watched = watch(candidates)
    if watched.count == count {
      ended = nil
      return success()
    }
    ended = missing?.status.pid ?? ended
    return failure(candidates)
  }

  /// Watches the oldest running ones, as many as are required: of a server with many workers, the one that starts them.
  private func watch(_ candidates: [ProcessStatus]) -> [WatchedProcess] {
    let hasOurNumbers = table.hasOurNumbers
    var result: [WatchedProcess] = []
    for candidate in candidates where candidate.state == .running && result.count < count {
      if let known = watched.first(where: { $0.status.isSameProcess(as: candidate) }) {
        result.append(known)
        continue
      }
      let process = WatchedProcess(candidate, watchable: hasOurNumbers)
      // Only now that the pidfd is open is it certain whose it is.
      if isStillRunning(process) { result.append(process) }
    }
    return result
  }

  private func isStillRunning(_ process: WatchedProcess) -> Bool {
    guard let status = table.status(of: process.status.pid) else { return false }
    return status.isSameProcess(as: process.status) && status.state == .running
  }

  // MARK: Words

  private func success() -> CheckResult {
    let pids = pidList(watched.map(\.status.pid))
    let unwatched = watched.lazy.compactMap(\.obstacle).first
    return CheckResult(.success, unwatched.map { "\(pids) (its end is seen late: \($0))" } ?? pids)
  }

  private func failure(_ candidates: [ProcessStatus]) -> CheckResult {
    let stopped = candidates.filter { $0.state == .stopped }.map(\.pid)
    let zombies = candidates.filter { $0.state == .zombie }.map(\.pid)
    var reasons: [String] = []
    if !stopped.isEmpty { reasons.append("stopped: \(pidList(stopped))") }
    if !zombies.isEmpty { reasons.append("ended, not yet collected by its parent: \(pidList(zombies))") }
    if reasons.isEmpty, let ended { reasons.append("pid \(ended) has ended") }

    let running = watched.map(\.status.pid)
    var detail =
      count == 1
      ? "no running process \(pattern)" : "\(running.count) of \(count) processes \(pattern) run"
    if !running.isEmpty { detail += ": \(pidList(running))" }
    if !reasons.isEmpty { detail += " (\(reasons.joined(separator: ", ")))" }
    return CheckResult(.failure, detail)
  }

  /// `pid 812`; `pids 812, 813`; `pids 812, 813, 814 and 7 more`.
  private func pidList(_ pids: [pid_t]) -> String {
    let shown = pids.prefix(3).map(String.init).joined(separator: ", ")
    return (pids.count == 1 ? "pid " : "pids ") + shown + (pids.count > 3 ? " and \(pids.count - 3) more" : "")
  }
}

/// A process, with the pidfd that tells of its end.
private final class WatchedProcess: Sendable {
  let status: ProcessStatus
  /// Nil where `obstacle` says why.
  let descriptor: CInt?
  let obstacle: String?

  /// - Parameter watchable: whether the pid is one of this process's PID namespace.
  init(_ status: ProcessStatus, watchable: Bool) {
    self.status = status
    let opened = watchable ? pidfd_open(status.pid, 0) : -1
    descriptor = opened >= 0 ? opened : nil
    obstacle =
      if opened >= 0 { nil } else if watchable { systemError(errno) } else { "/proc is another PID namespace's" }
  }

  deinit {
    if let descriptor { close(descriptor) }
  }
}
