// Plays every fault on one virtual router, at many phases between two advertisements of the holder, and judges what
// came of it.

import ClusterConfiguration
import NetworkTypes
import VRRP

struct Planner {
  private let configuration: ClusterConfiguration
  private let router: ClusterConfiguration.VirtualRouter
  private let analysis: FailoverAnalysis
  /// All is well, and the holder has just advertised.
  private let well: PlanRun
  private let holder: NodeName?

  /// So many moments between two advertisements, the first just after one and the last just before the next, where the
  /// extremes are.
  private static let phases = 12

  init(_ router: ClusterConfiguration.VirtualRouter, in configuration: ClusterConfiguration) {
    self.configuration = configuration
    self.router = router
    analysis = FailoverAnalysis(of: router, in: configuration)
    var run = PlanRun(SimulatedCluster(router, of: configuration), router.vrid)
    holder = run.holders.first.flatMap { name in router.members.map(\.node).first { $0.rawValue == name } }
    if let holder {
      run.runToAdvertisement(of: holder.rawValue, limit: run.now + router.interval.duration * 2)
    }
    well = run
  }

  func plan(nodes: Set<NodeName>?) -> FailoverPlan.VirtualRouter {
    let members = router.members.map(\.node).filter { nodes?.contains($0) ?? true }
    let starts = starts()
    let rows = members.flatMap { node in
      FailoverPlan.Fault.all(of: router).map { row($0, on: node, starts) }
    }
    return FailoverPlan.VirtualRouter(
      name: router.name, addresses: router.addresses, interval: router.interval, holder: holder, rows: rows,
      chains: chains())
  }

  private func starts() -> [PlanRun] {
    let margin = Duration.microseconds(1)
    let step = (router.interval.duration - margin * 2) / (Self.phases - 1)
    var run = well
    return (0..<Self.phases).map { phase in
      run.run(until: well.now + margin + step * phase)
      return run
    }
  }
}

// MARK: - One fault

extension Planner {
  /// What came of a fault at one phase.
  private struct Outcome {
    var run: PlanRun
    var begin: Instant
    var movedAfter: Duration?
    var unheld: Duration
    var contested: Duration
  }

  private func row(_ fault: FailoverPlan.Fault, on node: NodeName, _ starts: [PlanRun]) -> FailoverPlan.Row {
    var outcomes: [Outcome] = []
    for start in starts {
      // The first phase shows how long it takes; the others need not be watched for so much longer.
      let watched = outcomes.first.map { first in
        (first.run.spells.last.map { max($0.begin - first.begin, .zero) } ?? .zero) + router.interval.duration * 5
      }
      outcomes.append(outcome(of: fault, on: node, start, watched: watched))
    }
    let after = names(outcomes[0].run.holders)
    let detection = detection(of: fault)
    let moved = Self.range(outcomes.compactMap(\.movedAfter)).map { range in
      range.lowerBound + (detection?.lowerBound ?? .zero)...range.upperBound + (detection?.upperBound ?? .zero)
    }
    return FailoverPlan.Row(
      fault: fault, node: node, before: holder, after: after, movedAfter: moved,
      unheld: after.isEmpty ? nil : Self.range(outcomes.map(\.unheld)),
      contested: Self.range(outcomes.map(\.contested)) ?? .zero ... .zero, detection: detection,
      reason: PlanReason(router: router, analysis: analysis, configuration: configuration, holder: holder)
        .words(fault, on: node, after: after, outcomes[0].run),
      mark: mark(fault, on: node, after))
  }

  private func outcome(
    of fault: FailoverPlan.Fault, on node: NodeName, _ start: PlanRun, watched: Duration?
  ) -> Outcome {
    var run = start
    let begin = run.now
    run.meet(incident(fault, on: node))
    if let watched { run.run(until: begin + watched) } else { run.settle() }
    // Clients are with the rest, so that what only a node that is cut off holds is held by nobody.
    let unreachable = fault == .cutOff && node == holder ? [node.rawValue] : []
    let unheld = run.time(since: begin) { $0.filter { !unreachable.contains($0) }.isEmpty }
    let successors = run.holders.filter { $0 != holder?.rawValue }
    let moved = run.firstHeld(by: successors, since: begin).map { $0 - begin }
    return Outcome(
      run: run, begin: begin, movedAfter: moved, unheld: unheld,
      contested: contested(after: fault, run, since: begin))
  }

