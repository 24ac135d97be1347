// One virtual router in one family, as this node sees it.

/// A way between two Active Routers on which one does not hear the other.
public struct DeafLink: Codable, Sendable, Hashable {
  /// Who is not heard.
  public var from: String
  /// Who does not hear.
  public var to: String

  public init(from: String, to: String) {
    self.from = from
    self.to = to
  }
}

/// RFC 9568 §6.4's states.
public enum VirtualRouterState: String, Codable, Sendable, Hashable, CaseIterable {
  case initialize
  case backup
  case active
}

public enum AddressFamily: String, Codable, Sendable, Hashable, CaseIterable {
  case ipv4
  case ipv6
}

public struct VirtualRouterStatus: Codable, Sendable, Hashable {
  public var name: String
  public var family: AddressFamily
  public var vrid: Int
  /// The one that VRRP is spoken on; nil (null in JSON) while no interface holds this node's address.
  @ExplicitNull public var interface: String?
  public var state: VirtualRouterState
  /// In this state.
  @Seconds public var since: Duration
  /// As configured.
  public var priority: Int
  /// After the trackers' adjustments; what is advertised.
  public var effectivePriority: Int
  /// One sentence: why this node is, or is not, Active.
  public var reason: String
  /// Who holds the addresses, as far as this node knows; nil (null in JSON) where it knows of nobody.
  @ExplicitNull public var activeRouter: ActiveRouter?
  public var addresses: [VirtualAddressStatus]
  /// Changes of state since the daemon started.
  public var transitions: Int
  public var advertisementsSent: Int
  public var advertisementsReceived: Int
  /// Packets that changed nothing, by the reason that PROTOCOL's receive checks give.
  public var discarded: [String: Int]

  /// What makes `effectivePriority` differ from `priority`.
  public var adjustments: [PriorityAdjustment]?
  /// Advertisement_Interval.
  @OptionalSeconds public var interval: Duration?
  /// What is said on the wire: 2 or 3.
  public var protocolVersion: Int?
  /// Gratuitous ARPs, or unsolicited neighbour advertisements, sent.
  public var announcementsSent: Int?
  /// How often another tool took addresses away from this node while it held them.
  public var addressesLost: Int?
  /// How often another router was Active beside this node, which remained so.
  public var conflicts: Int?
  /// Ways on which advertisements are lost, as far as this node can tell.
  public var deafLinks: [DeafLink]?

  public init(
    name: String, family: AddressFamily, vrid: Int, interface: String?, state: VirtualRouterState, since: Duration,
    priority: Int, effectivePriority: Int, reason: String, activeRouter: ActiveRouter?,
    addresses: [VirtualAddressStatus], transitions: Int, advertisementsSent: Int, advertisementsReceived: Int,
    discarded: [String: Int], adjustments: [PriorityAdjustment]? = nil, interval: Duration? = nil,
    protocolVersion: Int? = nil, announcementsSent: Int? = nil, addressesLost: Int? = nil, conflicts: Int? = nil,
    deafLinks: [DeafLink]? = nil
  ) {
    self.name = name
    self.family = family
    self.vrid = vrid
    self.interface = interface
    self.state = state
    self.since = since
    self.priority = priority
    self.effectivePriority = effectivePriority
    self.reason = reason
    self.activeRouter = activeRouter
    self.addresses = addresses
    self.transitions = transitions
    self.advertisementsSent = advertisementsSent
    self.advertisementsReceived = advertisementsReceived
    self.discarded = discarded
    self.adjustments = adjustments
    self.interval = interval
    self.protocolVersion = protocolVersion
    self.announcementsSent = announcementsSent
    self.addressesLost = addressesLost
    self.conflicts = conflicts
    self.deafLinks = deafLinks
  }

  enum CodingKeys: String, CodingKey {
    case name, family, vrid, interface, state, priority, reason, addresses, transitions, discarded, adjustments,
      conflicts
    case deafLinks = "deaf_links"
    case since = "since_seconds"
    case effectivePriority = "effective_priority"
    case activeRouter = "active_router"
    case advertisementsSent = "advertisements_sent"
    case advertisementsReceived = "advertisements_received"
    case interval = "interval_seconds"
    case protocolVersion = "protocol_version"
    case announcementsSent = "announcements_sent"
    case addressesLost = "addresses_lost"
  }
}

/// The Active Router of a virtual router.
public struct ActiveRouter: Codable, Sendable, Hashable {
  /// Nil (null in JSON) where no configured node has this address, which only multicast allows.
  @ExplicitNull public var node: String?
  /// Its primary address, from which it advertises.
  public var address: String
  public var priority: Int

  public init(node: String?, address: String, priority: Int) {
    self.node = node
    self.address = address
    self.priority = priority
  }
}

public struct VirtualAddressStatus: Codable, Sendable, Hashable {
  /// With its prefix length: `10.0.10.39/24`.
  public var address: String
  /// Whether this host's kernel holds it now.
  public var installed: Bool
  /// The one that carries it, which need not be the one that VRRP is spoken on.
  public var interface: String?
  /// What is wrong with it: cannot be added, removed by another tool again and again.
  public var problem: String?

  public init(address: String, installed: Bool, interface: String? = nil, problem: String? = nil) {
    self.address = address
    self.installed = installed
    self.interface = interface
    self.problem = problem
  }
}

/// What one tracker does to a priority at the moment.
public struct PriorityAdjustment: Codable, Sendable, Hashable {
  public var tracker: String
  /// Signed: −120 for a failed tracker of weight −120.
  public var amount: Int

  public init(tracker: String, amount: Int) {
    self.tracker = tracker
    self.amount = amount
  }
}
