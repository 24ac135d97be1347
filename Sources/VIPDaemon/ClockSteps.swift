// Whether somebody sets the host's clock. No election depends on it (time here is time since boot), but whoever lays the logs
// of three nodes side by side after a bad night has to know that one of them told another time.

import ControlAPI
import Glibc
import NetworkTypes

/// Sets of the clock that were noticed. Pure: both times are handed in.
struct ClockSteps: Sendable {
  private(set) var count = 0
  /// How far the last one went, negative where it went back, and when that was.
  private(set) var last: (step: Duration, at: Instant)?
  private var offset: Duration?

  /// What counts as a step. A clock that is disciplined gains or loses half a millisecond in a second. adjtimex(2)
  static let least = Duration.milliseconds(500)

  /// While a host boots its clock is set as a matter of course.
  static let boot = Duration.seconds(120)

  /// - Parameter wall: what the host's clock says, since 1970.
  /// - Returns: How far it was set since it was looked at last; nil where it was not.
  mutating func look(at wall: Duration, _ now: Instant) -> Duration? {
    let offset = wall - now.sinceBoot
    defer { self.offset = offset }
    guard let before = self.offset else { return nil }
    let step = offset - before
    guard step > Self.least || step < .zero - Self.least, now.sinceBoot > Self.boot else { return nil }
    count += 1
    last = (step, now)
    return step
  }

  /// For status.
  func status(at now: Instant) -> ClockStatus {
    ClockStatus(steps: count, lastStep: last?.step, sinceLastStep: last.map { now - $0.at })
  }
}

extension FailoverAgent {
  /// Whenever something happens: to read the clock costs some nanoseconds, and a step is worth no wake-up of its own.
  func watchClock() {
    let before = Instant.now()
    var time = timespec()
    guard clock_gettime(CLOCK_REALTIME, &time) == 0 else { return }
    let wall = Duration.seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    let now = Instant.now()
    // Whoever was stopped in between has not read two clocks at one time.
    guard now - before < ClockSteps.least / 10 else { return }
    guard let step = clockSteps.look(at: wall, now) else { return }
    let words = "this host's clock was set \(step < .zero ? "back" : "forward") by \(step.inSecondsText)"
    logger.notice("\(words)")
    tell(.daemon, words)
  }
}

extension Duration {
  /// Without its sign, to the tenth of a second.
  fileprivate var inSecondsText: String {
    let tenths = abs(components.seconds * 10 + components.attoseconds / 100_000_000_000_000_000)
    return "\(tenths / 10).\(tenths % 10) s"
  }
}
