// Make before break: a holder that is asked to leave calls for a successor as FSM-8 has it, but goes on serving until the
// successor's first advertisement arrives. No client finds the address nowhere.

import NetworkTypes

/// A holder on its way out.
public struct Departure: Sendable, Hashable {
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
    return min(longestSkewTime + .milliseconds(20), .milliseconds(1500))
  }

  mutating func shutDown(for obstacle: Obstacle, _ active: ActiveState, at now: Instant) -> [Action] {
    switch obstacle {
    case .stopped where active.departure != nil: []
    case .stopped where configuration.families.contains { !$0.peers.isEmpty }: depart(for: obstacle, active, at: now)
    default: relinquish(for: obstacle)  // FSM-8
    }
  }

  /// FSM-8's word, without its deed. It is said once: each repetition would have the successor begin its Skew_Time anew.
  private mutating func depart(for obstacle: Obstacle, _ active: ActiveState, at now: Instant) -> [Action] {
    var next = active
    // As if to hold on: for as long as it takes the kernel must not let go either.
    next.renewed = nil
    let renewal = affirm(&next, at: now).filter { $0 == .renewAddresses(configuration.addresses) }
    next.departure = Departure(obstacle: obstacle, until: now + patience)
    state = .active(next)
    return advertise(.relinquishing) + renewal
  }

  /// Asked to stay after all: says so, before a successor's time has come.
  mutating func stay(_ active: ActiveState, at now: Instant) -> [Action] {
    guard active.departure != nil else { return [] }
    var next = active
    next.departure = nil
    next.adverTimer = now + configuration.interval.duration
    let told = affirm(&next, at: now)
    state = .active(next)
    return told
  }

  mutating func checkDeparture(_ departure: Departure, at now: Instant) -> [Action] {
    guard now >= departure.until else { return [] }
    return [.removeAddresses(configuration.addresses)] + become(.initialize, because: .obstacle(departure.obstacle))
  }

  /// Somebody serves. The farewell that follows the removal has the successor announce once more, after which nothing
  /// of ours can mislead anyone (FSM-10).
  mutating func departingHears(_ received: ReceivedAdvertisement, _ departure: Departure) -> [Action] {
    switch received.advertisement.priority {
    case .relinquishing: return []
    case .contending:
      let told = become(.initialize, because: .obstacle(departure.obstacle))
      return [.removeAddresses(configuration.addresses)] + farewell(.relinquishing, to: received.source) + told
    }
  }
}
