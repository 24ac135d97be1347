// Something that happened on a node, as `GET /v1/events` tells it while it happens.

import FoundationEssentials

/// One event. `message` says it all in one sentence; the other keys are there for programs.
public struct ControlEvent: Codable, Sendable, Hashable {
  /// The wall clock's, in RFC 3339's form and UTC: `2026-03-01T12:00:00.250Z`.
  public var time: String
  public var kind: Kind
  /// One sentence: `ingress (IPv4): backup → active: swarm1 said farewell`.
  public var message: String
  public var virtualRouter: String?
  public var family: AddressFamily?
  /// Of a transition: the state that was left.
  public var from: VirtualRouterState?
  /// Of a transition: the state that was entered.
  public var to: VirtualRouterState?
  public var tracker: String?
  /// Of a tracker's change.
  public var up: Bool?

  /// - Parameter time: When it happened; the wall clock's now where left out.
  public init(
    time: String = ControlEvent.wallClockNow(), kind: Kind, message: String, virtualRouter: String? = nil,
    family: AddressFamily? = nil, from: VirtualRouterState? = nil, to: VirtualRouterState? = nil,
    tracker: String? = nil, up: Bool? = nil
  ) {
    self.time = time
    self.kind = kind
    self.message = message
    self.virtualRouter = virtualRouter
    self.family = family
    self.from = from
    self.to = to
    self.tracker = tracker
    self.up = up
  }

  /// What sort of event. Open, since a newer daemon may know sorts that an older vipctl has never heard of.
  public struct Kind: RawRepresentable, Codable, Sendable, Hashable {
    public var rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// A virtual router changed its state.
    public static let transition = Kind(rawValue: "transition")
    /// A tracker went up or down.
    public static let tracker = Kind(rawValue: "tracker")
    /// A configuration was put in force, or refused.
    public static let configuration = Kind(rawValue: "configuration")
    /// An address could not be added, another tool removed it, or another host claims it.
    public static let address = Kind(rawValue: "address")
    /// A link went up or down, an interface came or left.
    public static let link = Kind(rawValue: "link")
    /// A peer was heard for the first time, fell silent, or disagrees with this node's configuration.
    public static let peer = Kind(rawValue: "peer")
    /// A program that the file has told of transitions (`notify`) failed.
    public static let hook = Kind(rawValue: "hook")
    /// The daemon has started, or is about to stop.
    public static let daemon = Kind(rawValue: "daemon")
  }

  enum CodingKeys: String, CodingKey {
    case time, kind, message, family, from, to, tracker, up
    case virtualRouter = "virtual_router"
  }

  /// The wall clock as `time` holds it, to the millisecond.
  public static func wallClockNow() -> String {
    Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}

/// What `GET /v1/history` answers.
public struct TransitionRecord: Codable, Sendable, Hashable {
  /// The oldest first.
  public var transitions: [ControlEvent]

  public init(transitions: [ControlEvent]) { self.transitions = transitions }
}
