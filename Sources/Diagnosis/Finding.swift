// What an examination came to: what was seen, why it matters, and the command that mends it. A finding without a remedy is
// a riddle, so each has one.

/// One thing that is wrong, or worth knowing.
public struct Finding: Codable, Sendable, Hashable {
  /// What kind of finding this is: for scripts.
  public var kind: Kind
  public var severity: Severity
  /// What it is about: an interface, a node, a virtual router, a setting.
  public var subject: String
  /// What was seen.
  public var seen: String
  /// Why it matters.
  public var why: String
  /// Shell commands that mend it, in this order. They are for this host, unless `on` says for which.
  public var mend: [String]
  /// The node that the commands are for; nil for this one.
  public var on: String?

  public init(
    _ kind: Kind, _ severity: Severity, _ subject: String, seen: String, why: String, mend: [String],
    on node: String? = nil
  ) {
    self.kind = kind
    self.severity = severity
    self.subject = subject
    self.seen = seen
    self.why = why
    self.mend = mend
    self.on = node
  }

  public enum Severity: String, Codable, Sendable, Hashable, CaseIterable, Comparable {
    /// Good to know; all works.
    case note
    /// It will fail when something else happens.
    case warning
    /// It does not work.
    case error

    public static func < (one: Severity, other: Severity) -> Bool { one.rank < other.rank }

    private var rank: Int {
      switch self {
      case .note: 0
      case .warning: 1
      case .error: 2
      }
    }
  }

  public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
    case clusterFile = "cluster_file"
    case interface
    case capabilities
    case nonlocalBind = "ip_nonlocal_bind"
    case reversePathFilter = "rp_filter"
    case arpIgnore = "arp_ignore"
    case promoteSecondaries = "promote_secondaries"
    case firewall
    case networkManager = "network_manager"
    case foreignVRID = "foreign_vrid"
    case peerUnreachable = "peer_unreachable"
    case peerSilent = "peer_silent"
    case peerUnreadable = "peer_unreadable"
    case peerVersion = "peer_version"
    case peerInterval = "peer_interval"
    case peerAddresses = "peer_addresses"
    case peerChecksum = "peer_checksum"
    case oneWay = "one_way"
    case twoHolders = "two_holders"
    case addressInUse = "address_in_use"
    case keepalived
    case filesDiffer = "files_differ"
    case notReloaded = "not_reloaded"
    case rival
    case clock
    case tracker
    case daemon
    /// Something could not be looked at.
    case notExamined = "not_examined"
  }
}

extension [Finding] {
  /// What an examination's program exits with: 0 where nothing has to be mended, 2 where something may fail, 3 where
  /// something does not work.
  public var exitCode: Int32 {
    switch map(\.severity).max() {
    case nil, .note?: 0
    case .warning?: 2
    case .error?: 3
    }
  }
}
