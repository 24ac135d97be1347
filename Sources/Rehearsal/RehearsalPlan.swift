// What a rehearsal must know of a cluster. Whoever has read the cluster file fills this in; the nodes themselves get the
// file as it is.

public struct RehearsalPlan: Sendable, Hashable {
  public var cluster: String
  /// Copied to every node as it is.
  public var file: String
  public var fileName: String
  /// In order of preference.
  public var nodes: [Node]
  public var trackers: [Tracker]
  public var virtualRouters: [VirtualRouter]

  public init(
    cluster: String, file: String, fileName: String, nodes: [Node], trackers: [Tracker],
    virtualRouters: [VirtualRouter]
  ) {
    self.cluster = cluster
    self.file = file
    self.fileName = fileName
    self.nodes = nodes
    self.trackers = trackers
    self.virtualRouters = virtualRouters
  }

  public struct Node: Sendable, Hashable {
    public var name: String
    /// Without prefix lengths, of either family: VRRP is spoken from here.
    public var addresses: [String]

    public init(name: String, addresses: [String]) {
      self.name = name
      self.addresses = addresses
    }
  }

  /// A check that runs on every node.
  public struct Tracker: Sendable, Hashable {
    public var name: String
    public var kind: Kind
    public var interval: Duration
    public var timeout: Duration
    public var rise: Int
    public var fall: Int

    public enum Kind: Sendable, Hashable {
      /// Good while so many processes of that name live.
      case process(name: String, count: Int)
      /// Good while this program, given by its absolute path, exits with 0.
      case program(path: String, arguments: [String])
      /// Good while this exits with 0 in a shell.
      case shell(String)
      /// Good while the service on that port of the node answers.
      case service(port: UInt16)
      /// Good while the container engine at that socket answers well.
      case engine(socket: String)
      /// Something that a rehearsal has no stand-in for.
      case other
    }

    public init(
      name: String, kind: Kind, interval: Duration = .seconds(1), timeout: Duration = .seconds(1), rise: Int = 1,
      fall: Int = 1
    ) {
      self.name = name
      self.kind = kind
      self.interval = interval
      self.timeout = timeout
      self.rise = rise
      self.fall = fall
    }
  }

  public struct VirtualRouter: Sendable, Hashable {
    public var name: String
    public var addresses: [Address]
    /// Of advertisements.
    public var interval: Duration
    public var members: [Member]
    public var trackers: [TrackedBy]
    /// The interface that VRRP is spoken on; nil for the one that holds the node's address.
    public var interface: String?
    public var preemption: Preemption

    public init(
      name: String, addresses: [Address], interval: Duration = .seconds(1), members: [Member],
      trackers: [TrackedBy] = [], interface: String? = nil, preemption: Preemption = .immediate
    ) {
      self.name = name
      self.addresses = addresses
      self.interval = interval
      self.members = members
      self.trackers = trackers
      self.interface = interface
      self.preemption = preemption
    }
  }

  public struct Address: Sendable, Hashable {
    /// Canonical text without prefix length.
    public var address: String
    public var prefixLength: Int
    /// The interface that carries it; nil for the one that VRRP is spoken on.
    public var interface: String?

    public init(_ address: String, prefixLength: Int, interface: String? = nil) {
      self.address = address
      self.prefixLength = prefixLength
      self.interface = interface
    }
  }

  public struct Member: Sendable, Hashable {
    public var node: String
    public var priority: Int

    public init(node: String, priority: Int) {
      self.node = node
      self.priority = priority
    }
  }

  public struct TrackedBy: Sendable, Hashable {
    public var tracker: String
    /// Below zero: added while the tracker is down. Above zero: added while it is up. Zero: while it is down the node takes
    /// no part.
    public var weight: Int

    public init(tracker: String, weight: Int) {
      self.tracker = tracker
      self.weight = weight
    }
  }

  /// What a better node does that finds a worse one Active.
  public enum Preemption: Sendable, Hashable {
    /// Takes over after Skew_Time.
    case immediate
    /// Takes over when its Active_Down_Timer runs out, as RFC 9568 has it.
    case rfc
    /// Lets it be.
    case never
    /// Lets it be for so long.
    case after(Duration)
  }

  func tracker(named name: String) -> Tracker? { trackers.first { $0.name == name } }
}
