// Three nodes for the tests: `low`, `we` and `high`, named after their primary addresses, which break ties.

import NetworkTypes
import Testing
import VRRP

/// The node whose virtual router is tested.
let we = "we"

/// Primary addresses. In IPv6 the order of `low` and `high` is the other way round, so that a tie is broken differently
/// where the wrong family is looked at.
let primaryAddresses: [String: [IPFamily: IPAddress]] = [
  "low": [.ipv4: ip("10.0.0.1"), .ipv6: ip("fd00::3")],
  we: [.ipv4: ip("10.0.0.2"), .ipv6: ip("fd00::2")],
  "high": [.ipv4: ip("10.0.0.3"), .ipv6: ip("fd00::1")],
]

func primaryAddress(of node: String, _ family: IPFamily) -> IPAddress {
  guard let address = primaryAddresses[node]?[family] else { fatalError("fixture: \(node) has no \(family) address") }
  return address
}

func ip(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { fatalError("fixture: \(text) is no IP address") }
  return address
}

func virtual(_ text: String, on interface: String? = nil) -> VirtualAddress {
  guard let address = InterfaceAddress(text) else { fatalError("fixture: \(text) is no address with a prefix") }
  return VirtualAddress(address, interface: interface)
}

func vrid(_ value: UInt8) -> VRID {
  guard let vrid = VRID(rawValue: value) else { fatalError("fixture: \(value) is no VRID") }
  return vrid
}

func priority(_ value: UInt8) -> Priority {
  guard let priority = Priority(rawValue: value) else { fatalError("fixture: \(value) is no priority") }
  return priority
}

func every(_ centiseconds: Int) -> AdvertisementInterval {
  guard let interval = AdvertisementInterval(centiseconds: centiseconds) else {
    fatalError("fixture: \(centiseconds) is no interval")
  }
  return interval
}

/// Our side of the virtual router: priority 100 at 1 s with 10.0.0.39, unless said otherwise.
func configuration(
  name: String = "ingress", vrid: VRID = vrid(12), priority own: UInt8 = 100, every interval: Int = 100,
  preempt: Preemption = .immediate, families: [IPFamily] = [.ipv4], addresses: [String]? = nil,
  healthy: [String: UInt8] = [:], trackers: [TrackerWeight] = [], transport: Transport = .unicast,
  isLeased: Bool = false
) -> VirtualRouterConfiguration {
  let addresses = (addresses ?? ["10.0.0.39/24", "fe80::39/64", "fd00::39/64"]).map { virtual($0) }
  return VirtualRouterConfiguration(
    name: name, vrid: vrid, priority: priority(own), interval: every(interval), preemption: preempt,
    families: families.map { family in
      FamilyConfiguration(
        localAddress: primaryAddress(of: we, family),
        peers: ["low", "high"].map {
          Peer(node: $0, address: primaryAddress(of: $0, family), healthyPriority: healthy[$0].map { priority($0) })
        },
        addresses: addresses.filter { $0.address.family == family })
    },
    trackers: trackers, transport: transport, isLeased: isLeased)
}

/// What a peer sends us.
func advertisement(
  _ fieldValue: UInt8, from node: String = "high", over family: IPFamily = .ipv4, every interval: Int = 100,
  vrid: VRID = vrid(12)
) -> ReceivedAdvertisement {
  ReceivedAdvertisement(
    Advertisement(
      vrid: vrid, priority: AdvertisedPriority(fieldValue: fieldValue), interval: every(interval),
      addresses: family == .ipv4 ? [ip("10.0.0.39")] : [ip("fe80::39"), ip("fd00::39")]),
    source: primaryAddress(of: node, family), destination: primaryAddress(of: we, family))
}

/// A point in time, in seconds since the tests' host booted.
func at(_ time: Duration) -> Instant { Instant(sinceBoot: time) }
