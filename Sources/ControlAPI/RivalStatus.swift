// Other hosts that say to have this node's address.

/// One of them.
public struct RivalStatus: Codable, Sendable, Hashable {
  /// The node's address that is claimed.
  public var address: String
  /// Whose claim it is.
  public var hardwareAddress: String
  /// Where it was heard.
  public var interface: String
  /// Since it was heard first.
  @Seconds public var since: Duration
  /// Since it was heard last.
  @Seconds public var lastHeard: Duration
  /// How many claims were looked at; of a flood that is a sample.
  public var claims: Int

  public init(
    address: String, hardwareAddress: String, interface: String, since: Duration, lastHeard: Duration, claims: Int
  ) {
    self.address = address
    self.hardwareAddress = hardwareAddress
    self.interface = interface
    self.since = since
    self.lastHeard = lastHeard
    self.claims = claims
  }

  enum CodingKeys: String, CodingKey {
    case address, interface, claims
    case hardwareAddress = "hardware_address"
    case since = "since_seconds"
    case lastHeard = "last_heard_seconds"
  }
}
