// Why a virtual router changed its state, as values. Words for people are made of these elsewhere, where node names
// are known.

public struct Transition: Sendable, Hashable, Codable {
  public var from: StateName
  public var to: StateName
  public var reason: Reason

  public init(from: StateName, to: StateName, reason: Reason) {
    self.from = from
    self.to = to
    self.reason = reason
  }

  public enum Reason: Sendable, Hashable, Codable {
    /// Takes part from now on.
    case startup
    /// Priority 255: the addresses are this node's own.
    case addressOwner
    /// Active_Down_Timer ran out, and no Active Router was ever heard.
    case nobodyHeard
    /// Active_Down_Timer ran out after this Active Router's last advertisement.
    case silence(ActiveRouter)
    /// This Active Router sent priority 0.
    case relinquished(ActiveRouter)
    /// This Active Router's priority was below ours.
    case preemption(ActiveRouter)
    /// Another Active Router has the better claim.
    case superseded(ActiveRouter)
    /// This Active Router, weaker than ours, goes on as if it did not hear us: given way to for so long.
    case unheard(ActiveRouter, for: Duration)
    /// Something keeps this node from taking part.
    case obstacle(Obstacle)
    /// Held the addresses, and was then away for so long (frozen, paused, starved) that it may have been given up.
    case absence(Duration)
    /// Held the addresses before it was ended and begun anew, so shortly that nobody can have taken over.
    case resumption
  }
}

extension Transition.Reason {
  /// Whom a new Active Router succeeds who is still there and serves; nil where there is nobody.
  var predecessor: ActiveRouter? {
    switch self {
    case .relinquished(let router), .preemption(let router): router
    case .startup, .addressOwner, .nobodyHeard, .silence, .superseded, .unheard, .obstacle, .absence, .resumption: nil
    }
  }
}

/// The names of the states, in the RFC's words.
public enum StateName: String, Sendable, Hashable, Codable, CaseIterable {
  case initialize
  case backup
  case active
}

extension VirtualRouter.State {
  public var name: StateName {
    switch self {
    case .initialize: .initialize
    case .backup: .backup
    case .active: .active
    }
  }
}

/// What keeps a node from taking part in a virtual router.
public enum Obstacle: Sendable, Hashable, Codable {
  /// The daemon has not begun, or stops.
  case stopped
  /// An admin has this node stay away. Unless it is forced, a holder remains until another node takes over.
  case drained(isForced: Bool)
  /// The file no longer names this virtual router, or changed what it stands on.
  case reconfigured
  case interfaceMissing(String)
  case interfaceDown(String)
  /// The interface was removed and made again, or the address moved to another one; this names the new one.
  case interfaceReplaced(String)
  /// No interface holds the node's own address.
  case addressNotHeld(String)
  /// The interface that the file names does not hold the node's own address.
  case addressNotOn(interface: String, String)
  /// The interface has no usable link-local address, from which multicast over IPv6 is sent (TX-3).
  case linkLocalMissing(String)
  /// The group that VRRP is spoken to could not be joined; the kernel's words.
  case deaf(String)
  /// The kernel refused a virtual address; its words.
  case addressesRefused(String)
  /// A tracker of weight 0 is down.
  case trackerDown(String)
  /// A tracker is down, and the file has an unfit node hold nothing even where no fitter one is left.
  case unfit(String)
  /// A tracker of weight 0 was not checked yet.
  case trackerUnchecked(String)
}
