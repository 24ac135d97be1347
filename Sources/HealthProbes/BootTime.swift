// The clock that trackers and the daemon go by, and how a length of time is written in a detail.
import Glibc
import NetworkTypes

extension Instant {
  /// CLOCK_BOOTTIME's now, which goes on while the host is suspended: on waking, what was due is due.
  public static func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Instant(sinceBoot: .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec))
  }
}

/// Returns at `deadline`, or as soon as the task is cancelled.
func sleep(until deadline: Instant) async {
  let remaining = Instant.now().duration(to: deadline)
  guard remaining > .zero else { return }
  try? await Task.sleep(for: remaining, clock: .continuous)
}

extension Duration {
  /// In the cluster file's notation: `2s`, `500ms`, `1500ms`.
  var shortText: String {
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    return milliseconds.isMultiple(of: 1000) ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
  }
}
