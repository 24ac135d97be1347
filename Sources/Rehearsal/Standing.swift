// Who ought to hold a virtual router's addresses, and how long a fault ought to cost: the protocol's arithmetic, against
// which a rehearsal holds what it measures. Written from the cluster's numbers alone, so that it shares no mistake with
// the daemon.

/// The condition of each node that takes part in one virtual router.
struct Standing: Sendable, Hashable {
  let plan: RehearsalPlan
  let router: RehearsalPlan.VirtualRouter
  /// Nodes whose vipd does not run, or can not be heard.
  var absent: Set<String> = []
  /// Trackers that are down, by node.
  var failed: [String: Set<String>] = [:]
  /// Who holds the addresses now.
  var holder: String?

  init(plan: RehearsalPlan, router: RehearsalPlan.VirtualRouter) {
    self.plan = plan
    self.router = router
  }

  /// The priority that a node advertises; nil where it takes no part.
  func effectivePriority(of node: String) -> Int? {
    guard !absent.contains(node), let member = router.members.first(where: { $0.node == node }) else { return nil }
    var priority = member.priority
    for tracked in router.trackers {
      let isDown = failed[node]?.contains(tracked.tracker) ?? false
      if tracked.weight == 0, isDown { return nil }
      if tracked.weight < 0, isDown { priority += tracked.weight }
      if tracked.weight > 0, !isDown { priority += tracked.weight }
    }
    // An address owner's priority is not changed by trackers.
    return member.priority == 255 ? 255 : min(max(priority, 1), 254)
  }

  /// The node with the highest priority; among equals the present holder stays, else the greater address wins.
  var best: String? {
    router.members.compactMap { member in effectivePriority(of: member.node).map { (member.node, $0) } }
      .max { ($0.1, $0.0 == holder ? 1 : 0, rank(of: $0.0)) < ($1.1, $1.0 == holder ? 1 : 0, rank(of: $1.0)) }?.0
  }

  /// Who will hold the addresses once all has settled.
  ///
  /// Without preemption the holder stays as long as nothing is wrong with it; one with a failed tracker resigns to a fitter
  /// one.
  var settled: String? {
    guard let holder, effectivePriority(of: holder) != nil, router.preemption == .never else { return best }
    return failed[holder]?.isEmpty ?? true ? holder : best
  }

  /// Comparable as the nodes' addresses are. RFC 9568 §6.4.3
  private func rank(of node: String) -> Int {
    let ranked = plan.nodes.sorted { one, other in
      let pair = (one.addresses.first, other.addresses.first)
      guard let mine = pair.0.flatMap({ AddressRange($0, prefixLength: 0) }),
        let theirs = pair.1.flatMap({ AddressRange($0, prefixLength: 0) })
      else { return false }
      return mine.address.lexicographicallyPrecedes(theirs.address)
    }
    return ranked.firstIndex { $0.name == node } ?? 0
  }

  /// (256 − priority) × interval / 256, by a node's present priority. RFC 9568 §6.1
  func skewTime(of node: String) -> Duration {
    router.interval * (256 - (effectivePriority(of: node) ?? 1)) / 256
  }

  /// From the last advertisement heard until a node takes over: 3 × interval + Skew_Time. RFC 9568 §6.1
  func activeDownInterval(of node: String) -> Duration { router.interval * 3 + skewTime(of: node) }
}

/// What ought to happen.
struct Prediction: Sendable, Hashable {
  /// Who holds the addresses afterwards; nil for nobody.
  var holder: String?
  /// How long a client may wait for an answer; nil where it waits as long as the fault lasts, or where nothing is said.
  var outage: ClosedRange<Duration>?
  /// How long after the fault the addresses have moved at the latest; nil where nothing is said.
  var movedWithin: Duration?
  /// When to stop waiting for it, if not before.
  var settledWithin: Duration
  /// Why, in the terms of the protocol.
  var reason: String
}

