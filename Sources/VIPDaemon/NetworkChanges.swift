// The host's links and addresses change under a running daemon: cables, DHCP, Docker, an admin. Whatever changed, the
// whole picture is taken anew and compared; there is no second bookkeeping to drift away from the kernel's.

import ControlAPI
import HealthProbes
import NetworkTypes
import VRRP

extension FailoverAgent {
  /// A container host changes its links in bursts: the first change is looked at once, the rest of a burst together.
  private static let burst = Duration.milliseconds(20)

  func networkChanged() {
    guard host.drainChanges() else { return }
    let now = Instant.now()
    process(.awake, at: now)
    if let lastResync, now - lastResync < Self.burst {
      resync = resync ?? lastResync + Self.burst
    } else {
      synchronize(at: now)
    }
    rearm()
  }

  /// Takes the kernel's picture, and brings every virtual router in line with it.
  func synchronize(at now: Instant) {
    resync = nil
    lastResync = now
    do throws(HostNetworkFailure) {
      interfaces = try host.interfaces()
    } catch {
      logger.error("\(error)")
      resync = now + .seconds(1)
      return
    }
    let current = router.members.map(\.router.configuration)
    let grounded = grounded(current)
    if grounded != current { reconfigure(to: grounded, at: now) }
    let before = placements
    for (vrid, obstacle) in place() {
      if obstacle == nil, let old = before[vrid], let name = placements[vrid]?.replacedInterface(since: old) {
        // Replaced so quickly that only its number tells: what was there is gone, and is begun anew.
        refusals[vrid] = nil
        process(.obstacle(vrid, .interfaceReplaced(name)), at: now)
      }
      process(.obstacle(vrid, obstacle ?? self.obstacle(of: vrid)), at: now)
    }
    guardAddresses(at: now)
    warnOfForeigners(at: now)
    watchNeighbors(at: now)
  }

  /// These with what only the host knows, as far as it can be found out now.
  func grounded(_ configurations: [VirtualRouterConfiguration]) -> [VirtualRouterConfiguration] {
    configurations.map { configuration in
      let placement = try? Placement(of: configuration, on: interfaces)
      return configuration.speaking(from: placement?.primaryAddresses ?? [:])
    }
  }

  /// Works out where each virtual router takes place now, and listens there.
  ///
  /// - Returns: For each what keeps the node from taking part, or nil. Then its last placement stays, since what was
  ///   installed there may still have to be undone.
  func place() -> [(VRID, Obstacle?)] {
    var here: [VRID: Placement] = [:]
    let placed = router.members.map { member -> (VRID, Obstacle?) in
      let configuration = member.router.configuration
      do throws(Obstacle) {
        let placement = try Placement(of: configuration, on: interfaces)
        placements[configuration.vrid] = placement
        here[configuration.vrid] = placement
        return (configuration.vrid, nil)
      } catch {
        return (configuration.vrid, error)
      }
    }
    listen(here)
    return placed.map { vrid, obstacle in (vrid, obstacle ?? deafness[vrid].map { .deaf($0.description) }) }
  }

  /// Joins the groups that multicast virtual routers speak to, where they speak, and leaves all others. Who cannot hear
  /// the others must not take part: it would take itself for alone.
  private func listen(_ placements: [VRID: Placement]) {
    var wanted: [VRID: Set<GroupMembership>] = [:]
    // Where unicast is spoken, a peer that speaks to the group shows in the sample.
    var sampled: Set<GroupMembership> = []
    for configuration in router.members.map(\.router.configuration) {
      let memberships = (placements[configuration.vrid]?.speaking ?? [:]).map { family, interface in
        GroupMembership(group: family.vrrpGroup, interfaceIndex: interface.index)
      }
      switch configuration.transport {
      case .unicast: sampled.formUnion(memberships)
      case .multicast: wanted[configuration.vrid] = Set(memberships)
      }
    }
    let failures = host.setMemberships(wanted.values.reduce(into: []) { $0.formUnion($1) }, sampled: sampled)
    deafness = wanted.compactMapValues { memberships in memberships.lazy.compactMap { failures[$0] }.first }
    if !deafness.isEmpty { resync = Instant.now() + .seconds(5) }
  }

  /// What keeps the node from taking part in one virtual router now.
  func obstacle(of vrid: VRID) -> Obstacle? {
    guard let configuration = router[vrid]?.router.configuration else { return nil }
    do throws(Obstacle) {
      _ = try Placement(of: configuration, on: interfaces)
    } catch {
      return error
    }
    if let failure = deafness[vrid] { return .deaf(failure.description) }
    guard let refusal = refusals[vrid], refusal.retry != nil else { return nil }
    return .addressesRefused(refusal.summary)
  }

  /// What the kernel shall let through: only peers of ours, where there are peers, and only what is spoken here.
  func receptionFilter(of configurations: [VirtualRouterConfiguration]) -> ReceptionFilter {
    let unicast = configurations.filter { $0.transport == .unicast }
    let sources = Set(unicast.flatMap { $0.families.flatMap { $0.peers.map(\.address) } })
    // A group without VRIDs is unwanted, but shows in the sample.
    let groups = IPFamily.allCases.map { family in
      ReceptionFilter.Group(
        address: family.vrrpGroup,
        vrids: configurations.filter { $0.transport == .multicast && $0.family(family) != nil }
          .map(\.vrid.rawValue).sorted())
    }
    return ReceptionFilter(
      sources: sources.sorted(), vrids: unicast.map(\.vrid.rawValue).sorted(),
      groups: groups,
      versions: Set(configurations.map(\.version.rawValue)).sorted(),
      minimumHopLimit: configurations.map(\.minimumHopLimit).min() ?? 255)
  }
}
