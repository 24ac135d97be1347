// A point in time, as the time since the host booted. Nothing here reads a clock: whoever drives a pure value
// hands the time in, so that a simulation and the daemon run the same code.

/// Time since boot, suspension included (CLOCK_BOOTTIME), so that a paused virtual machine notices that it was away.
public struct Instant: Sendable, Hashable, Codable, InstantProtocol {
  public var sinceBoot: Duration

  public init(sinceBoot: Duration) { self.sinceBoot = sinceBoot }

  public func advanced(by duration: Duration) -> Instant { Instant(sinceBoot: sinceBoot + duration) }

  /// Positive where `other` is later.
  public func duration(to other: Instant) -> Duration { other.sinceBoot - sinceBoot }

  public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.sinceBoot < rhs.sinceBoot }
  public static func + (instant: Instant, duration: Duration) -> Instant { instant.advanced(by: duration) }
  public static func - (instant: Instant, duration: Duration) -> Instant { instant.advanced(by: .zero - duration) }

  /// The time that passed from `earlier` to `later`.
  public static func - (later: Instant, earlier: Instant) -> Duration { earlier.duration(to: later) }
}

extension Instant: CustomStringConvertible {
  public var description: String { "boot+\(sinceBoot)" }
}
