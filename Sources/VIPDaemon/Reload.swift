// Reading the cluster file again. What is wrong with a new file is told, and the old one goes on; what did not change
// in it is not touched.

import ClusterConfiguration
import ControlAPI
import HealthProbes
import NetworkTypes
import VRRP

/// A cluster file that was read and found good.
public struct LoadedConfiguration: Sendable {
  public var cluster: ClusterConfiguration
  /// Tells one file's text from another's.
  public var digest: String
  /// What is odd about it, a line each.
  public var warnings: [String]

  /// Reads and checks the file.
  public init(contentsOf path: String) throws(ControlFailure) {
    let outcome: ClusterFile.Outcome
    do throws(UnreadableFile) {
      outcome = try ClusterFile.load(path: path)
    } catch {
      throw ControlFailure("\(error)")
    }
    do throws(InvalidClusterFile) {
      cluster = try outcome.get()
    } catch {
      throw ControlFailure(
        error.diagnostics.filter { $0.severity == .error }.map(\.description).joined(separator: "\n"))
    }
    try Credentials.fill(&cluster)
    digest = outcome.digest
    warnings = outcome.diagnostics.filter { $0.severity == .warning }.map(\.description)
  }
}

extension FailoverAgent {
  /// For SIGHUP, where nobody waits for the answer. A second one during a reload leads to one more.
  public func reloadAsked() {
    guard !reloading else {
      reloadAgain = true
      return
    }
    Task { _ = await reload() }
  }

  /// Reads the file again and puts it in force.
  public func reload() async -> Result<String, ControlFailure> {
    guard !reloading else { return .failure(ControlFailure("a reload is going on already; ask again when it is over")) }
    reloading = true
    defer {
      reloading = false
      if reloadAgain {
        reloadAgain = false
        reloadAsked()
      }
    }
    let path = setup.file
    // Disks may be slow: not on this thread.
    let read = await Task.detached { () -> Result<LoadedConfiguration, ControlFailure> in
      Result { () throws(ControlFailure) in try LoadedConfiguration(contentsOf: path) }
    }.value
    switch read {
    case .failure(let failure): return refuse(failure)
    case .success(let loaded):
      if let failure = unacceptable(loaded.cluster) { return refuse(failure) }
      await prepareTrackers(for: loaded.cluster)
      if let failure = setFilter(for: loaded.cluster) { return refuse(failure) }
      return .success(put(loaded, inForceAt: Instant.now()))
    }
  }

  private func refuse(_ failure: ControlFailure) -> Result<String, ControlFailure> {
    lastRefusal = failure.error
    logger.error("\(setup.file) was refused, and the running configuration goes on:\n\(failure.error)")
    tell(.configuration, "\(setup.file) was refused, and the running configuration goes on: \(failure.error)")
    return .failure(failure)
  }

  /// What a running daemon cannot follow.
  private func unacceptable(_ new: ClusterConfiguration) -> ControlFailure? {
    guard new.node(named: setup.node) != nil else {
      return ControlFailure(
        "\(setup.file): node \(setup.node), which this is, is no longer in it (put it back, or stop vipd here)")
    }
    // An interface that is misspelt would take the address from every node that reads the file.
    for configuration in new.virtualRouters(for: setup.node) {
      guard let member = router[configuration.vrid], member.obstacle == nil else { continue }
      do throws(Obstacle) {
        _ = try Placement(of: configuration, on: interfaces)
      } catch {
        let words = Narration(configuration: configuration, now: Instant.now()).words(for: error)
        return ControlFailure("\(setup.file): \(configuration.name) could not go on here: \(words)")
      }
    }
    return nil
  }

  /// Before anything else: a virtual router whose peers the kernel keeps away would take itself for alone.
  private func setFilter(for new: ClusterConfiguration) -> ControlFailure? {
    do throws(HostNetworkFailure) {
      try host.setReceptionFilter(receptionFilter(of: new.virtualRouters(for: setup.node)))
      return nil
    } catch {
      return ControlFailure(error.description)
    }
  }

