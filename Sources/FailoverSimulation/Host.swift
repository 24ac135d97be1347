// One simulated host: what its kernel and its vipd know.

import NetworkTypes
import VRRP

struct Host: Sendable {
  let name: String
  let hardwareAddress: MACAddress
  /// What the file on its disk says.
  var configurations: [VirtualRouterConfiguration]
  /// Whether each check would succeed. A missing one would.
  var trackers: [String: Bool] = [:]
  var hasPower = false
  var linkIsUp = true
  /// Nil where vipd does not run.
  var router: VRRPRouter? { didSet { due = router?.nextDeadline } }
  private(set) var due: Instant?
  var isFrozen = false
  var stalledUntil = Instant(sinceBoot: .zero)
  var isSpinning = false
  /// What has arrived while frozen.
  var inbox: [Input] = []

  enum Input: Sendable {
    case datagram(ReceivedDatagram)
    case tracker(String, isUp: Bool)
    case link(isUp: Bool)
    case reload
    case terminate
  }

  var isOnNetwork: Bool { hasPower && linkIsUp }

  /// When vipd is next going to serve a deadline.
  var nextDeadline: Instant? {
    guard hasPower, !isFrozen, !isSpinning, let due else { return nil }
    return max(due, stalledUntil)
  }

  /// What the host's network keeps vipd from, as the daemon tells the router.
  var obstacle: Obstacle? { linkIsUp ? nil : .interfaceDown("eth0") }

  mutating func losePower() {
    hasPower = false
    router = nil
    isFrozen = false
    inbox = []
  }
}

/// A host that uses the virtual addresses: its neighbour table follows the last announcement that it saw.
struct Client: Sendable {
  let name: String
  private(set) var neighbors: [IPAddress: MACAddress] = [:]

  init(name: String) { self.name = name }

  /// - Returns: what the frame said, where that was news.
  mutating func see(_ frame: [UInt8]) -> (IPAddress, MACAddress)? {
    guard let (address, hardwareAddress) = Self.claim(in: frame), neighbors[address] != hardwareAddress
    else { return nil }
    neighbors[address] = hardwareAddress
    return (address, hardwareAddress)
  }

  /// The address that an ARP packet (RFC 826) or an overriding neighbour advertisement (RFC 4861 §4.4) lays claim to.
  private static func claim(in frame: [UInt8]) -> (IPAddress, MACAddress)? {
    guard frame.count >= 42 else { return nil }
    switch (frame[12], frame[13]) {
    case (0x08, 0x06):
      return claim(frame[28..<32], frame[22..<28])
    case (0x86, 0xdd):
      let isOverridingAdvertisement = frame.count == 86 && frame[54] == 136 && frame[58] & 0x20 != 0
      let hasTargetLinkLayerAddress = frame.count == 86 && frame[78] == 2
      guard isOverridingAdvertisement, hasTargetLinkLayerAddress else { return nil }
      return claim(frame[62..<78], frame[80..<86])
    default:
      return nil
    }
  }

  private static func claim(_ address: ArraySlice<UInt8>, _ link: ArraySlice<UInt8>) -> (IPAddress, MACAddress)? {
    guard let address = IPAddress(bytes: address), let link = MACAddress(bytes: Array(link)) else { return nil }
    return (address, link)
  }
}
