// What the host's network looks like at one moment, and what a raw socket hands over: the values that the kernel's
// side (LinuxNetwork) and the deciding side (VIPDaemon) share without knowing each other.

/// One network interface as the kernel reports it.
public struct NetworkInterface: Sendable, Hashable {
  public var index: Int
  public var name: String
  /// Nil where the link layer has none of six bytes (a tunnel, say).
  public var hardwareAddress: MACAddress?
  /// Administratively up, with carrier, and operational: `IFF_UP`, `IFF_LOWER_UP` and `IFF_RUNNING`. The last one matters
  /// in the moment after carrier returns, when the kernel still drops whatever is sent.
  public var isUp: Bool
  public var addresses: [HeldAddress]

  public init(index: Int, name: String, hardwareAddress: MACAddress?, isUp: Bool, addresses: [HeldAddress] = []) {
    self.index = index
    self.name = name
    self.hardwareAddress = hardwareAddress
    self.isUp = isUp
    self.addresses = addresses
  }

  /// Whether the address is here and fit for use.
  public func holds(_ address: IPAddress) -> Bool {
    addresses.contains { $0.address.address == address && $0.isUsable }
  }

  /// The entry of an address, whatever its prefix and its condition.
  public func entry(of address: IPAddress) -> HeldAddress? { addresses.first { $0.address.address == address } }
}

/// An address that an interface holds now.
public struct HeldAddress: Sendable, Hashable {
  public var address: InterfaceAddress
  /// Whether vipd installed it: it bears our mark (`IFA_PROTO`).
  public var isOurs: Bool
  /// False while duplicate address detection goes on, and after it has failed: the host neither answers for such an
  /// address nor sends from it. RFC 4862 §5.4
  public var isUsable: Bool
  /// Whether duplicate address detection has failed: another host answered for it, and it stays unusable.
  public var isDuplicate: Bool

  public init(address: InterfaceAddress, isOurs: Bool, isUsable: Bool = true, isDuplicate: Bool = false) {
    self.address = address
    self.isOurs = isOurs
    self.isUsable = isUsable
    self.isDuplicate = isDuplicate
  }
}

/// One IP datagram's payload with what the receive checks need to know of its header. RFC 9568 §7.1
public struct ReceivedDatagram: Sendable, Hashable {
  public var payload: [UInt8]
  public var source: IPAddress
  public var destination: IPAddress
  /// The TTL (IPv4) or hop limit (IPv6) that it arrived with.
  public var hopLimit: UInt8
  /// The interface that it arrived on.
  public var interfaceIndex: Int

  public init(payload: [UInt8], source: IPAddress, destination: IPAddress, hopLimit: UInt8, interfaceIndex: Int) {
    self.payload = payload
    self.source = source
    self.destination = destination
    self.hopLimit = hopLimit
    self.interfaceIndex = interfaceIndex
  }
}

/// One virtual address on one interface, to be installed or removed.
public struct AddressPlacement: Sendable, Hashable {
  public var address: InterfaceAddress
  public var interfaceIndex: Int

  public init(address: InterfaceAddress, interfaceIndex: Int) {
    self.address = address
    self.interfaceIndex = interfaceIndex
  }
}