extension Standing {
  /// - Parameter before: the standing before the fault; `self` is that after it, with the same holder.
  func prediction(of fault: RehearsalFault, before: Standing) -> Prediction {
    guard let successor = settled else {
      return Prediction(
        holder: nil, settledWithin: activeDownInterval(of: ""), reason: "no node is left that takes part")
    }
    let detection = detectionTime(of: fault)
    guard successor != holder else { return staying(despite: fault, detection) }
    let skew = skewTime(of: successor)
    let down = activeDownInterval(of: successor)
    switch fault {
    case .hostKilled, .linkCut:
      return Prediction(
        holder: successor, outage: (down - router.interval)...down, movedWithin: down, settledWithin: down,
        reason: "Active_Down_Interval of \(successor), less up to one interval")
    case .daemonStopped:
      return Prediction(
        holder: successor, outage: .zero...(.zero), movedWithin: skew, settledWithin: skew,
        reason: "none: it serves until \(successor) does, within its Skew_Time")
    case .serviceKilled:
      let (moved, how) = handOver(to: successor)
      return Prediction(
        holder: successor, outage: .zero...(detection + moved), movedWithin: detection + moved,
        settledWithin: detection + moved, reason: "the check's \(detection.brief) + \(how) of \(successor)")
    case .processKilled, .engineKilled:
      let (moved, how) = handOver(to: successor)
      // The old holder answers until the new one has announced itself; one that resigns does not wait for that.
      let resigns = holder.flatMap(effectivePriority) == nil || router.preemption.makesTheUnfitResign
      return Prediction(
        holder: successor, outage: .zero...(resigns ? moved : .zero), movedWithin: detection + moved,
        settledWithin: detection + moved,
        reason: resigns ? "at most \(how) of \(successor)" : "none: moves within \(how) of \(successor)")
    }
  }

  private func staying(despite fault: RehearsalFault, _ detection: Duration) -> Prediction {
    let wait = detection + router.interval * 2
    switch fault {
    case .serviceKilled:
      return Prediction(holder: holder, settledWithin: wait, reason: "stays, so until the service is back")
    case .processKilled, .engineKilled, .daemonStopped, .hostKilled, .linkCut:
      return Prediction(
        holder: holder, outage: .zero ... .zero, settledWithin: wait, reason: "none: stays, no other node ranks higher")
    }
  }

  /// How long it takes that a present holder of lower priority is relieved, and what that time is called.
  private func handOver(to successor: String) -> (Duration, String) {
    let resigns = holder.flatMap(effectivePriority) == nil
    switch router.preemption {
    case .rfc where !resigns: return (activeDownInterval(of: successor), "Active_Down_Interval")
    case .rfc, .immediate, .never, .after: return (skewTime(of: successor), "Skew_Time")
    }
  }

  /// How long a fault can go unnoticed on its own node.
  private func detectionTime(of fault: RehearsalFault) -> Duration {
    switch fault {
    case .hostKilled, .linkCut, .daemonStopped: .zero
    case .serviceKilled(_, let trackers), .engineKilled(_, let trackers):
      trackers.compactMap(plan.tracker(named:)).map { $0.interval * $0.fall }.max() ?? .zero
    case .processKilled(_, let trackers):
      trackers.compactMap(plan.tracker(named:)).map { tracker in
        switch tracker.kind {
        case .process: tracker.interval * (tracker.fall - 1)
        case .program, .shell, .service, .engine, .other: tracker.interval * tracker.fall
        }
      }.max() ?? .zero
    }
  }

  /// What ought to happen when a fault is mended. `self` is the standing after that.
  func predictionOfReturn(from fault: RehearsalFault) -> Prediction {
    let recognition =
      switch fault {
      case .hostKilled, .daemonStopped, .linkCut:
        // A started daemon believes its trackers only after their first runs.
        router.trackers.compactMap { plan.tracker(named: $0.tracker) }.map { $0.interval * $0.rise }.max() ?? .zero
      case .serviceKilled(_, let trackers), .processKilled(_, let trackers), .engineKilled(_, let trackers):
        trackers.compactMap(plan.tracker(named:)).map { $0.interval * $0.rise }.max() ?? .zero
      }
    let start = Duration.seconds(2)
    guard let next = settled, next != holder else {
      return Prediction(
        holder: holder, settledWithin: recognition + start + router.interval * 2, reason: "stays where it is")
    }
    let delay: Duration =
      switch router.preemption {
      case .immediate, .never: skewTime(of: next)
      case .rfc: activeDownInterval(of: next)
      case .after(let delay): delay + skewTime(of: next)
      }
    return Prediction(
      holder: next, outage: .zero ... .zero, settledWithin: recognition + start + router.interval + delay,
      reason: "none: \(holder ?? "the holder") answers until \(next) takes over")
  }
}

extension RehearsalPlan.Preemption {
  /// Where a fitter node would not take over by itself, the unfit one gives up.
  var makesTheUnfitResign: Bool {
    switch self {
    case .immediate, .rfc: false
    case .never, .after: true
    }
  }
}
