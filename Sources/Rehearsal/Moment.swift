// When something happened, on the one clock by which a rehearsal measures.

import Glibc

/// Time since boot, suspension included (CLOCK_BOOTTIME): the same clock in all namespaces of the machine.
public struct Moment: Sendable, Hashable, InstantProtocol {
  public var sinceBoot: Duration

  public init(sinceBoot: Duration) { self.sinceBoot = sinceBoot }

  public static func now() -> Moment {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Moment(sinceBoot: .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec))
  }

  public func advanced(by duration: Duration) -> Moment { Moment(sinceBoot: sinceBoot + duration) }

  /// Positive where `other` is later.
  public func duration(to other: Moment) -> Duration { other.sinceBoot - sinceBoot }

  public static func < (lhs: Moment, rhs: Moment) -> Bool { lhs.sinceBoot < rhs.sinceBoot }
  public static func + (moment: Moment, duration: Duration) -> Moment { moment.advanced(by: duration) }
  public static func - (moment: Moment, duration: Duration) -> Moment { moment.advanced(by: .zero - duration) }

  /// The time that passed from `earlier` to `later`.
  public static func - (later: Moment, earlier: Moment) -> Duration { earlier.duration(to: later) }
}

extension Duration {
  /// In milliseconds, fractions included: for people and pictures, not for arithmetic.
  public var inMilliseconds: Double { self / .milliseconds(1) }
}
