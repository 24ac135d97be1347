// The clock that the kernel stamps addresses with. It counts the timer's ticks, and is read by no clock_gettime(2): on some
// machines CLOCK_MONOTONIC is a quarter of a second ahead of it, for as long as they run. times(2) counts the same ticks, from
// a beginning of its own.

import Glibc

struct TickClock: Sendable, Hashable {
  /// Of a second, since the kernel began to count; rather too many than too few.
  var hundredths: Int

  /// Nil where times(2) and the time since boot do not fit together, as in a time namespace: then no stamp can be judged.
  static func now() -> TickClock? {
    var processorTimes = tms()
    var uptime = timespec()
    clock_gettime(CLOCK_MONOTONIC, &uptime)
    return TickClock(count: times(&processorTimes), uptime: .seconds(uptime.tv_sec) + .nanoseconds(uptime.tv_nsec))
  }

  /// - Parameters:
  ///   - count: what times(2) returned.
  ///   - uptime: what CLOCK_MONOTONIC said, which need be right to a minute only.
  init?(count: Int, uptime: Duration) {
    let hundredthsUp = Int(uptime / .milliseconds(10))
    // Ticks are counted from five minutes before 2^32, so that what does not bear an overflow of 32 bits shows soon.
    let startSeconds = (count - hundredthsUp) / 100 + 300
    guard startSeconds > 0 else { return nil }
    let frequency = ((1 << 32) + startSeconds / 2) / startSeconds
    guard (1...10_000).contains(frequency) else { return nil }
    // For user programs a tick is taken for whole nanoseconds, and hundredths are cut off: jiffies_64_to_clock_t(). The
    // latest tick that comes to this count is assumed.
    let tick = (1_000_000_000 + frequency / 2) / frequency
    let (next, rest) = ((count + 1) * 10_000_000).quotientAndRemainder(dividingBy: tick)
    let ticks = next - (rest == 0 ? 1 : 0) - (1 << 32) + 300 * frequency
    hundredths = (ticks * 100 + frequency - 1) / frequency
    guard abs(hundredths - hundredthsUp) < 6000 else { return nil }
  }

  /// How long ago the kernel has stamped an address.
  ///
  /// - Parameter stamp: of `ifa_cacheinfo`: hundredths of a second, which begin again after 497 days.
  /// - Returns: rather some hundredths too much than too little.
  func age(ofStamp stamp: UInt32) -> Duration {
    let age = UInt32(truncatingIfNeeded: hundredths) &- stamp
    // The tick that now is has begun already. A stamp that is ahead is newer than the clock.
    return .milliseconds(10 * (age > .max / 2 ? 1 : Int(age) + 1))
  }
}
