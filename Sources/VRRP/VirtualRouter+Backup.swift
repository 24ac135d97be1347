// What a Backup Router does: listen, and take over when there is nobody to listen to. RFC 9568 §6.4.2

import NetworkTypes

extension VirtualRouter {
  mutating func checkActiveDownTimer(_ backup: BackupState, at now: Instant) -> [Action] {
    guard now >= backup.activeDownTimer else { return [] }
    let reason: Transition.Reason =
      switch backup.expectation {
      case .silence: activeRouter.map(Transition.Reason.silence) ?? .nobodyHeard
      case .relinquished(let predecessor): .relinquished(predecessor)
      case .preemption(let predecessor): .preemption(predecessor)
      }
    return becomeActive(because: reason, at: now)  // FSM-4
  }

  mutating func backupHears(
    _ received: ReceivedAdvertisement, _ backup: BackupState, at now: Instant
  ) -> [Action] {
    let advertisement = received.advertisement
    let sender = ActiveRouter(
      address: primaryAddress(ofSenderOf: received), priority: advertisement.priority, heard: now)
    var next = backup
    switch advertisement.priority {
    case .relinquishing where isFollowing(anotherThan: sender, backup):
      return []
    case .relinquishing:  // FSM-5
      next.activeDownTimer = now + skewTime(backup.activeAdverInterval)
      next.expectation = .relinquished(sender)
    case .contending(let theirs) where theirs >= priority:  // FSM-6
      next.preemptionAllowed = nil
      adopt(advertisement, into: &next, at: now)
    case .contending(let theirs):
      if !mayPreempt(sender, received.family, theirs, &next, at: now) {  // FSM-6, Preempt_Mode false
        adopt(advertisement, into: &next, at: now)
      } else if let deference, !deference.isOver {
        return askAgain(received, sender, backup, deference, at: now)
      } else if isFollowing(anotherThan: sender, backup) {  // FSM-7, to the letter
        return []
      } else {  // FSM-7
        prepareToPreempt(sender, &next, at: now)
      }
    }
    activeRouter = sender
    state = .backup(next)
    return []
  }

  private func adopt(_ advertisement: Advertisement, into backup: inout BackupState, at now: Instant) {
    backup.activeAdverInterval = advertisement.interval
    backup.activeDownTimer = now + activeDownInterval(advertisement.interval)
    backup.expectation = .silence
  }

  /// Preempt_Mode, as it stands towards this sender. One that advertises less than it does in good health is unfit, and
  /// neither `preempt: false` nor a delay protects an unfit Active Router.
  private func mayPreempt(
    _ sender: ActiveRouter, _ family: IPFamily, _ theirs: Priority, _ backup: inout BackupState, at now: Instant
  ) -> Bool {
    if let deference, deference.isInForce(at: now) { return false }
    let isUnfit = isUnfit(sender, family, theirs)
    switch configuration.preemption {
    case .immediate, .rfc: return true
    case .never: return isUnfit
    case .after(let delay):
      let allowed = backup.preemptionAllowed ?? now + delay
      backup.preemptionAllowed = allowed
      return isUnfit || now >= allowed
    }
  }

  /// Whether a sender contends with less than it does while nothing is wrong with it, by our file.
  ///
  /// Over multicast IPv6 a sender may be any of the file's nodes; one that says what none of them says in good health is
  /// unfit.
  private func isUnfit(_ sender: ActiveRouter, _ family: IPFamily, _ theirs: Priority) -> Bool {
    if let peer = configuration.peer(at: sender.address) { return peer.healthyPriority.map { theirs < $0 } ?? false }
    guard configuration.transport == .multicast, family == .ipv6 else { return false }
    let healthy = configuration.family(family)?.peers.compactMap(\.healthyPriority) ?? []
    return !healthy.contains(theirs) && healthy.contains { theirs < $0 }
  }

  /// Whether the timer was set by another Active Router than this one.
  ///
  /// A third router, one that can not hear the router that we follow (a partition that is not the same for all, or one
  /// that heals), may speak too. That it leaves (FSM-5), or is less than we are (FSM-7), says nothing of ours: were the
  /// timer shortened for it, we would take over from a healthy Active Router.
  private func isFollowing(anotherThan sender: ActiveRouter, _ backup: BackupState) -> Bool {
    switch backup.expectation {
    case .silence: activeRouter.map { !isSame($0, sender) } ?? false
    case .relinquished, .preemption: false
    }
  }

  /// Over multicast the two families' advertisements of one router bear addresses that tell nothing of each other; where
  /// IPv6's came first, the priority shows that IPv4's is of the same router.
  private func isSame(_ known: ActiveRouter, _ sender: ActiveRouter) -> Bool {
    known.address == sender.address
      || (known.address.family != sender.address.family && known.priority == sender.priority)
  }

  /// Fast preemption: the winner is the one that Active_Down_Timer would choose, only sooner, and the old Active Router
  /// keeps the addresses until the new one's first advertisement reaches it.
  private func prepareToPreempt(_ sender: ActiveRouter, _ backup: inout BackupState, at now: Instant) {
    backup.expectation = .preemption(sender)
    if configuration.preemption == .rfc { return }
    backup.activeDownTimer = min(backup.activeDownTimer, now + skewTime(backup.activeAdverInterval))
  }

  mutating func adopt(_ new: Priority, _ backup: BackupState) -> [Action] {
    let before = skewTime(backup.activeAdverInterval)
    priority = new
    var next = backup
    if case .preemption(let rival) = backup.expectation, rival.priority >= .contending(new) {
      // Nothing to preempt any more: its last advertisement counts as if it had come only now (FSM-6).
      next.activeDownTimer = rival.heard + activeDownInterval(backup.activeAdverInterval)
      next.expectation = .silence
    } else {
      // Skew_Time is part of whatever the timer was set to, so the timer moves by what Skew_Time moves.
      next.activeDownTimer = backup.activeDownTimer + (skewTime(backup.activeAdverInterval) - before)
    }
    state = .backup(next)
    return []
  }

  mutating func reconfigure(
    to new: VirtualRouterConfiguration, _ backup: BackupState, at now: Instant
  ) -> [Action] {
    let old = configuration
    configuration = new
    guard old.interval != new.interval, followsOwnInterval(backup) else { return [] }
    var next = backup
    next.activeAdverInterval = new.interval
    next.activeDownTimer = now + activeDownInterval(new.interval)
    state = .backup(next)
    return []
  }

  /// Whether our own interval stands in for the Active Router's: nobody was heard, or it must be the same (RX-11). Then
  /// whoever speaks at the new one was discarded until now, and gets the time of a start to be heard.
  private func followsOwnInterval(_ backup: BackupState) -> Bool {
    switch backup.expectation {
    case .silence: activeRouter == nil || configuration.version == .v2
    case .relinquished, .preemption: false
    }
  }

  mutating func leave(for obstacle: Obstacle) -> [Action] {
    activeRouter = nil
    return become(.initialize, because: .obstacle(obstacle))
  }
}
