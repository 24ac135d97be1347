// A host, or a process, that runs out of descriptors must not lose its address by it. What vipd needs for its task it opens
// at the start; this does the same for what libraries below it would open at the first use, and end the process where
// they could not.

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

  private static func raiseLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
