// The state machine of one virtual router: RFC 9568 §6.4, with fast preemption (PROTOCOL.md).
//
// A value: time comes in with each event, deadlines are part of the state, and what is to be done goes out as a list of
// actions. So the daemon, the simulator and a table in a test all run the very same code.

import NetworkTypes

public struct VirtualRouter: Sendable, Hashable {
  public enum State: Sendable, Hashable {
    case initialize
    case backup(BackupState)
    case active(ActiveState)
  }

  public enum Event: Sendable, Hashable {
    /// Begin to take part.
    case startup
    /// Stop taking part, and say why.
    case shutdown(Obstacle)
    /// The time of ``VirtualRouter/nextDeadline`` has come. Harmless when it has not.
    case deadline
    /// An advertisement that passed every receive check.
    case advertisement(ReceivedAdvertisement)
    /// Trackers moved the priority that this node contends with.
    case priorityChanged(Priority)
    /// The file was read again, and neither the interface nor the node's own address is another.
    case reconfigured(VirtualRouterConfiguration)
  }

  /// What the caller must do, in the order returned. The order is the protocol's and carries guarantees:
  /// a new Active Router advertises *before* it installs the addresses, so that the old one lets go while the kernel
  /// works, and announces *after*, so that no neighbour is sent to a host that would not answer yet. One that yields
  /// removes the addresses *before* it says so to its successor, whose next announcement is then the last word.
  public enum Action: Sendable, Hashable {
    case sendAdvertisement(Advertisement, to: Recipients)
    case installAddresses([VirtualAddress])
    case removeAddresses([VirtualAddress])
    /// Gratuitous ARP, unsolicited neighbour advertisements.
    case announceAddresses([VirtualAddress])
    /// Nothing to do but to tell people. Always last.
    case transition(Transition)
  }

  public enum Recipients: Sendable, Hashable {
    /// All peers of the advertisement's family, or its group.
    case everyone
    /// One peer.
    case only(IPAddress)
  }

  public private(set) var configuration: VirtualRouterConfiguration
  public private(set) var state = State.initialize
  /// What this node contends with now: the configured priority, moved by trackers.
  public private(set) var priority: Priority
  /// The Active Router that was last heard, or nil where none was since this node took part or became Active itself.
  public private(set) var activeRouter: ActiveRouter?

  public init(configuration: VirtualRouterConfiguration) {
    self.configuration = configuration
    priority = configuration.priority
  }

  /// When ``Event/deadline`` is due; nil where nothing is waited for.
  public var nextDeadline: Instant? {
    switch state {
    case .initialize: nil
    case .backup(let backup): backup.activeDownTimer
    case .active(let active): active.nextDeadline
    }
  }

  /// Takes in one event that happened at `now`, and returns what is to be done about it, in order.
  public mutating func handle(_ event: Event, at now: Instant) -> [Action] {
    switch (state, event) {
    case (.initialize, .startup): return start(at: now)
    case (.initialize, .priorityChanged(let priority)): return adopt(priority)
    case (.initialize, .reconfigured(let new)): return adopt(new)
    case (.initialize, .shutdown), (.initialize, .deadline), (.initialize, .advertisement): return []

    case (.backup, .shutdown(let obstacle)): return leave(for: obstacle)  // FSM-3
    case (.backup(let backup), .deadline): return checkActiveDownTimer(backup, at: now)
    case (.backup(let backup), .advertisement(let received)): return backupHears(received, backup, at: now)
    case (.backup(let backup), .priorityChanged(let priority)): return adopt(priority, backup)
    case (.backup(let backup), .reconfigured(let new)): return reconfigure(to: new, backup, at: now)

    case (.active, .shutdown(let obstacle)): return relinquish(for: obstacle)  // FSM-8
    case (.active(let active), .deadline): return checkAdverTimer(active, at: now)
    case (.active(let active), .advertisement(let received)): return activeHears(received, active, at: now)
    case (.active(let active), .priorityChanged(let priority)): return contend(with: priority, active, at: now)
    case (.active(let active), .reconfigured(let new)): return reconfigure(to: new, active, at: now)

    case (.backup, .startup), (.active, .startup): return []
    }
  }
}

// MARK: - Initialize (RFC 9568 §6.4.1)

extension VirtualRouter {
  private mutating func start(at now: Instant) -> [Action] {
    activeRouter = nil
    if priority == .addressOwner { return becomeActive(because: .addressOwner, at: now) }  // FSM-1
    let backup = BackupState(
      activeDownTimer: now + activeDownInterval(configuration.interval),
      activeAdverInterval: configuration.interval, expectation: .silence)
    return become(.backup(backup), because: .startup)  // FSM-2
  }

  private mutating func adopt(_ new: Priority) -> [Action] {
    priority = new
    return []
  }

  private mutating func adopt(_ new: VirtualRouterConfiguration) -> [Action] {
    configuration = new
    return []
  }
}

