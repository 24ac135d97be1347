// What a running vipd says of itself: the object that `GET /v1/status` answers and `vipctl status --json` prints.
//
// The keys that DESIGN.md promises are decoded as required. Everything else is optional on the way in, so that a vipctl
// of one version understands a daemon of another: keys it does not know are passed over, keys that it misses are nil.

/// One node's view of its cluster at one moment.
public struct NodeStatus: Codable, Sendable, Hashable {
  public var cluster: String
  public var node: String
  /// The daemon's version.
  public var version: String
  /// Since the daemon started.
  @Seconds public var uptime: Duration
  /// One for each virtual router and family, in the cluster file's order.
  public var virtualRouters: [VirtualRouterStatus]
  public var trackers: [TrackerStatus]
  public var peers: [PeerStatus]

  /// Whether this node could serve now, and what speaks against it; what `GET /healthz` answers.
  public var health: NodeHealth?
  public var configuration: ConfigurationStatus?
  /// How well the VRRP thread keeps its deadlines.
  public var loop: LoopStatus?
  public var pid: Int?
  /// VRRP packets that were none of this node's business.
  public var strays: StrayStatus?
  /// Other hosts that say to have this node's address.
  public var rivals: [RivalStatus]?
  /// Routers that take part in multicast and are in no file.
  public var unknownSenders: [UnknownSenderStatus]?
  /// While an admin has the node stay away.
  public var drain: DrainStatus?
  /// How many times the running process has replaced its program.
  public var upgrades: Int?
  /// Whether somebody sets the host's clock.
  public var clock: ClockStatus?

  public init(
    cluster: String, node: String, version: String, uptime: Duration, virtualRouters: [VirtualRouterStatus],
    trackers: [TrackerStatus], peers: [PeerStatus], health: NodeHealth? = nil,
    configuration: ConfigurationStatus? = nil, loop: LoopStatus? = nil, pid: Int? = nil,
    strays: StrayStatus? = nil, rivals: [RivalStatus]? = nil, unknownSenders: [UnknownSenderStatus]? = nil,
    drain: DrainStatus? = nil, upgrades: Int? = nil, clock: ClockStatus? = nil
  ) {
    self.cluster = cluster
    self.node = node
    self.version = version
    self.uptime = uptime
    self.virtualRouters = virtualRouters
    self.trackers = trackers
    self.peers = peers
    self.health = health
    self.configuration = configuration
    self.loop = loop
    self.pid = pid
    self.strays = strays
    self.rivals = rivals
    self.unknownSenders = unknownSenders
    self.drain = drain
    self.upgrades = upgrades
    self.clock = clock
  }

  enum CodingKeys: String, CodingKey {
    case cluster, node, version, trackers, peers, health, configuration, loop, pid, strays, rivals, drain, upgrades,
      clock
    case uptime = "uptime_seconds"
    case virtualRouters = "virtual_routers"
    case unknownSenders = "unknown_senders"
  }
}

/// Whether a node is fit to hold its addresses.
public struct NodeHealth: Codable, Sendable, Hashable {
  public var fit: Bool
  /// One sentence for each thing that is wrong; a fit node may have some too.
  public var problems: [String]

  public init(fit: Bool, problems: [String] = []) {
    self.fit = fit
    self.problems = problems
  }
}

/// The cluster file that is in force.
public struct ConfigurationStatus: Codable, Sendable, Hashable {
  public var file: String
  /// Tells two nodes' files apart: equal text gives equal digests.
  public var digest: String
  /// Since it was put in force.
  @Seconds public var loaded: Duration
  /// Why the last reload was refused; nil where the last one was put in force.
  public var refused: String?

  public init(file: String, digest: String, loaded: Duration, refused: String? = nil) {
    self.file = file
    self.digest = digest
    self.loaded = loaded
    self.refused = refused
  }

  enum CodingKeys: String, CodingKey {
    case file, digest, refused
    case loaded = "loaded_seconds"
  }
}

