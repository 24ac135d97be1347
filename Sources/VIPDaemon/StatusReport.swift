// What `GET /v1/status` answers: the core's state and the books, in the words and keys that DESIGN.md promises.

import ClusterConfiguration
import ControlAPI
import Glibc
import HealthProbes
import NetworkTypes
import VRRP

extension FailoverAgent: ControlSource {
  public func status() -> NodeStatus {
    let now = Instant.now()
    countRejections(at: now)
    let virtualRouters = router.members.flatMap { member in
      member.router.configuration.families.map { status(of: member, $0, at: now) }
    }
    return NodeStatus(
      cluster: configuration.name, node: setup.node.rawValue, version: setup.version, uptime: now - startedAt,
      virtualRouters: virtualRouters, trackers: trackerStatuses(at: now), peers: peerStatuses(at: now),
      health: health(at: now),
      configuration: ConfigurationStatus(
        file: setup.file, digest: digest, loaded: now - loadedAt, refused: lastRefusal),
      loop: LoopStatus(
        deadlines: punctuality.deadlines, latenessMaximum: punctuality.latenessMaximum,
        latenessLast: punctuality.latenessLast, latenessSum: punctuality.latenessSum.inSeconds,
        lateness: punctuality.buckets),
      pid: Int(getpid()),
      strays: StrayStatus(
        discarded: counts(strays), unexamined: Int(clamping: host.unsampledRejections),
        flawedClaims: Dictionary(attention.flaws.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)),
      rivals: rivalStatuses(at: now), unknownSenders: unknownSenders(at: now),
      drain: drainOrder.map { DrainStatus(forced: $0.isForced, remaining: drainEnd.map { max(.zero, $0 - now) }) },
      upgrades: upgrades, clock: clockSteps.status(at: now))
  }
}

// MARK: - Virtual routers

extension FailoverAgent {
  private func status(
    of member: VRRPRouter.Member, _ family: FamilyConfiguration, at now: Instant
  ) -> VirtualRouterStatus {
    let configuration = member.router.configuration
    let vrid = configuration.vrid
    let ledger = ledgers[vrid] ?? VirtualRouterLedger(since: now)
    let traffic = ledger[family.family]
    let speaking = member.obstacle == nil ? placements[vrid]?.speaking[family.family]?.name : nil
    return VirtualRouterStatus(
      name: configuration.name, family: AddressFamily(family.family), vrid: Int(vrid.rawValue),
      interface: speaking ?? family.interface, state: VirtualRouterState(member.router.state.name),
      since: now - ledger.since, priority: Int(configuration.priority.rawValue),
      effectivePriority: Int(member.fitness.priority.rawValue),
      reason: Narration(configuration: configuration, now: now).standing(
        of: member, after: ledger.lastTransition, since: ledger.since),
      activeRouter: activeRouter(of: member, family),
      addresses: family.addresses.map { status(of: $0, member) },
      transitions: ledger.transitions, advertisementsSent: traffic.sent, advertisementsReceived: traffic.received,
      discarded: counts(traffic.discarded),
      adjustments: member.fitness.adjustments.map { PriorityAdjustment(tracker: $0.tracker, amount: $0.weight) },
      interval: configuration.interval.duration, protocolVersion: Int(configuration.version.rawValue),
      announcementsSent: traffic.announcements, addressesLost: losses[vrid]?.total ?? 0,
      conflicts: ledger.conflicts.count, deafLinks: deafLinks(of: member, at: now))
  }

  /// All reasons, so that a counter that is still zero can be told from one that does not exist.
  private func counts(_ discarded: [DiscardReason: Int]) -> [String: Int] {
    Dictionary(
      DiscardReason.allCases.map { ($0.rawValue, discarded[$0] ?? 0) }, uniquingKeysWith: { first, _ in first })
  }

  private func activeRouter(
    of member: VRRPRouter.Member, _ family: FamilyConfiguration
  ) -> ControlAPI.ActiveRouter? {
    switch member.router.state {
    case .initialize:
      return nil
    case .active:
      return ControlAPI.ActiveRouter(
        node: setup.node.rawValue, address: family.localAddress.description,
        priority: Int(member.router.priority.rawValue))
    case .backup:
      guard let heard = member.router.activeRouter, case .contending(let priority) = heard.priority else { return nil }
      let node = member.router.configuration.peer(at: heard.address)?.node
      // What was heard in one family holds for the other: the node's address of this one.
      let address = family.peers.first { $0.node == node }?.address ?? heard.address
      return ControlAPI.ActiveRouter(node: node, address: address.description, priority: Int(priority.rawValue))
    }
  }

  private func status(of address: VirtualAddress, _ member: VRRPRouter.Member) -> VirtualAddressStatus {
    let condition = condition(of: address, member)
    let carrier = placements[member.router.configuration.vrid]?.carrying[address]
    return VirtualAddressStatus(
      address: address.address.description, installed: condition.isInstalled,
      interface: carrier?.name ?? address.interface, problem: condition.problem)
  }
}

