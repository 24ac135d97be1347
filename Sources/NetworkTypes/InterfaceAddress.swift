// An address together with the length of its network's prefix, as an interface holds it: `10.0.10.39/24`.

public struct InterfaceAddress: Sendable, Hashable, Comparable {
  public let address: IPAddress
  public let prefixLength: Int

  /// Nil where the prefix is longer than the family's addresses.
  public init?(address: IPAddress, prefixLength: Int) {
    guard (0...address.family.addressBits).contains(prefixLength) else { return nil }
    self.address = address
    self.prefixLength = prefixLength
  }

  /// Reads `address/length`; nil for anything else, a missing length included.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(parts[0]), let length = Int(parts[1]),
      String(length) == parts[1]  // no sign, no leading zero
    else { return nil }
    self.init(address: address, prefixLength: length)
  }

  public var family: IPFamily { address.family }

  /// Whether `other` lies in the network that this address and prefix span.
  public func network(contains other: IPAddress) -> Bool {
    guard other.family == family else { return false }
    let mine = address.bytes
    let theirs = other.bytes
    let wholeBytes = prefixLength / 8
    guard mine[..<wholeBytes] == theirs[..<wholeBytes] else { return false }
    let restBits = prefixLength % 8
    return restBits == 0 || (mine[wholeBytes] ^ theirs[wholeBytes]) >> (8 - restBits) == 0
  }

  public static func < (lhs: InterfaceAddress, rhs: InterfaceAddress) -> Bool {
    (lhs.address, lhs.prefixLength) < (rhs.address, rhs.prefixLength)
  }
}

extension InterfaceAddress: CustomStringConvertible {
  public var description: String { "\(address)/\(prefixLength)" }
}
