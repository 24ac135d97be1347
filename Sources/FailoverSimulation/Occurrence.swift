// What can be seen of a run, in order: for checkers, transcripts and plans. None of them looks into the simulator.

import NetworkTypes
import VRRP
import VRRPWire

/// All that happened at one moment because of one cause.
public struct Step: Sendable, Hashable {
  public var time: Instant
  public var occurrences: [Occurrence]

  public init(time: Instant, occurrences: [Occurrence]) {
    self.time = time
    self.occurrences = occurrences
  }
}

public enum Occurrence: Sendable, Hashable {
  case incident(Incident)
  /// vipd on this node learned of something other than an advertisement, and acts on it.
  case noticed(String, Notice)
  case sent(Sending)
  /// A datagram that VRRPWire could not read.
  case unreadable(String, DiscardedMessage)
  case discarded(String, DiscardReason, VRID)
  case transition(String, VRID, Transition)
  case installed(String, VRID, [VirtualAddress])
  case removed(String, VRID, [VirtualAddress])
  /// The kernel removed addresses by itself, whose lease has ended.
  case expired(String, VRID, [VirtualAddress])
  case announced(Announcement)
  /// A client's neighbour table changed: the address is at this node.
  case learned(client: String, IPAddress, at: String)
  /// The router asked again and again for a deadline that is past; it gets no more until something else happens to it.
  case spinning(String)

  public enum Notice: Sendable, Hashable {
    /// With what the file says by now.
    case started([VirtualRouterConfiguration])
    case stopped
    case tracker(String, isUp: Bool)
    case link(isUp: Bool)
    case reloaded([VirtualRouterConfiguration])
    /// Nil for the end of it.
    case drained(isForced: Bool?)
  }
}

extension Occurrence {
  /// Whether it comes from outside, and so explains that something moves.
  var isDisturbance: Bool {
    switch self {
    case .incident(.upgrade): false
    case .incident, .noticed: true
    case .sent, .unreadable, .discarded, .transition, .installed, .removed, .expired, .announced, .learned, .spinning:
      false
    }
  }

  var isTransition: Bool {
    if case .transition = self { true } else { false }
  }
}

/// One copy of an advertisement on its way to one host.
public struct Sending: Sendable, Hashable {
  public var sender: String
  public var receiver: String
  public var advertisement: Advertisement
  public var family: IPFamily
  public var passage: Passage
  /// Sent because Adver_Timer fired, and not because anything changed.
  public var isRoutine: Bool
}

/// A gratuitous ARP or an unsolicited neighbour advertisement.
public struct Announcement: Sendable, Hashable {
  public var node: String
  /// Where the address is said to be: at the same node, unless it speaks for another.
  public var holder: String
  public var vrid: VRID
  public var address: IPAddress
  /// For each client, in the cluster's order, what became of the frame.
  public var passages: [Passage]
}