// MARK: - Trackers, peers, health

extension FailoverAgent {
  private func trackerStatuses(at now: Instant) -> [TrackerStatus] {
    configuration.trackers.compactMap { tracker in
      guard let running = trackerTasks[tracker.name.rawValue] else { return nil }
      let weights = Set(
        router.members.flatMap { $0.router.configuration.trackers }.filter { $0.tracker == tracker.name.rawValue }
          .map(\.weight))
      let report = running.lastReport
      return TrackerStatus(
        name: tracker.name.rawValue, kind: tracker.kind.key, up: report?.isUp ?? false,
        weight: weights.count == 1 ? weights.first : nil, since: now - running.since,
        detail: report?.detail ?? "not checked yet", pending: report?.isUp == nil,
        duration: report?.lastCheckDuration, output: report?.output,
        streak: report.map { max($0.successes, $0.failures) }, checks: report?.checks, timeouts: report?.timeouts)
    }
  }

  private func peerStatuses(at now: Instant) -> [PeerStatus] {
    var seen: Set<IPAddress> = []
    return router.members.flatMap { $0.router.configuration.families.flatMap(\.peers) }
      .filter { seen.insert($0.address).inserted }
      .map { peer in
        let ledger = peers[peer.address]
        return PeerStatus(
          node: peer.node, address: peer.address.description, lastHeard: ledger.map { now - $0.lastHeard },
          checksum: ledger?.checksumWords, priority: ledger.map { Int($0.advertisement.priority.fieldValue) },
          advertisementsReceived: ledger?.received,
          protocolVersion: ledger.map { Int($0.advertisement.version.rawValue) },
          interval: ledger?.advertisement.interval.duration, hopLimit: ledger.map { Int($0.hopLimit) },
          disagreements: disagreements(with: peer.address, at: now))
      }
  }

  /// Who speaks in a group and is in no file.
  ///
  /// Where a virtual router has both families, IPv4 tells who its speakers are; the same in IPv6 come from link-local
  /// addresses, and are no news.
  private func unknownSenders(at now: Instant) -> [UnknownSenderStatus] {
    func isKnownOtherwise(_ address: IPAddress, _ ledger: PeerLedger) -> Bool {
      address.family == .ipv6 && ledger.vrids.allSatisfy { router[$0]?.router.configuration.families.count == 2 }
    }
    return peers.filter { !isConfigured($0.key) && !isKnownOtherwise($0.key, $0.value) }.sorted { $0.key < $1.key }.map
    { address, ledger in
      UnknownSenderStatus(
        address: address.description, lastHeard: now - ledger.lastHeard,
        vrids: ledger.vrids.map { Int($0.rawValue) }.sorted(),
        priority: Int(ledger.advertisement.priority.fieldValue), checksum: ledger.checksumWords,
        advertisementsReceived: ledger.received)
    }
  }

  /// Fit is a node that takes part in all its virtual routers with nothing held against it. What others send is told,
  /// but anybody on the network can send it, so that it is no reason to call this node unfit.
  private func health(at now: Instant) -> NodeHealth {
    let own = router.members.flatMap { problems(of: $0, at: now) } + trackerProblems
    let others = router.members.map(\.router.configuration).flatMap { configuration in
      disagreements(in: configuration, at: now).map { "\(configuration.name): \($0)" }
    }
    let conflicts = router.members.compactMap { conflictProblem(of: $0.router.configuration, at: now) }
    let links = router.members.flatMap { deafLinkProblems(of: $0, at: now) }
    return NodeHealth(fit: own.isEmpty, problems: own + conflicts + links + others + rivalProblems)
  }

  private func problems(of member: VRRPRouter.Member, at now: Instant) -> [String] {
    let configuration = member.router.configuration
    let narration = Narration(configuration: configuration, now: now)
    let obstacle = member.obstacle.map { [narration.words(for: $0)] } ?? []
    let sending = configuration.families.compactMap { ledgers[configuration.vrid]?[$0.family].sendFailure }
    // The kernel's refusal is the obstacle already.
    let addresses = configuration.addresses.compactMap { condition(of: $0, member).problem }
      .filter { !obstacle.contains($0) }
    return (obstacle + sending.map { "advertisements do not leave: \($0)" } + addresses)
      .map { "\(configuration.name): \($0)" }
  }

  private var trackerProblems: [String] {
    configuration.trackers.compactMap { tracker in
      guard let running = trackerTasks[tracker.name.rawValue], running.lastReport?.isUp != true else { return nil }
      return "tracker \(tracker.name) is down: \(running.lastReport?.detail ?? "not checked yet")"
    }
  }
}
