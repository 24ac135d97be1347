// What one node must know to take part in one virtual router. The cluster file's reader makes these for the node
// that it runs on; nothing in here names a file, a socket or an interface index.

import NetworkTypes

/// A virtual router as this node sees it: one VRID, with addresses of one family or of both.
///
/// On the wire that is one VRRP Virtual Router for each family (RFC 9568 §1). Here the two share one election, so that
/// they can not part: what is heard in either family counts for both, and both move in one step.
public struct VirtualRouterConfiguration: Sendable, Hashable {
  public var name: String
  public var vrid: VRID
  public var version: VRRPVersion
  /// This node's priority while nothing is wrong; trackers move the effective one away from it.
  public var priority: Priority
  public var interval: AdvertisementInterval
  public var preemption: Preemption
  /// One or two, each family at most once; IPv4 first.
  public var families: [FamilyConfiguration]
  public var trackers: [TrackerWeight]
  /// RX-1's bound: 255 unless the file lowers it.
  public var minimumHopLimit: UInt8
  public var transport: Transport
  public var checksum: ChecksumPreference
  /// VRRPv2's simple password, in clear text on the wire; nil for none.
  public var password: SimplePassword?
  /// Whether the kernel removes an address that is not renewed; see ``lease``.
  public var isLeased: Bool
  /// Whether it leaves the addresses for a while to a weaker Active Router that does not hear it.
  public var givesWay: Bool
  /// Whether a node with a tracker down takes no part, though nobody be left.
  public var releasesWhenUnfit: Bool

  public init(
    name: String, vrid: VRID, version: VRRPVersion = .v3, priority: Priority,
    interval: AdvertisementInterval = .oneSecond,
    preemption: Preemption = .immediate, families: [FamilyConfiguration], trackers: [TrackerWeight] = [],
    minimumHopLimit: UInt8 = 255, transport: Transport = .unicast, checksum: ChecksumPreference = .auto,
    password: SimplePassword? = nil, isLeased: Bool = true, givesWay: Bool = true, releasesWhenUnfit: Bool = false
  ) {
    self.name = name
    self.vrid = vrid
    self.version = version
    self.priority = priority
    self.interval = interval
    self.preemption = preemption
    self.families = families
    self.trackers = trackers
    self.minimumHopLimit = minimumHopLimit
    self.transport = transport
    self.checksum = checksum
    self.password = password
    self.isLeased = isLeased
    self.givesWay = givesWay
    self.releasesWhenUnfit = releasesWhenUnfit
  }
}

extension VirtualRouterConfiguration {
  /// What this node's advertisements carry, and its peers' must.
  public var authentication: Authentication { password.map(Authentication.password) ?? .none }
}

/// One family's side of a virtual router.
public struct FamilyConfiguration: Sendable, Hashable {
  /// This node's address in the file: what tells its interface, and what its peers know it by.
  public var localAddress: IPAddress
  /// What its advertisements come from, and what breaks ties. RFC 9568 §1.7
  ///
  /// The same, but for multicast over IPv6, where it is the interface's link-local address (TX-3): the host fills that
  /// in as soon as it knows it.
  public var primaryAddress: IPAddress
  /// The interface that VRRP is spoken on; nil for the one that holds `localAddress`.
  public var interface: String?
  /// The other nodes that take part.
  public var peers: [Peer]
  /// At least one, in the file's order; for IPv6 a link-local one comes first.
  public var addresses: [VirtualAddress]

  /// - Parameter primaryAddress: nil for `localAddress`.
  public init(
    localAddress: IPAddress, primaryAddress: IPAddress? = nil, interface: String? = nil, peers: [Peer],
    addresses: [VirtualAddress]
  ) {
    self.localAddress = localAddress
    self.primaryAddress = primaryAddress ?? localAddress
    self.interface = interface
    self.peers = peers
    self.addresses = addresses
  }

  public var family: IPFamily { localAddress.family }
}

/// Another node that takes part in a virtual router.
public struct Peer: Sendable, Hashable {
  public var node: String
  public var address: IPAddress
  /// What it contends with while every tracker is up, by our file; nil where that is not known. Less than that tells
  /// that it is unfit.
  public var healthyPriority: Priority?

  public init(node: String, address: IPAddress, healthyPriority: Priority? = nil) {
    self.node = node
    self.address = address
    self.healthyPriority = healthyPriority
  }
}

/// One address that floats.
public struct VirtualAddress: Sendable, Hashable {
  public var address: InterfaceAddress
  /// The interface that carries it; nil for the one that VRRP is spoken on.
  public var interface: String?

  public init(_ address: InterfaceAddress, interface: String? = nil) {
    self.address = address
    self.interface = interface
  }
}

/// What a tracker does to the priority of the virtual router that refers to it.
public struct TrackerWeight: Sendable, Hashable, Codable {
  public var tracker: String
  /// Below zero: added (that is, subtracted) while the tracker is down. Above zero: added while it is up.
  /// Zero: while it is down this node takes no part.
  public var weight: Int

  public init(tracker: String, weight: Int) {
    self.tracker = tracker
    self.weight = weight
  }
}

/// What a Backup Router does about an Active Router of lower priority. RFC 9568 §6.1 (Preempt_Mode)
public enum Preemption: Sendable, Hashable {
  /// Take over after Skew_Time instead of the rest of Active_Down_Interval: the same winner, only sooner.
  case immediate
  /// Preempt_Mode true to the letter: ignore it, and let Active_Down_Timer run out.
  case rfc
  /// Preempt_Mode false. A holder that becomes unfit resigns, so that this never blocks a failover.
  case never
  /// As `never` until the lower one has been heard for so long, then as `immediate`.
  case after(Duration)
}

public enum Transport: Sendable, Hashable {
  /// One copy of each advertisement to every peer.
  case unicast
  /// To 224.0.0.18 and ff02::12.
  case multicast
}

/// The checksum that v3 over IPv4 is sent with; both forms are accepted. PROTOCOL: implementations disagree.
public enum ChecksumPreference: Sendable, Hashable {
  /// What the peer uses; the pseudo-header until it was heard.
  case auto
  /// RFC 9568 §5.2.8: no pseudo-header.
  case rfc9568
  /// As keepalived, FRR and most others send it.
  case pseudoHeader
}
