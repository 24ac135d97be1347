// One virtual router's part of a rehearsal.

import Glibc

struct RouterRehearsal: Sendable {
  let plan: RehearsalPlan
  let router: RehearsalPlan.VirtualRouter
  let cluster: RehearsalCluster
  let options: RehearsalRun.Options
  let tell: @Sendable (RehearsalRun.News) -> Void

  /// What is asked: the first address of each family that a client can reach.
  private var asked: [RehearsalPlan.Address] {
    let reachable = router.addresses.filter { address in
      AddressRange(address.address, prefixLength: address.prefixLength).map { !$0.isLinkLocal } ?? false
    }
    let first = [false, true].compactMap { isIPv6 in reachable.first { $0.address.contains(":") == isIPv6 } }
    return first.isEmpty ? Array(router.addresses.prefix(1)) : first
  }

  /// The checks that failed with nothing done to them.
  func notes(_ failed: [String: [(name: String, detail: String)]]) -> [String] {
    failed.sorted { $0.key < $1.key }.flatMap { node, trackers in
      trackers.map { "tracker \($0.name) fails on \(node): \($0.detail)" }
    }
  }

  func perform(_ faults: [RehearsalFault], _ counter: inout StepCounter) async throws -> RehearsalReport.Router {
    let port = plan.servicePort(of: router)
    var report = RehearsalReport.Router(
      name: router.name, addresses: asked.map(\.address), port: port, interval: router.interval,
      nodes: router.members.map(\.node), started: .now(), ended: .now())
    let clients = try asked.map { address throws(TestbedError) in
      try TrafficClient(from: cluster.testbed.client, to: address.address, port: port)
    }
    var scene = Scene(standing: Standing(plan: plan, router: router), clients: clients)
    try await open(&scene)
    for run in 1...max(1, options.runs) {
      for fault in faults {
        guard let holder = scene.standing.holder else { break }
        try await perform(fault, on: holder, run: run, &scene, &counter, &report)
      }
    }
    report.traffic = clients.map { $0.stop() }
    report.ended = .now()
    report.longestHiccup = scene.longestHiccup
    report.holdings = cluster.watch.holdings(of: asked.first?.address ?? "")
    return report
  }

  /// The present state of things.
  private struct Scene {
    var standing: Standing
    let clients: [TrafficClient]
    var longestHiccup = Duration.zero
  }

  /// Waits until the preferred node holds the addresses.
  private func open(_ scene: inout Scene) async throws {
    let start = Moment.now()
    guard let preferred = scene.standing.best else { return }
    let patience = scene.standing.activeDownInterval(of: preferred) * 2 + .seconds(10)
    // Trackers may turn out to fail here, so whoever has settled is asked for, not the node that was hoped for.
    let holder = try await settle(on: nil, since: start, patience: patience, &scene, isAnswering: true)
    guard let holder = holder.first else {
      throw TestbedError("\(router.name)", cause: "no node has taken \(asked.map(\.address).joined(separator: ", "))")
    }
    for (node, trackers) in cluster.failedTrackers() {
      scene.standing.failed[node] = Set(trackers.map(\.name))
    }
    scene.standing.holder = holder
  }

  private func perform(
    _ fault: RehearsalFault, on node: String, run: Int, _ scene: inout Scene, _ counter: inout StepCounter,
    _ report: inout RehearsalReport.Router
  ) async throws {
    let before = scene.standing
    var after = before
    switch fault {
    case .serviceKilled(_, let trackers), .processKilled(_, let trackers), .engineKilled(_, let trackers):
      after.failed[node, default: []].formUnion(trackers)
    case .daemonStopped, .hostKilled, .linkCut:
      after.absent.insert(node)
    }
    scene.standing = after
    let prediction = after.prediction(of: fault, before: before)
    try await step(fault, isMending: false, node: node, run: run, prediction, &scene, &counter, &report) {
      try await cluster.inflict(fault, on: node)
    }
    scene.standing.absent = before.absent
    scene.standing.failed = before.failed
    let homecoming = scene.standing.predictionOfReturn(from: fault)
    try await step(fault, isMending: true, node: node, run: run, homecoming, &scene, &counter, &report) {
      try await cluster.mend(fault, on: node)
    }
  }

