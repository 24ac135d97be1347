// What a node watches on itself, and whom it hears.

public struct TrackerStatus: Codable, Sendable, Hashable {
  public var name: String
  /// The kind key of the cluster file: `process`, `script`, …
  public var kind: String
  public var up: Bool
  /// Nil (null in JSON) where virtual routers give it different weights.
  @ExplicitNull public var weight: Int?
  /// Up, or down.
  @Seconds public var since: Duration
  /// One line: `pid 812`, `exit status 1`, `no answer within 500 ms`.
  public var detail: String

  /// No result has come yet; what `up` says is an assumption.
  public var pending: Bool?
  /// How long the last check took.
  @OptionalSeconds public var duration: Duration?
  /// The beginning of what the last check printed.
  public var output: String?
  /// How many results in a row were like the last one.
  public var streak: Int?
  /// How many checks there have been.
  public var checks: Int?
  /// How many of them had no answer in time.
  public var timeouts: Int?

  public init(
    name: String, kind: String, up: Bool, weight: Int?, since: Duration, detail: String, pending: Bool? = nil,
    duration: Duration? = nil, output: String? = nil, streak: Int? = nil, checks: Int? = nil, timeouts: Int? = nil
  ) {
    self.name = name
    self.kind = kind
    self.up = up
    self.weight = weight
    self.since = since
    self.detail = detail
    self.pending = pending
    self.duration = duration
    self.output = output
    self.streak = streak
    self.checks = checks
    self.timeouts = timeouts
  }

  enum CodingKeys: String, CodingKey {
    case name, kind, up, weight, detail, pending, output, streak, checks, timeouts
    case since = "since_seconds"
    case duration = "duration_seconds"
  }
}

public struct PeerStatus: Codable, Sendable, Hashable {
  public var node: String
  public var address: String
  /// Since its last advertisement; nil (null in JSON) where none was ever heard. A Backup Router is silent by nature.
  @OptionalSeconds public var lastHeard: Duration?

  /// Which checksum it sends VRRPv3 over IPv4 with: `rfc9568` or `pseudo_header`.
  public var checksum: String?
  /// What it advertised last; 0 is its farewell.
  public var priority: Int?
  public var advertisementsReceived: Int?
  /// What it speaks: 2 or 3.
  public var protocolVersion: Int?
  /// What it says that its interval is.
  @OptionalSeconds public var interval: Duration?
  /// The TTL or hop limit that its packets arrive with; 255 as it should be.
  public var hopLimit: Int?
  /// In what it is configured otherwise than this node, or why it is not heard; a sentence each.
  public var disagreements: [String]?

  public init(
    node: String, address: String, lastHeard: Duration?, checksum: String? = nil, priority: Int? = nil,
    advertisementsReceived: Int? = nil, protocolVersion: Int? = nil, interval: Duration? = nil, hopLimit: Int? = nil,
    disagreements: [String]? = nil
  ) {
    self.node = node
    self.address = address
    self.lastHeard = lastHeard
    self.checksum = checksum
    self.priority = priority
    self.advertisementsReceived = advertisementsReceived
    self.protocolVersion = protocolVersion
    self.interval = interval
    self.hopLimit = hopLimit
    self.disagreements = disagreements
  }

  enum CodingKeys: String, CodingKey {
    case node, address, checksum, priority, disagreements
    case lastHeard = "last_heard_seconds"
    case advertisementsReceived = "advertisements_received"
    case protocolVersion = "protocol_version"
    case interval = "interval_seconds"
    case hopLimit = "hop_limit"
  }
}

/// A router that speaks in a group that this node listens to, and is in no file.
public struct UnknownSenderStatus: Codable, Sendable, Hashable {
  public var address: String
  @Seconds public var lastHeard: Duration
  /// The virtual routers of ours that it takes part in.
  public var vrids: [Int]
  /// What it advertised last; 0 is its farewell.
  public var priority: Int
  /// Which checksum it sends VRRPv3 over IPv4 with: `rfc9568` or `pseudo_header`.
  public var checksum: String?
  public var advertisementsReceived: Int

  public init(
    address: String, lastHeard: Duration, vrids: [Int], priority: Int, checksum: String?, advertisementsReceived: Int
  ) {
    self.address = address
    self.lastHeard = lastHeard
    self.vrids = vrids
    self.priority = priority
    self.checksum = checksum
    self.advertisementsReceived = advertisementsReceived
  }

  enum CodingKeys: String, CodingKey {
    case address, vrids, priority, checksum
    case lastHeard = "last_heard_seconds"
    case advertisementsReceived = "advertisements_received"
  }
}
