// When an Active Router tells its neighbours again where the addresses live. PROTOCOL.md, "Announcing".

import NetworkTypes

/// The announcements that follow one: a frame may be lost, and a rival's may come later than ours.
public struct AnnouncementSchedule: Sendable, Hashable, Codable {
  /// When the next is due; nil where all were made.
  public private(set) var next: Instant?
  private var following: [Duration]
  private var last: Instant

  /// After each announcement the next follows at these distances.
  static let repetitions: [Duration] = [.milliseconds(200), .seconds(1), .seconds(5)]
  /// A rival may advertise every 10 ms; nobody needs to be told that often.
  static let leastDistance: Duration = .milliseconds(50)

  public init(announcedAt now: Instant) {
    last = now
    next = now + Self.repetitions[0]
    following = Array(Self.repetitions.dropFirst())
  }

  /// Whether to announce at `now`; takes it as done.
  mutating func isDue(at now: Instant) -> Bool {
    guard let next, now >= next else { return false }
    last = now
    self.next = following.isEmpty ? nil : now + following.removeFirst()
    return true
  }

  /// A rival was heard: whether to announce at once; where one has only just been made, one follows shortly.
  mutating func conflict(at now: Instant) -> Bool {
    guard now - last >= Self.leastDistance else {
      next = min(next ?? last + Self.leastDistance, last + Self.leastDistance)
      following = Self.repetitions
      return false
    }
    self = AnnouncementSchedule(announcedAt: now)
    return true
  }
}
