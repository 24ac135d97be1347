// What an Active Router does: advertise, hold the addresses, and answer whoever else claims them. RFC 9568 §6.4.3

import NetworkTypes

extension VirtualRouter {
  mutating func becomeActive(because reason: Transition.Reason, at now: Instant) -> [Action] {
    let active = ActiveState(at: now, interval: configuration.interval)
    let addresses = configuration.addresses
    deference?.isOver = true
    let told = become(.active(active), because: reason)
    activeRouter = nil
    let inherited = reason.predecessor.map { Action.forwardConnections(addresses, to: $0.address) }
    return advertise(.contending(priority)) + [inherited].compactMap { $0 }
      + [.installAddresses(addresses), .announceAddresses(addresses)] + told
  }

  mutating func checkTimers(_ active: ActiveState, at now: Instant) -> [Action] {
    if let departure = active.departure { return checkDeparture(departure, active, at: now) }
    var next = active
    var actions: [Action] = []
    if now >= active.adverTimer {  // FSM-9
      // From the time it was due, so that lateness does not add up; from now, where a whole interval was missed.
      let due = active.adverTimer + configuration.interval.duration
      next.adverTimer = due > now ? due : now + configuration.interval.duration
      if active.lastAnswer != nil { next.lastAnswer = now }
      actions += affirm(&next, at: now)
    }
    if next.announcements.isDue(at: now) { actions.append(.announceAddresses(configuration.addresses)) }
    state = .active(next)
    return actions
  }

  mutating func activeHears(
    _ received: ReceivedAdvertisement, _ active: ActiveState, at now: Instant
  ) -> [Action] {
    switch received.advertisement.priority {
    case .relinquishing where active.departure != nil:
      return []
    case .contending where active.departure != nil || active.reluctance != nil:
      return hasSuccessor(received, active)
    case .contending(let theirs) where theirs > priority || (theirs == priority && outranksUs(received)):
      return yield(to: received, at: now)  // FSM-11
    case .relinquishing:  // FSM-10
      var next = active
      next.adverTimer = now + configuration.interval.duration
      return hold(against: received, next, at: now)
    case .contending:  // FSM-12
      var next = active
      let rivalry = rivalry(active, with: received, at: now)
      next.rivalry = rivalry
      if configuration.givesWay, priority != .addressOwner, rivalry.isDeaf {
        return giveWay(to: received, rivalry, at: now)
      }
      return hold(against: received, next, at: now)
    }
  }

  /// Whoever advertised may have told the neighbours too, so the winner's word must come last.
  ///
  /// The RFC wants an answer at once. Under a flood that is as good as from a peer one answer must do for many packets,
  /// or its sender would have us flood the others; the last of them is answered too, by a timer that is set forward.
  private mutating func hold(
    against rival: ReceivedAdvertisement, _ active: ActiveState, at now: Instant
  ) -> [Action] {
    var next = active
    let announces = next.announcements.conflict(at: now)
    let earliest = active.lastAnswer.map { $0 + leastAnswerDistance } ?? now
    let answers = now >= earliest
    if answers { next.lastAnswer = now } else { next.adverTimer = min(active.adverTimer, earliest) }
    let answer = answers ? affirm(&next, at: now) : []
    state = .active(next)
    return answer + (announces ? [.announceAddresses(configuration.addresses)] : [])
  }

  /// One that leaves has called for a successor, and says nothing more.
  mutating func advertiseEarly(_ active: ActiveState, at now: Instant) -> [Action] {
    guard active.departure == nil else { return [] }
    var next = active
    next.adverTimer = now + configuration.interval.duration
    let told = affirm(&next, at: now)
    state = .active(next)
    return told
  }

  /// Whoever claims the addresses without speaking VRRP is outdone in what it does: neighbours believe the last word.
  mutating func insist(_ active: ActiveState, at now: Instant) -> [Action] {
    var next = active
    let announces = next.announcements.conflict(at: now)
    state = .active(next)
    return announces ? [.announceAddresses(configuration.addresses)] : []
  }

