// What an advertisement shows of its sender's configuration that ours contradicts. Such a packet counts like any other
// (PROTOCOL.md, "Not discarded"), but people should hear of it: two files differ that should be one.

import NetworkTypes

/// One point in which a router that shares our virtual router is configured otherwise.
public enum Disagreement: Sendable, Hashable {
  /// v3: its Advertisement_Interval. A Backup adopts it (FSM-6), and changes pace when another node takes over.
  case interval(AdvertisementInterval)
  /// Addresses that only one side floats: these do not move with the role. Sorted.
  case addresses(missingThere: [IPAddress], missingHere: [IPAddress])
  /// We are the address owner, and another router is Active. RFC 9568 erratum 8298
  case rivalOfOwner(Priority)
  /// Two routers say that the addresses are their own.
  case secondOwner
}

extension VirtualRouterConfiguration {
  /// In what the sender of an advertisement, which passed every receive check, is configured otherwise than we are.
  public func disagreements(with received: ReceivedAdvertisement) -> [Disagreement] {
    let theirs = received.advertisement
    var found: [Disagreement] = []
    if theirs.interval != interval { found.append(.interval(theirs.interval)) }
    // The order of the list means nothing but for the first IPv6 address (RX-9).
    let here = Set(family(received.family)?.addresses.map(\.address.address) ?? [])
    let there = Set(theirs.addresses)
    if here != there {
      found.append(
        .addresses(missingThere: here.subtracting(there).sorted(), missingHere: there.subtracting(here).sorted()))
    }
    if priority == .addressOwner, case .contending(let contending) = theirs.priority {
      found.append(contending == .addressOwner ? .secondOwner : .rivalOfOwner(contending))
    }
    return found
  }
}
