// What the kernel is asked to let through, so that a flood of other packets wakes nobody.

/// VRRP packets that are worth the daemon's time: those that have one of the sources, one of the VRIDs, one of the
/// versions, and arrive with at least this TTL or hop limit.
public struct ReceptionFilter: Sendable, Hashable {
  /// The peers' addresses, of both families.
  public var sources: [IPAddress]
  public var vrids: [UInt8]
  /// VRRP versions, 2 or 3.
  public var versions: [UInt8]
  /// 255 unless the user has lowered it. RFC 9568 §5.1.1.3, §5.1.2.3
  public var minimumHopLimit: UInt8

  public init(sources: [IPAddress], vrids: [UInt8], versions: [UInt8], minimumHopLimit: UInt8 = 255) {
    self.sources = sources
    self.vrids = vrids
    self.versions = versions
    self.minimumHopLimit = minimumHopLimit
  }
}