  /// A tenth of the interval, but no more than 10 ms: what a rival that speaks as often as we do never notices.
  private var leastAnswerDistance: Duration { min(configuration.interval.duration / 10, .milliseconds(10)) }

  private mutating func yield(to winner: ReceivedAdvertisement, at now: Instant) -> [Action] {
    let successor = ActiveRouter(
      address: primaryAddress(ofSenderOf: winner), priority: winner.advertisement.priority, heard: now)
    let interval = winner.advertisement.interval
    let backup = BackupState(
      activeDownTimer: now + activeDownInterval(interval), activeAdverInterval: interval, expectation: .silence)
    let told = become(.backup(backup), because: .superseded(successor))
    activeRouter = successor
    return [.retireAddresses(configuration.addresses)] + farewell(.contending(priority), to: winner.source) + told
  }

  /// Ours, beyond the RFC: the loser advertises once more, after it has let go, which makes the winner announce again
  /// (FSM-12). Without it a loser that heard the winner first yields in silence, and neighbours that it had misled are
  /// never corrected.
  ///
  /// Not with priority 0: where the winner has meanwhile yielded to a third router, that would make it count down
  /// (FSM-5) and take the addresses from the third. In unicast it goes to the winner alone. A group's Backups hear it
  /// too, which does not move them: those below the loser listen to it for one more interval, those above it discard it.
  func farewell(_ priority: AdvertisedPriority, to winner: IPAddress) -> [Action] {
    let recipients: Recipients =
      switch configuration.transport {
      case .unicast: .only(winner)
      case .multicast: .everyone
      }
    return advertisements(priority).filter { $0.addresses.first?.family == winner.family }
      .map { .sendAdvertisement($0, to: recipients) }
  }

  mutating func relinquish(for obstacle: Obstacle) -> [Action] {
    let told = become(.initialize, because: .obstacle(obstacle))
    return advertise(.relinquishing) + [.removeAddresses(configuration.addresses)] + told
  }

  /// A changed priority is advertised at once. Where Preempt_Mode would protect a holder that has become unfit, it
  /// resigns instead: it asks for a successor as a leaving router would, but goes on holding the addresses, and
  /// carries on after its own Skew_Time unless a fitter node, whose Skew_Time is shorter, has spoken first.
  mutating func contend(with new: Priority, _ active: ActiveState, at now: Instant) -> [Action] {
    let isLower = new < priority
    priority = new
    guard active.departure == nil, active.reluctance == nil else { return [] }  // All has been said.
    var next = active
    let resigns = isLower && configuration.preemption.protectsLowerPriority && new < configuration.healthyPriority
    next.adverTimer = now + (resigns ? skewTime(configuration.interval) : configuration.interval.duration)
    let told = resigns ? advertise(.relinquishing) + renew(&next, at: now) : affirm(&next, at: now)
    state = .active(next)
    return told
  }

  mutating func reconfigure(
    to new: VirtualRouterConfiguration, _ active: ActiveState, at now: Instant
  ) -> [Action] {
    let old = configuration
    configuration = new
    let gone = old.addresses.filter { !new.addresses.contains($0) }
    let come = new.addresses.filter { !old.addresses.contains($0) }
    guard !gone.isEmpty || !come.isEmpty || old.interval != new.interval || old.lease != new.lease else { return [] }
    var next = active
    next.renewed = nil
    next.adverTimer = now + new.interval.duration
    if !come.isEmpty { next.announcements = AnnouncementSchedule(announcedAt: now) }
    // One that leaves has called for a successor, and may yet go on.
    let told = active.departure == nil ? affirm(&next, at: now) : []
    state = .active(next)
    // What had a lease until now has to be told that it has none any more.
    let released = old.isLeased && !new.isLeased ? [Action.renewAddresses(configuration.addresses)] : []
    return told + released
      + (gone.isEmpty ? [] : [.removeAddresses(gone)])
      + (come.isEmpty ? [] : [.installAddresses(come), .announceAddresses(come)])
  }
}
