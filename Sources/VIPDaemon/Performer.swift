// Performs what the protocol core has decided, in its order. What fails goes back to the core as an event, and is told
// once in a while, however often it recurs.

import ControlAPI
import Logging
import NetworkTypes
import VRRP
import VRRPWire

extension FailoverAgent {
  func perform(_ directives: [VRRPRouter.Directive], at now: Instant) {
    var refused: [VRID: String] = [:]
    for directive in directives {
      switch directive {
      case .discard(let reason, let vrid):
        logger.debug("VRID \(vrid): \(reason.words)")
      case .perform(let vrid, let action):
        if let refusal = perform(action, vrid, at: now) { refused[vrid] = refusal }
      }
    }
    // After the whole list, so that the core's order is kept.
    for (vrid, refusal) in refused.sorted(by: { $0.key < $1.key }) { giveUp(vrid, refusal, at: now) }
  }

  /// - Returns: What the kernel said, where it refused an address.
  private func perform(_ action: VirtualRouter.Action, _ vrid: VRID, at now: Instant) -> String? {
    switch action {
    case .sendAdvertisement(let advertisement, let recipients): send(advertisement, to: recipients, at: now)
    case .installAddresses(let addresses): return install(addresses, vrid)
    case .removeAddresses(let addresses): remove(addresses, vrid)
    case .announceAddresses(let addresses): announce(addresses, vrid, at: now)
    case .transition(let transition): tell(transition, vrid, at: now)
    }
    return nil
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
      switch recipients {
      case .everyone: family.peers.map(\.address)
      case .only(let peer): [peer]
      }
    ledgers[vrid]?[family.family].sent += 1
    for destination in destinations {
      let payload = advertisement.encode(
        from: family.localAddress, to: destination, checksum: checksumForm(configuration.checksum, towards: destination)
      )
      do throws(HostNetworkFailure) {
        try host.send(
          payload, from: family.localAddress, to: destination, interfaceIndex: interface?.index ?? 0)
      } catch {
        ledgers[vrid]?[family.family].sendFailures += 1
        sayOnceInAWhile("\(error)", at: now)
      }
    }
  }

  /// Over IPv4 the deployed implementations disagree, so each peer gets the form that it uses itself.
  private func checksumForm(_ preference: ChecksumPreference, towards peer: IPAddress) -> ChecksumForm {
    switch preference {
    case .auto: peers[peer]?.checksumForm ?? .pseudoHeader
    case .rfc9568: .rfc9568
    case .pseudoHeader: .pseudoHeader
    }
  }
}

// MARK: - Addresses

extension FailoverAgent {
  private func install(_ addresses: [VirtualAddress], _ vrid: VRID) -> String? {
    guard let placement = placements[vrid] else { return nil }
    // An address that is there already and is not ours belongs to somebody, who would miss it.
    let wanted = addresses.compactMap { address -> (VirtualAddress, AddressPlacement)? in
      guard let interface = placement.carrying[address] else { return nil }
      let isForeign = current(interface).addresses.contains { $0.address == address.address && !$0.isOurs }
      guard !isForeign else {
        logger.warning("\(interface.name): \(address.address) is there already, and not by vipd: it will be left there")
        return nil
      }
      return (address, address.placed(on: interface))
    }
    var refusal: String?
    for ((address, place), result) in zip(wanted, host.install(wanted.map(\.1))) {
      switch result {
      case .success:
        installed[vrid, default: [:]][address] = place
      case .failure(let failure):
        logger.error("\(failure)")
        refusal = refusal ?? failure.description
      }
    }
    return refusal
  }

  private func current(_ interface: NetworkInterface) -> NetworkInterface {
    interfaces.first { $0.index == interface.index } ?? interface
  }

  private func remove(_ addresses: [VirtualAddress], _ vrid: VRID) {
    let places = addresses.compactMap { installed[vrid]?.removeValue(forKey: $0) }
    for result in host.remove(places) {
      if case .failure(let failure) = result { logger.error("\(failure)") }
    }
  }

  private func announce(_ addresses: [VirtualAddress], _ vrid: VRID, at now: Instant) {
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

  /// A holder without its addresses helps nobody: it steps back, and tries again after a while.
  private func giveUp(_ vrid: VRID, _ refusal: String, at now: Instant) {
    ledgers[vrid]?.refusal = refusal
    retries[vrid] = now + .seconds(5)
    tell(.address, refusal, virtualRouter: router[vrid]?.router.configuration.name)
    process(.obstacle(vrid, .addressesRefused(refusal)), at: now)
  }

  func retryRefused(at now: Instant) {
    for (vrid, due) in retries.sorted(by: { $0.key < $1.key }) where due <= now {
      retries[vrid] = nil
      process(.obstacle(vrid, placementObstacle(vrid)), at: now)
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
      events.publish(
        ControlEvent(
          kind: .transition, message: message, virtualRouter: configuration.name,
          family: AddressFamily(family.family), from: VirtualRouterState(transition.from),
          to: VirtualRouterState(transition.to)))
    }
  }

  func tell(_ kind: ControlEvent.Kind, _ message: String, virtualRouter: String? = nil) {
    events.publish(ControlEvent(kind: kind, message: message, virtualRouter: virtualRouter))
  }

  private func sayOnceInAWhile(_ message: String, at now: Instant) {
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
