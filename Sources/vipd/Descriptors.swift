// A process that runs out of descriptors must not lose its address by it. What vipd needs for its task it opens at the
// start. libdispatch, below Swift's tasks, opens more at its first use and from time to time, and ends the process where
// it cannot: so whoever could take them all (the control interface's clients) gets only what is to spare.

import Dispatch
import Glibc

enum Descriptors {
  /// Kept for as long as the process lives.
  private nonisolated(unsafe) static var timer: (any DispatchSourceTimer)?

  /// To be called when privileges are dropped: it makes a thread.
  static func reserve() {
    raiseLimit()
    // The first task on the shared thread pool opens an epoll and a timer there.
    let timer = DispatchSource.makeTimerSource(queue: .global())
    timer.schedule(deadline: .now() + .seconds(10 * 365 * 24 * 3600), leeway: .seconds(3600))
    timer.activate()
    Self.timer = timer
  }

  /// How many more may be open now, beyond what trackers, reloads and libraries need; nil where nobody knows.
  static var spare: Int? {
    guard let limit = limit?.rlim_cur, let open = openCount else { return nil }
    return max(0, Int(clamping: limit) - open - Self.margin)
  }

  private static let margin = 32

  private static var limit: rlimit? {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
  }

  private static var openCount: Int? {
    guard let directory = opendir("/proc/self/fd") else { return nil }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // Without `.`, `..` and the one that reads.
    return count - 3
  }

  private static func raiseLimit() {
    guard var limit = limit else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
