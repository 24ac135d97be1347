// What a virtual router remembers in each state: its timers, and whom it listens to.

import NetworkTypes

/// Waiting for the Active Router to fall silent.
public struct BackupState: Sendable, Hashable, Codable {
  /// When this node becomes Active unless it hears a reason not to.
  public var activeDownTimer: Instant
  /// The Active Router's own interval, as it says. RFC 9568 §6.1
  public var activeAdverInterval: AdvertisementInterval
  /// What it will mean when the timer fires.
  public var expectation: Expectation
  /// With ``Preemption/after(_:)``: when an Active Router of lower priority has been endured for long enough.
  public var preemptionAllowed: Instant?

  public enum Expectation: Sendable, Hashable, Codable {
    case silence
    case relinquished(ActiveRouter)
    case preemption(ActiveRouter)
  }
}

/// Holding the addresses.
public struct ActiveState: Sendable, Hashable, Codable {
  public var adverTimer: Instant
  public var announcements: AnnouncementSchedule
  /// When a rival was last told that we are here (FSM-10, FSM-12); nil where there was none.
  public var lastAnswer: Instant?
  /// Another Active Router that does not yield; nil where there is none.
  public var rivalry: Rivalry?
  /// When the peers were last told that we are here.
  public var advertised: Instant
  /// When the kernel was last told to keep the addresses; nil where it has to be told with the next advertisement.
  public var renewed: Instant?
  /// Set while a successor is waited for.
  public var departure: Departure?
  /// Why it would leave, were there a successor: it holds on as the least of all, until anybody takes over.
  public var reluctance: Obstacle?

  /// Begins to hold the addresses, as just said to everybody.
  init(at now: Instant, interval: AdvertisementInterval) {
    adverTimer = now + interval.duration
    announcements = AnnouncementSchedule(announcedAt: now)
    advertised = now
    renewed = now
  }

  var nextDeadline: Instant {
    departure?.until ?? min(adverTimer, announcements.next ?? adverTimer)
  }
}

/// The sender of the last advertisement that counted.
public struct ActiveRouter: Sendable, Hashable, Codable {
  public var address: IPAddress
  public var priority: AdvertisedPriority
  public var heard: Instant

  public init(address: IPAddress, priority: AdvertisedPriority, heard: Instant) {
    self.address = address
    self.priority = priority
    self.heard = heard
  }
}