  /// While a node is cut off two holders cannot hear each other; what counts is how long they go on when they can.
  private func contested(after fault: FailoverPlan.Fault, _ run: PlanRun, since begin: Instant) -> Duration {
    guard fault == .cutOff else { return run.time(since: begin) { $0.count > 1 } }
    var healed = run
    let begin = run.now
    healed.meet(.heal)
    healed.run(until: begin + router.interval.duration * 5)
    return healed.time(since: begin) { $0.count > 1 }
  }

  private func incident(_ fault: FailoverPlan.Fault, on node: NodeName) -> Incident {
    let name = node.rawValue
    switch fault {
    case .trackerFails(let tracker): return .tracker(tracker.rawValue, on: name, isUp: false)
    case .hostDies: return .crash(name)
    case .linkCut: return .linkDown(name)
    case .stopped: return .stop(name)
    case .cutOff:
      return .partition([[name], router.members.map(\.node.rawValue).filter { $0 != name }])
    }
  }

  /// A process's death is told at once, a script's failure by the next run of it; then it takes `fall` in a row. A check
  /// that hangs takes its time-out more, and a Swarm's lost quorum its patience.
  private func detection(of fault: FailoverPlan.Fault) -> ClosedRange<Duration>? {
    guard case .trackerFails(let name) = fault, let tracker = configuration.tracker(named: name) else { return nil }
    let least = tracker.interval * (tracker.fall - 1)
    return least...(tracker.kind.isToldAtOnce ? least : least + tracker.interval)
  }

  private func mark(
    _ fault: FailoverPlan.Fault, on node: NodeName, _ after: [NodeName]
  ) -> FailoverPlan.Mark? {
    if after.isEmpty { return .leavesNobody }
    guard case .trackerFails(let tracker) = fault, node == holder, after == [node] else { return nil }
    guard let prospect = analysis.prospects.first(where: { $0.holder.node == node }), prospect.next != nil,
      prospect.holder.base != .addressOwner
    else { return nil }
    let canMatter = prospect.effects.contains { $0.tracker.tracker == tracker && $0.matters }
    return canMatter ? nil : .neverMoves
  }

  private func names(_ holders: [String]) -> [NodeName] {
    router.members.map(\.node).filter { holders.contains($0.rawValue) }
  }

  private static func range(_ durations: [Duration]) -> ClosedRange<Duration>? {
    guard let least = durations.min(), let most = durations.max() else { return nil }
    return least...most
  }
}

// MARK: - One failure after another

extension Planner {
  private func chains() -> [FailoverPlan.Chain] {
    let trackers = router.trackers.map(\.tracker)
    guard holder != nil, router.members.count > 1 else { return [] }
    return trackers.flatMap { first in trackers.map { chain(first, then: $0) } }
  }

  private func chain(_ first: TrackerName, then second: TrackerName) -> FailoverPlan.Chain {
    var run = well
    var chain = FailoverPlan.Chain(failures: [], holders: [holder])
    var tracker = first
    while let holder = chain.holders.last ?? nil, !chain.failures.contains(where: { $0.node == holder }) {
      chain.failures.append(FailoverPlan.Chain.Failure(tracker: tracker, node: holder))
      run.meet(.tracker(tracker.rawValue, on: holder.rawValue, isUp: false))
      run.settle()
      let next = names(run.holders).first
      chain.holders.append(next)
      if next == holder { break }
      tracker = second
    }
    chain.mark = mark(chain)
    return chain
  }

  /// Where the first failure moves nothing, its row says so.
  private func mark(_ chain: FailoverPlan.Chain) -> FailoverPlan.Mark? {
    guard let last = chain.holders.last, let holder = last else { return .leavesNobody }
    let failed = Set(chain.failures.map(\.node))
    let hasMoved = chain.failures.count > 1
    let hasHealthier = router.members.contains { !failed.contains($0.node) }
    return hasMoved && failed.contains(holder) && hasHealthier ? .unfitHolder : nil
  }
}
