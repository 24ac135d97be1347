// What is asked of the network, and what it shows, when somebody wants to know who else says to have an address.

/// An address of this host, virtual or its own, whose other claimants are worth knowing of.
public struct WatchedAddress: Sendable, Hashable {
  public var address: IPAddress
  /// Where a claim counts: two networks may each have a host with that address.
  public var interfaceIndex: Int
  /// The interface's own, which is no claimant.
  public var hardwareAddress: MACAddress

  public init(address: IPAddress, interfaceIndex: Int, hardwareAddress: MACAddress) {
    self.address = address
    self.interfaceIndex = interfaceIndex
    self.hardwareAddress = hardwareAddress
  }
}

/// A whole Ethernet frame, without its check sequence and without a VLAN's tag.
public struct ReceivedFrame: Sendable, Hashable {
  public var bytes: [UInt8]
  /// The interface that it arrived on.
  public var interfaceIndex: Int

  public init(bytes: [UInt8], interfaceIndex: Int) {
    self.bytes = bytes
    self.interfaceIndex = interfaceIndex
  }
}
