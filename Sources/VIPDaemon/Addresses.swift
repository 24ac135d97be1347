// The virtual addresses on this host: installed and removed by the core's word, kept in a book, so that what was done
// is undone and what somebody else did is left alone.

import ControlAPI
import HealthProbes
import Logging
import NetworkTypes
import VRRP
import VRRPWire

extension FailoverAgent {
  /// Installs all in one exchange.
  ///
  /// - Returns: Whether the kernel took them all.
  func install(_ addresses: [VirtualAddress], _ vrid: VRID, at now: Instant) -> Bool {
    guard let placement = placements[vrid] else { return true }
    let wanted = addresses.compactMap { address -> (VirtualAddress, AddressPlacement)? in
      guard let interface = placement.carrying[address], foreigner(address) == nil else { return nil }
      return (address, address.placed(on: interface))
    }
    var refused: [VirtualAddress: String] = [:]
    for ((address, place), result) in zip(wanted, host.install(wanted.map(\.1), lease: lease(vrid))) {
      // A refused one too: the kernel's answer may be lost, and removing what is not there does no harm.
      installed[vrid, default: [:]][address] = place
      if case .failure(let failure) = result {
        refused[address] = failure.description
        sayOnceInAWhile("\(failure)", at: now)
      }
    }
    let pause = refusals[vrid].map { min($0.pause * 2, Refusal.longestPause) }
    refusals[vrid] = refused.isEmpty ? nil : Refusal(words: refused)
    if let pause, !refused.isEmpty { refusals[vrid]?.pause = pause }
    return refused.isEmpty
  }

  private func lease(_ vrid: VRID) -> Duration? {
    (router[vrid]?.router.configuration ?? leaving[vrid])?.lease
  }

  /// Has the kernel keep what this node installed for another lease.
  func renew(_ vrid: VRID, at now: Instant) {
    let places = (installed[vrid] ?? [:]).sorted { $0.key.address < $1.key.address }.map(\.value)
    for result in host.renew(places, lease: lease(vrid)) {
      if case .failure(let failure) = result { sayOnceInAWhile("\(failure)", at: now) }
    }
  }

  /// Removes what this node installed of these; what another virtual router has taken over meanwhile stays.
  func remove(_ addresses: [VirtualAddress], _ vrid: VRID, at now: Instant) {
    let places = addresses.compactMap { installed[vrid]?.removeValue(forKey: $0) }
    let inUse = Set(installed.values.flatMap(\.values))
    remove(places.filter { !inUse.contains($0) }, at: now)
  }

  private func remove(_ places: [AddressPlacement], at now: Instant) {
    for (place, result) in zip(places, host.remove(places)) {
      guard case .failure(let failure) = result else { continue }
      sayOnceInAWhile("\(failure)", at: now)
      leftBehind.append(place)
    }
    if !leftBehind.isEmpty { removalRetry = now + .seconds(1) }
  }

  /// Tries again to remove what the kernel would not let go of, unless it is wanted again.
  func retryRemovals(at now: Instant) {
    guard let due = removalRetry, due <= now else { return }
    let inUse = Set(installed.values.flatMap(\.values))
    let places = leftBehind.filter { !inUse.contains($0) }
    leftBehind = []
    removalRetry = nil
    remove(places, at: now)
  }

  /// Addresses of this cluster that bear our mark were left by a vipd that died. Where their lease proves that nobody has
  /// taken over since, they are adopted; elsewhere they mislead, and are removed.
  ///
  /// - Returns: what this node goes on holding.
  func adoptLeftovers(at now: Instant) -> Set<VRID> {
    var resuming: Set<VRID> = []
    let renewals = (try? host.renewals()) ?? [:]
    for configuration in router.members.map(\.router.configuration) {
      guard let placement = placements[configuration.vrid], obstacle(of: configuration.vrid) == nil else { continue }
      let places = configuration.addresses.compactMap { address in
        placement.carrying[address].map { (address, address.placed(on: $0)) }
      }
      let ages = places.map { renewals[$0.1] ?? .seconds(Int64.max >> 8) }
      guard places.count == configuration.addresses.count, let oldest = ages.max(),
        configuration.mayResume(after: oldest)
      else { continue }
      installed[configuration.vrid] = Dictionary(uniqueKeysWithValues: places)
      resuming.insert(configuration.vrid)
      logger.notice("\(configuration.name): its addresses were renewed \(oldest.inWords) ago, so they are still held")
    }
    removeStrays(at: now)
    return resuming
  }

  /// Removes addresses that bear our mark where this node does not hold them, whatever state it is in.
  func removeStrays(at now: Instant) {
    let ours = Set(router.members.flatMap { $0.router.configuration.addresses.map(\.address.address) })
    let held = Set(installed.values.flatMap(\.values))
    let strays = interfaces.flatMap { interface in
      interface.addresses.filter { $0.isOurs && ours.contains($0.address.address) }
        .map { AddressPlacement(address: $0.address, interfaceIndex: interface.index) }
    }.filter { !held.contains($0) && !leftBehind.contains($0) }
    for place in strays { logger.warning("removing \(place.address), left by a vipd that did not end well") }
    if !strays.isEmpty { remove(strays, at: now) }
  }

  /// Steps back from a role whose addresses the kernel refuses: a holder without them helps nobody.
  func giveUp(_ vrid: VRID, at now: Instant) {
    guard let refusal = refusals[vrid] else { return }
    refusals[vrid]?.retry = now + refusal.pause
    tell(.address, refusal.summary, virtualRouter: router[vrid]?.router.configuration.name)
    process(.obstacle(vrid, obstacle(of: vrid)), at: now)
  }

  func retryRefused(at now: Instant) {
    for (vrid, refusal) in refusals.sorted(by: { $0.key < $1.key }) {
      guard let retry = refusal.retry, retry <= now else { continue }
      refusals[vrid]?.retry = nil
      process(.obstacle(vrid, obstacle(of: vrid)), at: now)
    }
  }
}

// MARK: - What the kernel holds

/// How an address stands on this host.
struct AddressCondition: Sendable {
  var isInstalled: Bool
  /// What is wrong with it, in words.
  var problem: String?
}

extension FailoverAgent {
  /// Where the address is without our having put it there, in words; nil where it is not.
  private func foreigner(_ address: VirtualAddress) -> String? {
    for interface in interfaces {
      if let entry = interface.entry(of: address.address.address), !entry.isOurs {
        return "\(entry.address) is on \(interface.name), and not by vipd: it will be left there"
      }
    }
    return nil
  }

  func condition(of address: VirtualAddress, _ member: VRRPRouter.Member) -> AddressCondition {
    let vrid = member.router.configuration.vrid
    let isInstalled = interfaces.contains { $0.entry(of: address.address.address) != nil }
    let isMissed = member.router.state.name == .active && !isInstalled
    let carrier = placements[vrid]?.carrying[address]?.name ?? "any interface"
    let refusal = refusals[vrid]?.retry == nil ? nil : refusals[vrid]?.words[address]
    return AddressCondition(
      isInstalled: isInstalled,
      problem: refusal ?? foreigner(address) ?? (isMissed ? "\(address.address) is not on \(carrier)" : nil))
  }

  /// Says once in a while which of our addresses somebody else has put here: a Backup Router with such a one is a second
  /// holder.
  func warnOfForeigners(at now: Instant) {
    for address in router.members.flatMap(\.router.configuration.addresses) {
      if let words = foreigner(address) { sayOnceInAWhile(words, at: now) }
    }
  }
}
