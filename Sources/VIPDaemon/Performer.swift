// Performs what the protocol core has decided, in its order. What fails goes back to the core as an event, and is told
// once in a while, however often it recurs.

import ControlAPI
import Logging
import NetworkTypes
import VRRP
import VRRPWire

extension FailoverAgent {
  func perform(_ directives: [VRRPRouter.Directive], at now: Instant) {
    var refused: Set<VRID> = []
    for directive in directives {
      switch directive {
      case .discard(let reason, let vrid):
        // Asked and counted before the core was told (`read`), so that it has nothing left to discard.
        logger.warning("VRID \(vrid): \(reason.words)")
      case .perform(let vrid, let action):
        perform(action, vrid, &refused, at: now)
      }
    }
    // After the whole list, so that the core's order is kept.
    for vrid in refused.sorted() { giveUp(vrid, at: now) }
  }

  private func perform(_ action: VirtualRouter.Action, _ vrid: VRID, _ refused: inout Set<VRID>, at now: Instant) {
    switch action {
    case .sendAdvertisement(let advertisement, let recipients): send(advertisement, to: recipients, at: now)
    case .installAddresses(let addresses):
      if !install(addresses, vrid, at: now) { refused.insert(vrid) }
      stopKeeping(vrid)
    case .renewAddresses: renew(vrid, at: now)
    case .removeAddresses(let addresses): remove(addresses, vrid, at: now)
    case .retireAddresses(let addresses): retire(addresses, vrid, at: now)
    case .forwardConnections(let addresses, let predecessor):
      forwardConnections(to: addresses, predecessor: predecessor, vrid, at: now)
    case .announceAddresses(let addresses):
      // Nobody shall be sent to a host that does not have the address.
      if !refused.contains(vrid) { announce(addresses, vrid, at: now) }
    case .commendAddresses(let addresses, _): commend(addresses, vrid, at: now)
    case .transition(let transition): tell(transition, vrid, at: now)
    }
  }
}

// MARK: - Advertisements

extension FailoverAgent {
  private func send(_ advertisement: Advertisement, to recipients: VirtualRouter.Recipients, at now: Instant) {
    let vrid = advertisement.vrid
    guard let configuration = router[vrid]?.router.configuration ?? leaving[vrid],
      let family = advertisement.addresses.first.flatMap({ configuration.family($0.family) })
    else { return }
    let interface = placements[vrid]?.speaking[family.family]
    let destinations =
      switch (recipients, configuration.transport) {
      case (.everyone, .unicast): family.peers.map(\.address)
      case (.everyone, .multicast): [family.family.vrrpGroup]
      case (.only(let peer), _): [peer]
      }
    var hasLeft = false
    var refusal: String?
    for destination in destinations {
      let payload = advertisement.encode(
        from: family.primaryAddress, to: destination,
        checksum: checksumForm(configuration, towards: destination)
      )
      do throws(HostNetworkFailure) {
        try host.send(
          payload, from: family.primaryAddress, to: destination, interfaceIndex: interface?.index ?? 0)
        hasLeft = true
      } catch {
        refusal = error.description
        sayOnceInAWhile("\(error)", at: now)
      }
    }
    if hasLeft { ledgers[vrid]?[family.family].sent += 1 }
    ledgers[vrid]?[family.family].sendFailure = refusal
  }

  /// Over IPv4 the deployed implementations disagree, so each peer gets the form that it uses itself, and a group the one
  /// that was heard there last.
  private func checksumForm(
    _ configuration: VirtualRouterConfiguration, towards destination: IPAddress
  ) -> ChecksumForm {
    switch configuration.checksum {
    case .auto:
      switch configuration.transport {
      case .unicast: peers[destination]?.checksumForms[configuration.vrid] ?? .pseudoHeader
      case .multicast: groupForms[configuration.vrid] ?? .pseudoHeader
      }
    case .rfc9568: .rfc9568
    case .pseudoHeader: .pseudoHeader
    }
  }
}

// MARK: - Announcements

extension FailoverAgent {
  func announce(_ addresses: [VirtualAddress], _ vrid: VRID, at now: Instant) {
    guard let placement = placements[vrid] else { return }
    for address in addresses {
      guard let interface = placement.carrying[address], let hardware = interface.hardwareAddress else { continue }
      do throws(HostNetworkFailure) {
        try host.sendFrame(frame(for: address.address.address, hardware, interface), interfaceIndex: interface.index)
        ledgers[vrid]?[address.address.family].announcements += 1
      } catch {
        sayOnceInAWhile("\(error)", at: now)
      }
    }
  }

  /// Tells neighbours where a rival is, as far as it has said so itself.
  private func commend(_ addresses: [VirtualAddress], _ vrid: VRID, at now: Instant) {
    guard let placement = placements[vrid] else { return }
    for address in addresses {
      guard let interface = placement.carrying[address],
        let hardware = rivals.latest(claiming: addresses.map(\.address.address), on: interface.name)
      else { continue }
      do throws(HostNetworkFailure) {
        try host.sendFrame(frame(for: address.address.address, hardware, interface), interfaceIndex: interface.index)
      } catch {
        sayOnceInAWhile("\(error)", at: now)
      }
    }
  }

  private func frame(for address: IPAddress, _ hardware: MACAddress, _ interface: NetworkInterface) -> [UInt8] {
    switch address {
    case .v4(let address):
      GratuitousARP(address: address, hardwareAddress: hardware).frame
    case .v6(let address):
      UnsolicitedNeighborAdvertisement(
        address: address, hardwareAddress: hardware, isRouter: host.isIPv6Router(interface: interface.name)
      ).frame
    }
  }
}

// MARK: - Telling

extension FailoverAgent {
  private func tell(_ transition: Transition, _ vrid: VRID, at now: Instant) {
    ledgers[vrid]?.since = now
    ledgers[vrid]?.transitions += 1
    ledgers[vrid]?.lastTransition = transition
    guard let configuration = router[vrid]?.router.configuration ?? leaving[vrid] else { return }
    let cause = Narration(configuration: configuration, now: now).cause(of: transition.reason)
    let message = "\(configuration.name): \(transition.from) → \(transition.to): \(cause)"
    logger.notice("\(message)")
    for family in configuration.families {
      let event = ControlEvent(
        kind: .transition, message: message, virtualRouter: configuration.name,
        family: AddressFamily(family.family), from: VirtualRouterState(transition.from),
        to: VirtualRouterState(transition.to))
      events.publish(event)
      // Both families move in one step, which is one line of the history.
      if family == configuration.families.first { history.append(event) }
    }
    notify(transition, configuration, at: now)
  }

  func tell(_ kind: ControlEvent.Kind, _ message: String, virtualRouter: String? = nil) {
    events.publish(ControlEvent(kind: kind, message: message, virtualRouter: virtualRouter))
  }

  /// For what may recur: the first time, and then at most once a minute.
  func sayOnceInAWhile(_ message: String, at now: Instant) {
    guard let suppressed = failureLines.suppressed(message, at: now) else { return }
    logger.warning("\(message)\(suppressed > 0 ? ", and \(suppressed) times before" : "")")
  }
}

extension StateName: CustomStringConvertible {
  public var description: String { rawValue }
}

extension VirtualRouterState {
  init(_ name: StateName) {
    switch name {
    case .initialize: self = .initialize
    case .backup: self = .backup
    case .active: self = .active
    }
  }
}

extension AddressFamily {
  init(_ family: IPFamily) {
    switch family {
    case .ipv4: self = .ipv4
    case .ipv6: self = .ipv6
    }
  }
}