  /// New trackers are checked once before they count: a tracker that is only unknown must not cost priority.
  private func prepareTrackers(for new: ClusterConfiguration) async {
    let wanted = wantedTrackers(of: new)
    for (name, definition) in wanted where trackerTasks[name]?.definition != definition {
      candidates[name] = run(definition)
    }
    guard let longest = candidates.values.map(\.definition.timeout).max() else { return }
    let patience = Task { try await Task.sleep(for: longest + .seconds(1)) }
    self.patience = patience
    _ = await patience.result
  }

  private func put(_ loaded: LoadedConfiguration, inForceAt now: Instant) -> String {
    let old = configuration
    let oldRouters = router.members.map(\.router.configuration)
    let newRouters = grounded(loaded.cluster.virtualRouters(for: setup.node))
    configuration = loaded.cluster
    digest = loaded.digest
    loadedAt = now
    lastRefusal = nil

    adoptTrackers()
    reconfigure(to: newRouters, at: now)
    synchronize(at: now)
    rearm()

    let message = summary(from: oldRouters, to: newRouters) + controlNote(old, loaded.cluster)
    for warning in loaded.warnings { logger.warning("\(warning)") }
    logger.notice("\(setup.file) is in force: \(message)")
    tell(.configuration, "\(setup.file) is in force: \(message)")
    return message
  }

  /// Hands the core what it is to take part in from now on.
  func reconfigure(to newRouters: [VirtualRouterConfiguration], at now: Instant) {
    // First all that ends or must begin anew, while the old configuration is at hand for its farewells.
    leaving = Dictionary(
      router.members.map { ($0.router.configuration.vrid, $0.router.configuration) },
      uniquingKeysWith: { first, _ in first })
    let staying = newRouters.filter { new in leaving[new.vrid].map(new.standsOnTheSame) ?? false }
    // What is added is installed while the virtual router goes on: where, says the new file.
    for configuration in staying {
      if let placement = try? Placement(of: configuration, on: interfaces) {
        placements[configuration.vrid] = placement
      }
    }
    process(.reconfigured(staying, trackers: knownTrackers), at: now)
    leaving = [:]
    begin(newRouters, at: now)
  }

  private func adoptTrackers() {
    for (name, candidate) in candidates.sorted(by: { $0.key < $1.key }) {
      trackerTasks[name]?.task.cancel()
      trackerTasks[name] = candidate
      if let report = candidate.lastReport, let isUp = report.isUp { tell(report, isUp) }
    }
    candidates = [:]
    startTrackers()
  }

  /// Begins those that are new or stand on other addresses.
  private func begin(_ routers: [VirtualRouterConfiguration], at now: Instant) {
    var obstacles: [VRID: Obstacle] = [:]
    for configuration in routers {
      do throws(Obstacle) {
        placements[configuration.vrid] = try Placement(of: configuration, on: interfaces)
      } catch {
        obstacles[configuration.vrid] = error
      }
      refusals[configuration.vrid] = nil
      if ledgers[configuration.vrid] == nil { ledgers[configuration.vrid] = VirtualRouterLedger(since: now) }
    }
    process(.reconfigured(routers, obstacles: obstacles, trackers: knownTrackers), at: now)
    openLedgers(at: now)
  }

  private func summary(
    from old: [VirtualRouterConfiguration], to new: [VirtualRouterConfiguration]
  ) -> String {
    let added = new.filter { new in !old.contains { $0.vrid == new.vrid } }.map { "\($0.name) added" }
    let removed = old.filter { old in !new.contains { $0.vrid == old.vrid } }.map { "\($0.name) removed" }
    let changed = new.filter { new in old.contains { $0.vrid == new.vrid && $0 != new } }.map { "\($0.name) changed" }
    let all = added + removed + changed
    let secrets = new.filter { new in old.contains { $0.vrid == new.vrid && $0.password != new.password } }.map {
      "; until the other nodes have the new password of \($0.name), they and this node do not hear each other"
    }
    return (all.isEmpty ? "no virtual router changed" : all.joined(separator: ", ")) + secrets.joined()
  }

  private func controlNote(_ old: ClusterConfiguration, _ new: ClusterConfiguration) -> String {
    old.control == new.control ? "" : "; what changed under 'control' takes effect when vipd is restarted"
  }
}