// MARK: - Backup (RFC 9568 §6.4.2)

extension VirtualRouter {
  private mutating func checkActiveDownTimer(_ backup: BackupState, at now: Instant) -> [Action] {
    guard now >= backup.activeDownTimer else { return [] }
    let reason: Transition.Reason =
      switch backup.expectation {
      case .silence: activeRouter.map(Transition.Reason.silence) ?? .nobodyHeard
      case .relinquished(let predecessor): .relinquished(predecessor)
      case .preemption(let predecessor): .preemption(predecessor)
      }
    return becomeActive(because: reason, at: now)  // FSM-4
  }

  private mutating func backupHears(
    _ received: ReceivedAdvertisement, _ backup: BackupState, at now: Instant
  ) -> [Action] {
    let advertisement = received.advertisement
    let sender = ActiveRouter(
      address: primaryAddress(ofSenderOf: received), priority: advertisement.priority, heard: now)
    var next = backup
    switch advertisement.priority {
    case .relinquishing:  // FSM-5
      next.activeDownTimer = now + skewTime(backup.activeAdverInterval)
      next.expectation = .relinquished(sender)
    case .contending(let theirs) where theirs >= priority:  // FSM-6
      next.preemptionAllowed = nil
      adopt(advertisement, into: &next, at: now)
    case .contending(let theirs):
      if !mayPreempt(received.source, theirs, &next, at: now) {  // FSM-6, Preempt_Mode false
        adopt(advertisement, into: &next, at: now)
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
    _ source: IPAddress, _ theirs: Priority, _ backup: inout BackupState, at now: Instant
  ) -> Bool {
    let isUnfit = configuration.peer(at: source)?.healthyPriority.map { theirs < $0 } ?? false
    switch configuration.preemption {
    case .immediate, .rfc: return true
    case .never: return isUnfit
    case .after(let delay):
      let allowed = backup.preemptionAllowed ?? now + delay
      backup.preemptionAllowed = allowed
      return isUnfit || now >= allowed
    }
  }

  /// Whether the timer was set by another Active Router than this one. A third router that can not hear the one that we
  /// follow (a partition that is not the same for all, or one that heals) is no reason to think that ours is gone: were
  /// the timer shortened for it, we would take over from a healthy Active Router at each of its advertisements.
  private func isFollowing(anotherThan sender: ActiveRouter, _ backup: BackupState) -> Bool {
    switch backup.expectation {
    case .silence: activeRouter.map { $0.address != sender.address } ?? false
    case .relinquished, .preemption: false
    }
  }

  /// Fast preemption: the winner is the one that Active_Down_Timer would choose, only sooner, and the old Active Router
  /// keeps the addresses until the new one's first advertisement reaches it.
  private func prepareToPreempt(_ sender: ActiveRouter, _ backup: inout BackupState, at now: Instant) {
    backup.expectation = .preemption(sender)
    if configuration.preemption == .rfc { return }
    backup.activeDownTimer = min(backup.activeDownTimer, now + skewTime(backup.activeAdverInterval))
  }

  private mutating func adopt(_ new: Priority, _ backup: BackupState) -> [Action] {
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

  private mutating func reconfigure(
    to new: VirtualRouterConfiguration, _ backup: BackupState, at now: Instant
  ) -> [Action] {
    let old = configuration
    configuration = new
    guard activeRouter == nil, old.interval != new.interval else { return [] }
    // Nobody was heard: our own interval still stands in for the Active Router's.
    var next = backup
    next.activeAdverInterval = new.interval
    next.activeDownTimer = now + activeDownInterval(new.interval)
    state = .backup(next)
    return []
  }

  private mutating func leave(for obstacle: Obstacle) -> [Action] {
    activeRouter = nil
    return become(.initialize, because: .obstacle(obstacle))
  }
}

// MARK: - Active (RFC 9568 §6.4.3)

extension VirtualRouter {
  private mutating func becomeActive(because reason: Transition.Reason, at now: Instant) -> [Action] {
    let active = ActiveState(
      adverTimer: now + configuration.interval.duration, announcements: AnnouncementSchedule(announcedAt: now))
    let addresses = configuration.addresses
    let told = become(.active(active), because: reason)
    activeRouter = nil
    return advertise(.contending(priority)) + [.installAddresses(addresses), .announceAddresses(addresses)] + told
  }

  private mutating func checkAdverTimer(_ active: ActiveState, at now: Instant) -> [Action] {
    var next = active
    var actions: [Action] = []
    if now >= active.adverTimer {  // FSM-9
      // From the time it was due, so that lateness does not add up; from now, where a whole interval was missed.
      let due = active.adverTimer + configuration.interval.duration
      next.adverTimer = due > now ? due : now + configuration.interval.duration
      actions += advertise(.contending(priority))
    }
    if next.announcements.isDue(at: now) { actions.append(.announceAddresses(configuration.addresses)) }
    state = .active(next)
    return actions
  }

  private mutating func activeHears(
    _ received: ReceivedAdvertisement, _ active: ActiveState, at now: Instant
  ) -> [Action] {
    switch received.advertisement.priority {
    case .contending(let theirs) where theirs > priority || (theirs == priority && outranksUs(received)):
      return yield(to: received, at: now)  // FSM-11
    case .relinquishing:  // FSM-10
      var next = active
      next.adverTimer = now + configuration.interval.duration
      return hold(against: received, next, at: now)
    case .contending:  // FSM-12
      return hold(against: received, active, at: now)
    }
  }

  /// Whoever advertised may have told the neighbours too, so the winner's word must come last.
  private mutating func hold(
    against rival: ReceivedAdvertisement, _ active: ActiveState, at now: Instant
  ) -> [Action] {
    var next = active
    let announces = next.announcements.conflict(at: now)
    state = .active(next)
    return advertise(.contending(priority)) + (announces ? [.announceAddresses(configuration.addresses)] : [])
  }

  private mutating func yield(to winner: ReceivedAdvertisement, at now: Instant) -> [Action] {
    let successor = ActiveRouter(
      address: primaryAddress(ofSenderOf: winner), priority: winner.advertisement.priority, heard: now)
    let interval = winner.advertisement.interval
    let backup = BackupState(
      activeDownTimer: now + activeDownInterval(interval), activeAdverInterval: interval, expectation: .silence)
    let told = become(.backup(backup), because: .superseded(successor))
    activeRouter = successor
    return [.removeAddresses(configuration.addresses)] + farewell(to: winner.source) + told
  }

  /// Ours, beyond the RFC: the loser advertises once more, to the winner alone and after it has let go, which makes the
  /// winner announce again (FSM-12). Without it a loser that heard the winner first yields in silence, and neighbours
  /// that it had misled are never corrected.
  ///
  /// Not with priority 0: where the winner has meanwhile yielded to a third router, that would make it count down
  /// (FSM-5) and take the addresses from the third. A group's Backups would hear it too; so only in unicast.
  private func farewell(to winner: IPAddress) -> [Action] {
    switch configuration.transport {
    case .unicast:
      advertisements(.contending(priority)).filter { $0.addresses.first?.family == winner.family }
        .map { .sendAdvertisement($0, to: .only(winner)) }
    case .multicast: []
    }
  }

  private mutating func relinquish(for obstacle: Obstacle) -> [Action] {
    let told = become(.initialize, because: .obstacle(obstacle))
    return advertise(.relinquishing) + [.removeAddresses(configuration.addresses)] + told
  }

  /// A changed priority is advertised at once. Where Preempt_Mode would protect a holder that has become unfit, it
  /// resigns instead: it asks for a successor as a leaving router would, but goes on holding the addresses, and
  /// carries on after its own Skew_Time unless a fitter node, whose Skew_Time is shorter, has spoken first.
  private mutating func contend(with new: Priority, _ active: ActiveState, at now: Instant) -> [Action] {
    let isLower = new < priority
    priority = new
    var next = active
    let resigns = isLower && configuration.preemption.protectsLowerPriority && new < configuration.healthyPriority
    next.adverTimer = now + (resigns ? skewTime(configuration.interval) : configuration.interval.duration)
    state = .active(next)
    return advertise(resigns ? .relinquishing : .contending(new))
  }

  private mutating func reconfigure(
    to new: VirtualRouterConfiguration, _ active: ActiveState, at now: Instant
  ) -> [Action] {
    let old = configuration
    configuration = new
    let gone = old.addresses.filter { !new.addresses.contains($0) }
    let come = new.addresses.filter { !old.addresses.contains($0) }
    guard !gone.isEmpty || !come.isEmpty || old.interval != new.interval else { return [] }
    var next = active
    next.adverTimer = now + new.interval.duration
    if !come.isEmpty { next.announcements = AnnouncementSchedule(announcedAt: now) }
    state = .active(next)
    return advertise(.contending(priority))
      + (gone.isEmpty ? [] : [.removeAddresses(gone)])
      + (come.isEmpty ? [] : [.installAddresses(come), .announceAddresses(come)])
  }
}

// MARK: - What the states share

extension VirtualRouter {
  private mutating func become(_ next: State, because reason: Transition.Reason) -> [Action] {
    let transition = Transition(from: state.name, to: next.name, reason: reason)
    state = next
    return [.transition(transition)]
  }

  private func advertise(_ priority: AdvertisedPriority) -> [Action] {
    advertisements(priority).map { .sendAdvertisement($0, to: .everyone) }
  }

  private func advertisements(_ priority: AdvertisedPriority) -> [Advertisement] {
    configuration.families.map { family in
      Advertisement(
        version: configuration.version, vrid: configuration.vrid, priority: priority, interval: configuration.interval,
        addresses: family.addresses.map(\.address.address), authentication: configuration.authentication)
    }
  }
}
