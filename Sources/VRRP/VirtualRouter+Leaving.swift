// Make before break: a holder that is asked to leave calls for a successor as FSM-8 has it, but goes on serving until the
// successor's first advertisement arrives. No client finds the address nowhere.

import NetworkTypes

/// A holder on its way out.
public struct Departure: Sendable, Hashable, Codable {
  /// Why it leaves.
  public var obstacle: Obstacle
  /// When it goes, whether a successor was heard or not.
  public var until: Instant
}

extension VirtualRouter {
  /// For how long a successor is waited for: every router's Skew_Time is over by then. RFC 9568 §6.1
  ///
  /// Bounded, since whoever stops a daemon expects it to be gone soon.
  private var patience: Duration {
    let longestSkewTime: Duration = configuration.version == .v2 ? .seconds(1) : configuration.interval.duration
    return min(longestSkewTime + .milliseconds(20), .milliseconds(1200))
  }

  mutating func shutDown(for obstacle: Obstacle, _ active: ActiveState, at now: Instant) -> [Action] {
    let hasPeers = configuration.families.contains { !$0.peers.isEmpty }
    guard obstacle.leavesTime, hasPeers || obstacle.isRequest else {
      return relinquish(for: obstacle)  // FSM-8
    }
    guard active.departure?.obstacle != obstacle, active.reluctance != obstacle else { return [] }
    return depart(for: obstacle, active, at: now)
  }

  /// FSM-8's word, without its deed. It is said once: each repetition would have the successor begin its Skew_Time anew.
  private mutating func depart(for obstacle: Obstacle, _ active: ActiveState, at now: Instant) -> [Action] {
    var next = active
    // For as long as it takes the kernel must not let go either, nor are we gone.
    next.advertised = now
    let renewal = renew(&next, at: now)
    next.departure = Departure(obstacle: obstacle, until: now + patience)
    next.reluctance = nil
    state = .active(next)
    return advertise(.relinquishing) + renewal
  }

  /// Asked to stay after all: says so, before a successor's time has come.
  mutating func stay(_ active: ActiveState, at now: Instant) -> [Action] {
    guard active.departure != nil || active.reluctance != nil else { return [] }
    var next = active
    next.departure = nil
    next.reluctance = nil
    return goOn(next, at: now)
  }

  /// Advertises and announces as one that has just become Active, since both have rested.
  private mutating func goOn(_ active: ActiveState, at now: Instant) -> [Action] {
    var next = active
    next.adverTimer = now + configuration.interval.duration
    next.announcements = AnnouncementSchedule(announcedAt: now)
    let told = affirm(&next, at: now)
    state = .active(next)
    return told + [.announceAddresses(configuration.addresses)]
  }

  mutating func checkDeparture(_ departure: Departure, _ active: ActiveState, at now: Instant) -> [Action] {
    guard now >= departure.until else { return [] }
    if departure.obstacle.isRequest { return remain(departure.obstacle, active, at: now) }
    return [.removeAddresses(configuration.addresses)] + become(.initialize, because: .obstacle(departure.obstacle))
  }

  /// Nobody has answered. Better this node than none; but whoever turns up now takes over.
  private mutating func remain(_ obstacle: Obstacle, _ active: ActiveState, at now: Instant) -> [Action] {
    var next = active
    next.departure = nil
    next.reluctance = obstacle
    return goOn(next, at: now)
  }

  /// Somebody serves. The farewell that follows the removal has the successor announce once more, after which nothing
  /// of ours can mislead anyone (FSM-10).
  mutating func hasSuccessor(_ successor: ReceivedAdvertisement, _ active: ActiveState) -> [Action] {
    guard let obstacle = active.departure?.obstacle ?? active.reluctance else { return [] }
    let told = become(.initialize, because: .obstacle(obstacle))
    return [.retireAddresses(configuration.addresses)] + farewell(.relinquishing, to: successor.source) + told
  }
}

extension Obstacle {
  /// Whether the node can still serve while a successor is waited for.
  fileprivate var leavesTime: Bool {
    switch self {
    case .stopped, .drained, .unfit: true
    case .reconfigured, .interfaceMissing, .interfaceDown, .interfaceReplaced, .addressNotHeld, .addressNotOn,
      .linkLocalMissing, .deaf, .addressesRefused, .trackerDown, .trackerUnchecked:
      false
    }
  }

  /// Whether the node stays where nobody follows.
  fileprivate var isRequest: Bool { self == .drained(isForced: false) }
}