/// The VRRP thread's punctuality: what it was late by when a deadline had come.
public struct LoopStatus: Codable, Sendable, Hashable {
  /// Deadlines met since the daemon started.
  public var deadlines: Int
  @Seconds public var latenessMaximum: Duration
  /// Of the most recent deadline.
  @Seconds public var latenessLast: Duration
  /// Of all together, in seconds; to the microsecond, unlike other times.
  public var latenessSum: Double?
  /// How many deadlines were met within a time, the shortest first; each counts those before it too.
  public var lateness: [LatenessBucket]?

  public init(
    deadlines: Int, latenessMaximum: Duration, latenessLast: Duration, latenessSum: Double? = nil,
    lateness: [LatenessBucket]? = nil
  ) {
    self.deadlines = deadlines
    self.latenessMaximum = latenessMaximum
    self.latenessLast = latenessLast
    self.latenessSum = latenessSum
    self.lateness = lateness
  }

  enum CodingKeys: String, CodingKey {
    case deadlines
    case latenessMaximum = "lateness_max_seconds"
    case latenessLast = "lateness_last_seconds"
    case latenessSum = "lateness_sum_seconds"
    case lateness
  }
}

/// So many deadlines were met within this time.
public struct LatenessBucket: Codable, Sendable, Hashable {
  /// In seconds; to the microsecond.
  public var within: Double
  public var deadlines: Int

  public init(within: Double, deadlines: Int) {
    self.within = within
    self.deadlines = deadlines
  }

  enum CodingKeys: String, CodingKey {
    case within = "within_seconds"
    case deadlines
  }
}

/// What became of the host's clock since the daemon started.
public struct ClockStatus: Codable, Sendable, Hashable {
  /// How often it was set, by half a second or more.
  public var steps: Int
  /// How far the last time; negative where it was set back.
  @OptionalSeconds public var lastStep: Duration?
  @OptionalSeconds public var sinceLastStep: Duration?

  public init(steps: Int, lastStep: Duration? = nil, sinceLastStep: Duration? = nil) {
    self.steps = steps
    self.lastStep = lastStep
    self.sinceLastStep = sinceLastStep
  }

  enum CodingKeys: String, CodingKey {
    case steps
    case lastStep = "last_step_seconds"
    case sinceLastStep = "since_last_step_seconds"
  }
}

/// A drain in force.
public struct DrainStatus: Codable, Sendable, Hashable {
  /// Whether the node lets go even where no other node takes over.
  public var forced: Bool
  /// Until it comes back by itself; nil where it waits for `vipctl resume`.
  @OptionalSeconds public var remaining: Duration?

  public init(forced: Bool, remaining: Duration?) {
    self.forced = forced
    self.remaining = remaining
  }

  enum CodingKeys: String, CodingKey {
    case forced
    case remaining = "remaining_seconds"
  }
}

extension NodeStatus {
  /// The daemon's own judgement; where it gave none, what its status lets one conclude.
  public var assessedHealth: NodeHealth {
    if let health { return health }
    var problems: [String] = []
    for router in virtualRouters {
      if router.state == .initialize {
        problems.append("\(router.name) (\(router.family.rawValue)) takes no part: \(router.reason)")
      }
      for address in router.addresses where router.state == .active && !address.installed {
        problems.append("\(router.name): \(address.address) is not installed")
      }
    }
    for tracker in trackers where !tracker.up { problems.append("\(tracker.name) is down: \(tracker.detail)") }
    return NodeHealth(fit: problems.isEmpty, problems: problems)
  }
}

/// Packets of VRRP's protocol number that belong to no virtual router of this node.
public struct StrayStatus: Codable, Sendable, Hashable {
  /// Those that were looked at, by the reason for which they were discarded.
  public var discarded: [String: Int]
  /// Those that nobody looked at, since there were too many of them: most were kept away by the kernel's filter.
  public var unexamined: Int
  /// ARP and neighbour advertisements that seemed to claim this node's address and were not right, by their flaw.
  public var flawedClaims: [String: Int]?

  public init(discarded: [String: Int], unexamined: Int, flawedClaims: [String: Int]? = nil) {
    self.discarded = discarded
    self.unexamined = unexamined
    self.flawedClaims = flawedClaims
  }

  enum CodingKeys: String, CodingKey {
    case discarded, unexamined
    case flawedClaims = "flawed_claims"
  }
}
