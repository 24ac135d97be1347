// How a holder that is no longer itself lets go: by the kernel's clock, where vipd can do nothing any more (a lease), and
// by its own, where it comes back from wherever it was (fencing).

import NetworkTypes

extension VirtualRouterConfiguration {
  /// For how long the kernel keeps a virtual address that is not renewed; nil where it keeps it for ever.
  ///
  /// It must be gone before the strongest of peers takes over. The kernel counts whole seconds and is late by up to
  /// ``kernelTardiness``, so at intervals below half a second the address outlives its holder, by a second at most.
  public var lease: Duration? {
    guard isLeased else { return nil }
    let seconds = (shortestActiveDownInterval - Self.kernelTardiness).components.seconds
    return .seconds(max(1, seconds))
  }

  /// How long after its time has run out the kernel may still hold an address.
  private static let kernelTardiness: Duration = .milliseconds(400)

  /// The least time for which a peer waits for our next advertisement: with the priority of an owner. RFC 9568 §6.1
  var shortestActiveDownInterval: Duration {
    interval.duration * 3 + (version == .v2 ? .seconds(1) : interval.duration) / 256
  }

  /// Whether nobody can have taken over from a vipd that renewed its addresses so long ago, and advertised just before.
  public func mayResume(after absence: Duration) -> Bool {
    guard let lease else { return false }
    return absence < min(lease, interval.duration * 3)
  }

  /// Renewing takes the kernel tens of microseconds, which hundreds of times a second would be felt.
  var leastRenewalDistance: Duration { (lease ?? .zero) / 16 }
}

extension VirtualRouter {
  /// A holder that was away for so long that it may have been given up lets go before it does anything else, and takes
  /// part again from the beginning: whether anybody holds the addresses now is for the others to say.
  mutating func fence(at now: Instant) -> [Action] {
    guard case .active(let active) = state, isPresumedGone(active, at: now) else { return [] }
    let absence = now - active.advertised
    let told: [Action]
    if let obstacle = active.departure?.obstacle ?? active.reluctance {
      told = become(.initialize, because: .obstacle(obstacle))
    } else {
      let backup = BackupState(
        activeDownTimer: now + activeDownInterval(configuration.interval),
        activeAdverInterval: configuration.interval, expectation: .silence)
      told = become(.backup(backup), because: .absence(absence))
    }
    activeRouter = nil
    // Who has taken over by now must not be bothered; while nobody can have, a farewell saves the others their waiting.
    let farewell = absence < configuration.shortestActiveDownInterval ? advertise(.relinquishing) : []
    return [.removeAddresses(configuration.addresses)] + farewell + told
  }

  /// Whether another router, or the kernel, may have acted on our absence.
  private func isPresumedGone(_ active: ActiveState, at now: Instant) -> Bool {
    if now - active.advertised >= configuration.shortestActiveDownInterval { return true }
    guard let lease = configuration.lease else { return false }
    return now - (active.renewed ?? active.advertised) >= lease
  }

  /// Tells the peers that we hold the addresses, and the kernel.
  mutating func affirm(_ active: inout ActiveState, at now: Instant) -> [Action] {
    active.advertised = now
    let advertisements = advertise(.contending(active.reluctance == nil ? priority : .least))
    let isDue = active.renewed.map { now - $0 >= configuration.leastRenewalDistance } ?? true
    return isDue ? advertisements + renew(&active, at: now) : advertisements
  }

  /// Tells the kernel alone.
  func renew(_ active: inout ActiveState, at now: Instant) -> [Action] {
    guard configuration.isLeased else { return [] }
    active.renewed = now
    return [.renewAddresses(configuration.addresses)]
  }
}
