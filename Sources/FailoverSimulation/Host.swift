// One simulated host: what its kernel and its vipd know.

import NetworkTypes
import VRRP
import VRRPWire

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
  /// vipd was told to end, and waits for successors.
  var isStopping = false
  /// Written down, so that it outlives vipd; whether it is forced.
  var drain: Bool?
  /// vipd was started again before it had ended.
  var startsAgain = false
  /// What the kernel holds of our addresses, whether vipd runs or not.
  var held: [VRID: Holding] = [:]
  var isFrozen = false
  var stalledUntil = Instant(sinceBoot: .zero)
  var isSpinning = false
  /// What has arrived while frozen.
  var inbox: [Input] = []
  /// How much of what waited it has not got to since it went on.
  var backlog = 0

  struct Holding: Sendable {
    var addresses: [VirtualAddress]
    var renewed: Instant
    /// When the kernel removes them; nil for never.
    var end: Instant?
  }

  enum Input: Sendable {
    case datagram(ReceivedDatagram)
    case tracker(String, isUp: Bool)
    case link(isUp: Bool)
    case reload
    case drain(isForced: Bool?)
    case upgrade
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
    held = [:]
    drain = nil
    loseProcess()
  }

  mutating func loseProcess() {
    router = nil
    isStopping = false
    startsAgain = false
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
    guard let claim = try? NeighborClaim.decode(frame), claim.replacesKnown,
      neighbors[claim.address] != claim.hardwareAddress
    else { return nil }
    neighbors[claim.address] = claim.hardwareAddress
    return (claim.address, claim.hardwareAddress)
  }
}
