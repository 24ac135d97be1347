// Whether the machine itself stood still: a thread on each processor that goes before nearly everything else, does nothing, and
// finds out how late it is. A virtual machine whose host has no time for it stops like that, and so does everything on it;
// what a daemon is to blame for is what happened beside it.

import CLinux
import Glibc
import Synchronization

public final class StandstillWatch: Sendable {
  private static let step = Duration.milliseconds(1)

  private let stopping = Atomic<Bool>(false)
  private let longest = Mutex<Duration>(.zero)
  private let count = Atomic<Int>(0)
  private let threads = Mutex<[OwnThread]>([])

  /// Begins to watch.
  ///
  /// - Parameter limit: so long a processor must stand still to be counted.
  public init(longerThan limit: Duration) throws(TestbedError) {
    for processor in 0..<max(1, CInt(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) {
      let thread = try OwnThread(named: "vipd-standstill") { [self] in
        // Without the privilege for it, it takes for a standstill what is only a lack of processor time.
        _ = vipd_schedule_thread_promptly(90)
        _ = vipd_pin_thread(processor)
        watch(limit)
      }
      threads.withLock { $0.append(thread) }
    }
  }

  /// Ends the watch.
  ///
  /// - Returns: How often a processor stood still for longer than the limit, and for how long at most.
  public func stop() -> (count: Int, longest: Duration) {
    stopping.store(true, ordering: .releasing)
    for thread in threads.withLock({ $0 }) { thread.join() }
    return (count.load(ordering: .relaxed), longest.withLock { $0 })
  }

  private func watch(_ limit: Duration) {
    var last = Moment.now()
    while !stopping.load(ordering: .acquiring) {
      usleep(UInt32(Self.step / .microseconds(1)))
      let now = Moment.now()
      let late = now - last - Self.step
      last = now
      if late > limit { count.add(1, ordering: .relaxed) }
      longest.withLock { $0 = max($0, late) }
    }
  }
}
