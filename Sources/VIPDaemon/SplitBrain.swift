// Two holders of one virtual router, as the one that remains sees it: for as long as another router advertises beside
// it, clients may be led to either. The core deals with it (FSM-12); here it is told.

import ControlAPI
import NetworkTypes
import VRRP

/// One virtual router's rival holders.
struct ConflictLedger: Sendable, Codable {
  /// How many times it has begun, since the start.
  private(set) var count = 0
  /// The one that goes on, or was the last.
  private(set) var present: Conflict?

  struct Conflict: Sendable, Hashable, Codable {
    var rival: IPAddress
    var priority: Priority
    var began: Instant
    var last: Instant
  }

  /// - Returns: Whether a new one begins.
  mutating func note(_ rival: IPAddress, _ priority: Priority, at now: Instant, memory: Duration) -> Bool {
    if let known = present, known.rival == rival, now - known.last < memory {
      present = Conflict(rival: rival, priority: priority, began: known.began, last: now)
      return false
    }
    count += 1
    present = Conflict(rival: rival, priority: priority, began: now, last: now)
    return true
  }

  /// The one that has ended, once.
  mutating func forget(at now: Instant, memory: Duration) -> Conflict? {
    guard let known = present, now - known.last >= memory else { return nil }
    present = nil
    return known
  }
}

extension FailoverAgent {
  /// Three intervals: so long one may go unheard.
  private func memory(_ configuration: VirtualRouterConfiguration) -> Duration { configuration.interval.duration * 3 }

  /// To be asked before the core is told: whether this holder hears another one.
  func isContested(by received: ReceivedAdvertisement, at now: Instant) -> Bool {
    let vrid = received.advertisement.vrid
    guard let member = router[vrid], member.router.state.name == .active,
      case .contending = received.advertisement.priority
    else { return false }
    // The last word of whom this node has just taken over from.
    let since = ledgers[vrid].map { now - $0.since } ?? .zero
    return since > max(member.router.configuration.interval.duration, .milliseconds(100))
  }

  /// After the core was told: who still holds the addresses had a rival; who does not was merely succeeded.
  func noteConflict(with received: ReceivedAdvertisement, at now: Instant) {
    let vrid = received.advertisement.vrid
    guard let member = router[vrid], member.router.state.name == .active,
      case .contending(let priority) = received.advertisement.priority
    else { return }
    let configuration = member.router.configuration
    guard
      ledgers[vrid]?.conflicts.note(received.source, priority, at: now, memory: memory(configuration)) ?? false
    else { return }
    let words = words(for: configuration, received.source, priority, at: now)
    sayOnceInAWhile(words, at: now)
    tell(.peer, words, virtualRouter: configuration.name)
  }

  func reviewConflicts(at now: Instant) {
    for configuration in router.members.map(\.router.configuration) {
      guard let over = ledgers[configuration.vrid]?.conflicts.forget(at: now, memory: memory(configuration)) else {
        continue
      }
      let name = Narration(configuration: configuration, now: now).name(of: over.rival)
      let words =
        "\(configuration.name): \(name) is no longer Active beside this node, after \((over.last - over.began).inWords)"
      logger.notice("\(words)")
      tell(.peer, words, virtualRouter: configuration.name)
    }
  }

  /// When the next one is over.
  var conflictDeadline: Instant? {
    router.members.map(\.router.configuration).compactMap { configuration in
      ledgers[configuration.vrid]?.conflicts.present.map { $0.last + memory(configuration) }
    }.min()
  }

  /// What goes on now, in words.
  func conflictProblem(of configuration: VirtualRouterConfiguration, at now: Instant) -> String? {
    guard let conflict = ledgers[configuration.vrid]?.conflicts.present else { return nil }
    return words(for: configuration, conflict.rival, conflict.priority, at: now)
  }

  private func words(
    for configuration: VirtualRouterConfiguration, _ rival: IPAddress, _ priority: Priority, at now: Instant
  ) -> String {
    let name = Narration(configuration: configuration, now: now).name(of: rival)
    return "\(configuration.name): \(name) is Active too, with priority \(priority): two nodes answer for "
      + configuration.addresses.map(\.address.address.description).joined(separator: ", ")
  }
}
