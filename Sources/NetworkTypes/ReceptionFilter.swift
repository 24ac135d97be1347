// What the kernel is asked to let through, so that a flood of other packets wakes nobody.

/// VRRP packets that are worth the daemon's time: those that have one of the versions, arrive with at least this TTL or
/// hop limit, and come either from one of the sources with one of the VRIDs, or to one of the groups with one of its.
public struct ReceptionFilter: Sendable, Hashable {
  /// The peers' addresses, of both families.
  public var sources: [IPAddress]
  /// The VRIDs that are spoken among peers.
  public var vrids: [UInt8]
  /// What is spoken to groups, at most one a family. Whoever is on the network may take part there. What comes to one of
  /// these with another VRID is unwanted, whoever sent it.
  public var groups: [Group]
  /// VRRP versions, 2 or 3.
  public var versions: [UInt8]
  /// 255 unless the user has lowered it. RFC 9568 §5.1.1.3, §5.1.2.3
  public var minimumHopLimit: UInt8

  /// A multicast address and the VRIDs that are spoken to it.
  public struct Group: Sendable, Hashable {
    public var address: IPAddress
    public var vrids: [UInt8]

    public init(address: IPAddress, vrids: [UInt8]) {
      self.address = address
      self.vrids = vrids
    }
  }

  public init(
    sources: [IPAddress], vrids: [UInt8], groups: [Group] = [], versions: [UInt8], minimumHopLimit: UInt8 = 255
  ) {
    self.sources = sources
    self.vrids = vrids
    self.groups = groups
    self.versions = versions
    self.minimumHopLimit = minimumHopLimit
  }
}

/// A multicast group, listened to on one interface.
public struct GroupMembership: Sendable, Hashable, Codable {
  public var group: IPAddress
  public var interfaceIndex: Int

  public init(group: IPAddress, interfaceIndex: Int) {
    self.group = group
    self.interfaceIndex = interfaceIndex
  }
}

/// Open sockets that receive VRRP packets, as one program leaves them to another in the same process.
public struct ReceptionSockets: Sendable, Hashable, Codable {
  /// Which descriptor receives each family.
  public var descriptors: [IPFamily: CInt]
  /// The groups that they have joined.
  public var memberships: Set<GroupMembership>

  public init(descriptors: [IPFamily: CInt], memberships: Set<GroupMembership> = []) {
    self.descriptors = descriptors
    self.memberships = memberships
  }
}
