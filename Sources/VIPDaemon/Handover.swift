// Connections in a planned move: the old holder goes on serving those that it has, and the new one passes on to it what
// belongs to them (LinuxNetwork's ConnectionHandover). A comfort: where the host cannot do it, the move goes on without.

import NetworkTypes
import VRRP

extension FailoverAgent {
  /// A handshake across the world and a short request are over by then.
  static let handoverTime = Duration.seconds(1)

  /// How long the VRRP thread lets it take: nothing that could cost it its role.
  private func patience(_ vrid: VRID) -> Duration {
    let interval = (router[vrid]?.router.configuration ?? leaving[vrid])?.interval.duration ?? .zero
    return min(interval / 5, .milliseconds(20))
  }

  /// Gets ready while a successor is waited for, or a predecessor is about to be succeeded.
  func prepareHandovers() {
    let isNear = router.members.contains { member in
      switch member.router.state {
      case .active(let active): active.departure != nil || active.reluctance != nil
      case .backup(let backup): backup.expectation != .silence
      case .initialize: false
      }
    }
    if isNear { host.prepareHandover() }
  }

  /// Removes addresses that a successor holds, and lets the connections to them go on for a while.
  func retire(_ addresses: [VirtualAddress], _ vrid: VRID, at now: Instant) {
    let moving = reachable(addresses.filter { installed[vrid]?[$0] != nil }, vrid).flatMap(\.addresses)
    endHandover(vrid)
    if !moving.isEmpty {
      do throws(HostNetworkFailure) {
        try host.keepConnections(to: moving, within: patience(vrid))
        keeping[vrid] = Handover(addresses: [moving], end: now + Self.handoverTime)
      } catch {
        sayOnceInAWhile("\(error)", at: now)
      }
    }
    remove(addresses, vrid, at: now)
  }

  /// Has the predecessor get what belongs to its connections. Before the addresses are installed.
  func forwardConnections(
    to addresses: [VirtualAddress], predecessor: IPAddress, _ vrid: VRID, at now: Instant
  ) {
    guard let configuration = router[vrid]?.router.configuration else { return }
    stopForwarding(vrid)
    var handover = Handover(addresses: [], end: now + Self.handoverTime)
    for moving in reachable(addresses, vrid) {
      guard let old = configuration.address(ofNodeAt: predecessor, moving.family), !old.isLinkLocal else { continue }
      do throws(HostNetworkFailure) {
        handover.addresses.append(moving.addresses)
        try host.forwardConnections(to: moving.addresses, predecessor: old, within: patience(vrid))
      } catch {
        sayOnceInAWhile("\(error)", at: now)
      }
    }
    if !handover.addresses.isEmpty { forwarding[vrid] = handover }
  }

  /// Ends the handovers whose time is over.
  func endHandovers(at now: Instant) {
    for (vrid, handover) in keeping where handover.end <= now { stopKeeping(vrid) }
    for (vrid, handover) in forwarding where handover.end <= now { stopForwarding(vrid) }
  }

  var nextHandoverEnd: Instant? { (keeping.values.map(\.end) + forwarding.values.map(\.end)).min() }

  /// The addresses are this node's again.
  func stopKeeping(_ vrid: VRID) {
    for addresses in keeping.removeValue(forKey: vrid)?.addresses ?? [] {
      host.stopKeepingConnections(to: addresses, within: patience(vrid))
    }
  }

  private func stopForwarding(_ vrid: VRID) {
    for addresses in forwarding.removeValue(forKey: vrid)?.addresses ?? [] {
      host.stopForwardingConnections(to: addresses)
    }
  }

  private func endHandover(_ vrid: VRID) {
    stopKeeping(vrid)
    stopForwarding(vrid)
  }

  /// The addresses whose segments one node can hand to the other: those on the network on which both speak VRRP. A
  /// link-local one is only good on its own interface.
  private func reachable(_ addresses: [VirtualAddress], _ vrid: VRID) -> [ReachableAddresses] {
    guard let placement = placements[vrid] else { return [] }
    return IPFamily.allCases.compactMap { family in
      guard let interface = placement.speaking[family] else { return nil }
      let found = addresses.filter {
        $0.address.address.family == family && !$0.address.address.isLinkLocal
          && placement.carrying[$0]?.index == interface.index
      }
      return found.isEmpty ? nil : ReachableAddresses(family: family, addresses: found.map(\.address.address))
    }
  }
}

/// One side of a move of which connections are being seen to.
struct Handover: Sendable {
  /// As they were handed to the host.
  var addresses: [[IPAddress]]
  var end: Instant
}

private struct ReachableAddresses {
  var family: IPFamily
  var addresses: [IPAddress]
}

extension VirtualRouterConfiguration {
  /// The address that a node speaks from in one family, given one that it speaks from in either.
  fileprivate func address(ofNodeAt address: IPAddress, _ family: IPFamily) -> IPAddress? {
    if address.family == family { return address }
    let name = peer(at: address)?.node
    return self.family(family)?.peers.first { $0.node == name }?.address
  }
}
