// Who wins a virtual router, and after how long a silence: the arithmetic that all nodes must agree on.

import NetworkTypes

extension VirtualRouter {
  /// Between equal priorities the greater primary address wins. RFC 9568 §6.4.3
  ///
  /// With two families both sides must compare the same pair whichever family the advertisement came in, or each could
  /// yield to the other. Where the second family does not tell who the sender is, the first family's advertisement,
  /// which comes with it, decides.
  func outranksUs(_ received: ReceivedAdvertisement) -> Bool {
    let theirs = primaryAddress(ofSenderOf: received)
    guard let ours = configuration.families.first?.primaryAddress, ours.family == theirs.family else { return false }
    return theirs > ours
  }

  /// The one address that stands for a sender, whichever family it was heard in: its node's in our first family, where
  /// the node is known.
  ///
  /// Over multicast IPv6 the source is a link-local address, which the file does not know. There a sender with the
  /// priority of the router that we follow is taken for that router (two families need distinct priorities for it), and
  /// so is one that relinquishes.
  func primaryAddress(ofSenderOf received: ReceivedAdvertisement) -> IPAddress {
    if let node = configuration.peer(at: received.source)?.node {
      return configuration.families.first?.peers.first { $0.node == node }?.address ?? received.source
    }
    if received.family != configuration.families.first?.family, let activeRouter,
      [activeRouter.priority, .relinquishing].contains(received.advertisement.priority)
    {
      return activeRouter.address
    }
    return received.source
  }

  /// RFC 9568 §6.1: Skew_Time; never truncated. VRRPv2 has it in 256ths of a second. RFC 3768 §6.1
  func skewTime(_ interval: AdvertisementInterval) -> Duration {
    let base: Duration =
      switch configuration.version {
      case .v2: .seconds(1)
      case .v3: interval.duration
      }
    return base * (256 - Int(priority.rawValue)) / 256
  }

  /// RFC 9568 §6.1: Active_Down_Interval.
  func activeDownInterval(_ interval: AdvertisementInterval) -> Duration {
    interval.duration * 3 + skewTime(interval)
  }
}

extension Preemption {
  /// Whether Preempt_Mode is false, now or for a while.
  var protectsLowerPriority: Bool {
    switch self {
    case .immediate, .rfc: false
    case .never, .after: true
    }
  }
}
