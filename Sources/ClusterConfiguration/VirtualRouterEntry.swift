// A virtual router as the cluster file describes it: for all nodes at once. What one node needs to know of it is a
// `VirtualRouterConfiguration`; `virtualRouters(for:)` makes that.

import NetworkTypes
import VRRP

extension ClusterConfiguration {
  /// Addresses that float together, and the nodes that may hold them.
  public struct VirtualRouter: Sendable, Hashable {
    public var name: VirtualRouterName
    public var vrid: VRID
    /// At least one, in the file's order but a link-local one before the other IPv6 ones: the file's own, or one
    /// derived from the VRID. RFC 9568 §5.2.9
    public var addresses: [VirtualAddress]
    public var interval: AdvertisementInterval
    /// The nodes that take part, in order of preference, with the priority that each has here. At least one.
    public var members: [Member]
    /// With the weight that each has here, in the file's order; a weight that the file leaves out is computed.
    public var trackers: [TrackedBy]
    /// The interface that VRRP is spoken on; nil for the one that holds the node's address.
    public var interface: String?
    public var preemption: Preemption
    public var version: VRRPVersion
    /// VRRPv2's simple password, in clear text on the wire.
    public var password: Password?
    public var transport: Transport
    public var checksum: ChecksumPreference
    /// RX-1's bound: 1–255.
    public var minimumHopLimit: UInt8
    /// Whether addresses are installed with a lifetime that the kernel enforces.
    public var lease: Lease
    /// What the holder does when it hears a node that does not hear it.
    public var oneWay: OneWayPolicy
    /// What happens while no node is fit.
    public var whenAllFail: AllFailedPolicy
    /// Programs to run on transitions: each an absolute path and its arguments.
    public var notify: [[String]]

    public init(
      name: VirtualRouterName, vrid: VRID, addresses: [VirtualAddress], interval: AdvertisementInterval = .oneSecond,
      members: [Member], trackers: [TrackedBy] = [], interface: String? = nil, preemption: Preemption = .immediate,
      version: VRRPVersion = .v3, password: Password? = nil, transport: Transport = .unicast,
      checksum: ChecksumPreference = .auto, minimumHopLimit: UInt8 = 255, lease: Lease = .on,
      oneWay: OneWayPolicy = .yield, whenAllFail: AllFailedPolicy = .keep, notify: [[String]] = []
    ) {
      self.name = name
      self.vrid = vrid
      self.addresses = addresses
      self.interval = interval
      self.members = members
      self.trackers = trackers
      self.interface = interface
      self.preemption = preemption
      self.version = version
      self.password = password
      self.transport = transport
      self.checksum = checksum
      self.minimumHopLimit = minimumHopLimit
      self.lease = lease
      self.oneWay = oneWay
      self.whenAllFail = whenAllFail
      self.notify = notify
    }

    /// The families of its addresses: one or two, IPv4 first.
    public var families: [IPFamily] {
      IPFamily.allCases.filter { family in addresses.contains { $0.address.family == family } }
    }
  }

  /// Where a password stands: in the file, or beside it.
  public enum Password: Sendable, Hashable {
    case text(SimplePassword)
    /// In a credential of that name, which the service manager hands over (systemd's LoadCredential=).
    case credential(String)

    /// Nil of a credential.
    public var text: SimplePassword? {
      switch self {
      case .text(let password): password
      case .credential: nil
      }
    }
  }

  /// A node that takes part in a virtual router.
  public struct Member: Sendable, Hashable {
    public var node: NodeName
    /// The node's own priority, or, where the virtual router lists `nodes` itself, the one that its place there gives
    /// it.
    public var priority: Priority

    public init(node: NodeName, priority: Priority) {
      self.node = node
      self.priority = priority
    }
  }

  /// A tracker's say in one virtual router.
  public struct TrackedBy: Sendable, Hashable {
    public var tracker: TrackerName
    /// Below zero: added while the tracker is down. Above zero: added while it is up. Zero: while it is down the node
    /// takes no part.
    public var weight: Int
    /// Whether the file left the weight out and `weight` was computed from the priorities.
    public var isAutomatic: Bool

    public init(tracker: TrackerName, weight: Int, isAutomatic: Bool = false) {
      self.tracker = tracker
      self.weight = weight
      self.isAutomatic = isAutomatic
    }
  }

  public enum Lease: String, Sendable, Hashable, CaseIterable {
    case on
    case off
  }

  public enum OneWayPolicy: String, Sendable, Hashable, CaseIterable {
    /// The side that hears gives way, so that there is one holder.
    case yield
    /// The holder stays.
    case hold
  }

  public enum AllFailedPolicy: String, Sendable, Hashable, CaseIterable {
    /// The best of the unfit nodes holds the addresses.
    case keep
    /// No node holds them.
    case release
  }
}
