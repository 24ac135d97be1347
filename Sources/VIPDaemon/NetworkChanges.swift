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
    let before = placements
    for (vrid, obstacle) in place() {
      if obstacle == nil, let old = before[vrid], let name = placements[vrid]?.replacedInterface(since: old) {
        // Replaced so quickly that only its number tells: what was there is gone, and is begun anew.
        refusals[vrid] = nil
        process(.obstacle(vrid, .interfaceReplaced(name)), at: now)
      }
      process(.obstacle(vrid, obstacle ?? self.obstacle(of: vrid)), at: now)
    }
    warnOfForeigners(at: now)
    watchNeighbors(at: now)
  }

  /// Works out where each virtual router takes place now.
  ///
  /// - Returns: For each what keeps the node from taking part, or nil. Then its last placement stays, since what was
  ///   installed there may still have to be undone.
  func place() -> [(VRID, Obstacle?)] {
    router.members.map { member in
      let configuration = member.router.configuration
      do throws(Obstacle) {
        placements[configuration.vrid] = try Placement(of: configuration, on: interfaces)
        return (configuration.vrid, nil)
      } catch {
        return (configuration.vrid, error)
      }
    }
  }

  /// What keeps the node from taking part in one virtual router now.
  func obstacle(of vrid: VRID) -> Obstacle? {
    guard let configuration = router[vrid]?.router.configuration else { return nil }
    do throws(Obstacle) {
      _ = try Placement(of: configuration, on: interfaces)
    } catch {
      return error
    }
    guard let refusal = refusals[vrid], refusal.retry != nil else { return nil }
    return .addressesRefused(refusal.summary)
  }

  /// What the kernel shall let through: only peers of ours, and only what is spoken here.
  func receptionFilter(of configurations: [VirtualRouterConfiguration]) -> ReceptionFilter {
    let sources = Set(configurations.flatMap { $0.families.flatMap { $0.peers.map(\.address) } })
    return ReceptionFilter(
      sources: sources.sorted(), vrids: configurations.map(\.vrid.rawValue).sorted(),
      versions: Set(configurations.map(\.version.rawValue)).sorted(),
      minimumHopLimit: configurations.map(\.minimumHopLimit).min() ?? 255)
  }
}
