// The state machine of one virtual router: RFC 9568 §6.4, with fast preemption (PROTOCOL.md).
//
// A value: time comes in with each event, deadlines are part of the state, and what is to be done goes out as a list of
// actions. So the daemon, the simulator and a table in a test all run the very same code.

import NetworkTypes

public struct VirtualRouter: Sendable, Hashable {
  public enum State: Sendable, Hashable, Codable {
    case initialize
    case backup(BackupState)
    case active(ActiveState)
  }

  public enum Event: Sendable, Hashable {
    /// Begin to take part.
    case startup
    /// Begin to take part as the holder: the addresses are still here from before, and nobody can have taken over
    /// (``VirtualRouterConfiguration/mayResume(after:)``).
    case resume
    /// Stop taking part, and say why.
    case shutdown(Obstacle)
    /// The time of ``VirtualRouter/nextDeadline`` has come. Harmless when it has not.
    case deadline
    /// An advertisement that passed every receive check.
    case advertisement(ReceivedAdvertisement)
    /// Another host has told the neighbours that our addresses are its own.
    case contested
    /// The driver is about to be away for a moment: what is held is affirmed now, and next an interval later.
    case affirm
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
    /// Have the kernel keep them for another while.
    case renewAddresses([VirtualAddress])
    case removeAddresses([VirtualAddress])
    /// The same, after a successor was heard that holds them: connections that have begun may be served to their end.
    case retireAddresses([VirtualAddress])
    /// Have the router at this address, which still serves, get what belongs to its connections, as far as that can be
    /// done. Always before the addresses are installed.
    case forwardConnections([VirtualAddress], to: IPAddress)
    /// Gratuitous ARP, unsolicited neighbour advertisements.
    case announceAddresses([VirtualAddress])
    /// The same in the name of the router at this address, which does not know that neighbours take us for the holder.
    case commendAddresses([VirtualAddress], at: IPAddress)
    /// Nothing to do but to tell people. Always last.
    case transition(Transition)
  }

  public enum Recipients: Sendable, Hashable {
    /// All peers of the advertisement's family, or its group.
    case everyone
    /// One peer.
    case only(IPAddress)
  }

  public internal(set) var configuration: VirtualRouterConfiguration
  public internal(set) var state = State.initialize
  /// What this node contends with now: the configured priority, moved by trackers.
  public internal(set) var priority: Priority
  /// The Active Router that was last heard, or nil where none was since this node took part or became Active itself.
  public internal(set) var activeRouter: ActiveRouter?
  /// The last rival that was given way to, since this node took part.
  public internal(set) var deference: Deference?

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
    fence(at: now) + react(to: event, at: now)
  }

  private mutating func react(to event: Event, at now: Instant) -> [Action] {
    switch (state, event) {
    case (.initialize, .startup): return start(at: now)
    case (.initialize, .resume): return becomeActive(because: .resumption, at: now)
    case (.initialize, .priorityChanged(let priority)): return adopt(priority)
    case (.initialize, .reconfigured(let new)): return adopt(new)
    case (.initialize, .shutdown), (.initialize, .deadline), (.initialize, .advertisement), (.initialize, .contested),
      (.initialize, .affirm):
      return []

    case (.backup, .shutdown(let obstacle)): return leave(for: obstacle)  // FSM-3
    case (.backup(let backup), .deadline): return checkActiveDownTimer(backup, at: now)
    case (.backup(let backup), .advertisement(let received)): return backupHears(received, backup, at: now)
    case (.backup(let backup), .priorityChanged(let priority)): return adopt(priority, backup)
    case (.backup(let backup), .reconfigured(let new)): return reconfigure(to: new, backup, at: now)

    case (.active(let active), .shutdown(let obstacle)): return shutDown(for: obstacle, active, at: now)  // FSM-8
    case (.active(let active), .deadline): return checkTimers(active, at: now)
    case (.active(let active), .advertisement(let received)): return activeHears(received, active, at: now)
    case (.active(let active), .priorityChanged(let priority)): return contend(with: priority, active, at: now)
    case (.active(let active), .reconfigured(let new)): return reconfigure(to: new, active, at: now)
    case (.active(let active), .startup): return stay(active, at: now)
    case (.active(let active), .contested): return insist(active, at: now)
    case (.active(let active), .affirm): return advertiseEarly(active, at: now)

    case (.backup, .startup), (.backup, .resume), (.backup, .contested), (.backup, .affirm), (.active, .resume):
      return []
    }
  }
}

// MARK: - Initialize (RFC 9568 §6.4.1)

extension VirtualRouter {
  private mutating func start(at now: Instant) -> [Action] {
    activeRouter = nil
    deference = nil
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

// MARK: - What the states share

extension VirtualRouter {
  mutating func become(_ next: State, because reason: Transition.Reason) -> [Action] {
    let transition = Transition(from: state.name, to: next.name, reason: reason)
    state = next
    return [.transition(transition)]
  }

  func advertise(_ priority: AdvertisedPriority) -> [Action] {
    advertisements(priority).map { .sendAdvertisement($0, to: .everyone) }
  }

  func advertisements(_ priority: AdvertisedPriority) -> [Advertisement] {
    configuration.families.map { family in
      Advertisement(
        version: configuration.version, vrid: configuration.vrid, priority: priority, interval: configuration.interval,
        addresses: family.addresses.map(\.address.address), authentication: configuration.authentication)
    }
  }
}