  private func step(
    _ fault: RehearsalFault, isMending: Bool, node: String, run: Int, _ prediction: Prediction, _ scene: inout Scene,
    _ counter: inout StepCounter, _ report: inout RehearsalReport.Router, _ act: () async throws -> Void
  ) async throws {
    counter.done += 1
    let words = isMending ? fault.mending : fault.happening
    tell(.step(counter.done, of: counter.of, "\(router.name): \(words) on \(node)"))
    let holder = scene.standing.holder
    let moment = Moment.now()
    try await act()
    // A client can not tell who holds an address whose service is dead.
    let isServiceDead: Bool =
      switch fault {
      case .serviceKilled: !isMending && prediction.holder == node
      case .processKilled, .engineKilled, .daemonStopped, .hostKilled, .linkCut: false
      }
    let holders = try await settle(
      on: .some(prediction.holder), since: moment, patience: prediction.settledWithin, &scene,
      isAnswering: !isServiceDead)
    scene.standing.holder = holders.first
    let moves = moves(since: moment)
    let outage = longestOutage(since: moment, fault, on: node, &scene)
    let movedAfter = moves.last.map { $0.from - moment }
    let complaints = RehearsalReport.Row.complaints(
      after: holders, movedAfter: movedAfter, outage: outage, moves: moves.count, beforeWas: holder, prediction)
    let row = RehearsalReport.Row(
      number: report.rows.count + 1, run: run, fault: fault, isMending: isMending, node: node, moment: moment,
      before: [holder].compactMap { $0 }, after: holders, movedAfter: movedAfter, outage: outage,
      twoHolders: asked.map { cluster.watch.timeWithTwoHolders(of: $0.address, from: moment, to: .now()) }.max()
        ?? .zero,
      prediction: RehearsalReport.Expectation(
        holder: prediction.holder, outage: prediction.outage, movedWithin: prediction.movedWithin,
        reason: prediction.reason),
      complaints: complaints)
    report.rows.append(row)
    tell(.row(row))
  }

  /// The longest time for which a client was without an answer, hiccups of this machine's left out.
  private func longestOutage(
    since moment: Moment, _ fault: RehearsalFault, on node: String, _ scene: inout Scene
  ) -> Duration {
    var longest = Duration.zero
    for (address, client) in zip(asked, scene.clients) {
      var record = client.record
      let holdings = cluster.watch.holdings(of: address.address)
      let hiccups = record.outages.filter { outage in
        guard outage.end > moment, outage.duration < Self.longestHiccup else { return false }
        if case .serviceKilled = fault, outage.before == node { return false }
        return outage.before == outage.after
          && holdings.contains {
            $0.node == outage.after && $0.from <= outage.start && $0.to.map { $0 >= outage.end } ?? true
          }
      }
      record.outages.removeAll(where: hiccups.contains)
      longest = max(longest, record.longestOutage(since: moment))
      scene.longestHiccup = hiccups.map(\.duration).reduce(scene.longestHiccup, max)
    }
    return longest
  }

  /// A node that had the address before, during and after so short a time without an answer was kept from answering by how
  /// busy this machine is. Longer ones count.
  private static let longestHiccup = Duration.milliseconds(250)

  /// The times that an address was taken since then; of the address that was taken most often.
  private func moves(since moment: Moment) -> [HolderWatch.Holding] {
    asked.map { address in cluster.watch.holdings(of: address.address).filter { $0.from > moment } }
      .max { $0.count < $1.count } ?? []
  }

  /// Waits until the addresses are where they are expected, and have been for a while.
  ///
  /// - Parameters:
  ///   - expected: the node, or nil for nobody; nothing where any one node will do.
  ///   - patience: how long the move may take by the arithmetic.
  ///   - isAnswering: whether clients get answers then.
  /// - Returns: the nodes that hold the addresses in the end.
  private func settle(
    on expected: String??, since moment: Moment, patience: Duration, _ scene: inout Scene, isAnswering: Bool
  ) async throws -> [String] {
    let isMoveExpected = expected.map { $0 != scene.standing.holder } ?? true
    // Where nothing ought to happen, nothing must happen for as long as it could.
    let calm = isMoveExpected ? router.interval / 2 + .milliseconds(250) : patience
    let end = moment + patience + calm + .seconds(5)
    var calmSince: Moment?
    while true {
      let now = Moment.now()
      try await cluster.checkDaemons(besides: scene.standing.absent)
      let holders = holders()
      let isSettled =
        switch expected {
        case .some(let node): holders == [node].compactMap { $0 }
        case nil: holders.count == 1
        }
      let responders = Set(scene.clients.map(\.responder))
      let isServed = !isAnswering || (holders.isEmpty ? responders == [nil] : responders == [holders.first])
      tell(.live(live(holders, since: moment, scene.clients)))
      if isSettled && isServed {
        calmSince = calmSince ?? now
        if let calmSince, now - calmSince >= calm { return holders }
      } else {
        calmSince = nil
      }
      if now > end { return holders }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// The nodes that hold any of the addresses, by what their kernels have told.
  private func holders() -> [String] {
    let held = Set(
      asked.flatMap { address in cluster.watch.holdings(of: address.address).filter { $0.to == nil }.map(\.node) })
    return router.members.map(\.node).filter(held.contains)
  }

  private func live(_ holders: [String], since moment: Moment, _ clients: [TrafficClient]) -> String {
    let who =
      holders.isEmpty ? "nobody holds \(router.name)" : "\(holders.joined(separator: " and ")) holds \(router.name)"
    let record = clients.first?.record
    let waiting = record?.ongoingOutage.map { "; no answer for \((Moment.now() - $0).brief)" } ?? ""
    return who + waiting
  }
}
