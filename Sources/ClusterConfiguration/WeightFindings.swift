// Priorities and weights that are allowed but can not have been meant: the field's most frequent mistake is a weight
// that is too small to ever move the address. Found by `FailoverAnalysis`, said in words and numbers, with weights
// that work.

import VRRP

/// Something about priorities and weights that the admin should know.
struct WeightFinding: Sendable, Hashable {
  enum Subject: Sendable, Hashable {
    /// The virtual router's list of trackers.
    case track(VirtualRouterName)
    /// The weight of a tracker that this virtual router tracks.
    case weight(TrackerName, in: VirtualRouterName)
    /// The priorities of the nodes of this virtual router.
    case priorities(VirtualRouterName)
  }

  var subject: Subject
  var message: String
  var details: [String] = []
  var hint: String
}

/// Looks through a configuration.
struct WeightReview {
  private let cluster: ClusterConfiguration
  /// For each tracker the weight that would do in all virtual routers that track it.
  private let suggestions: [TrackerName: Int]

  private typealias VirtualRouter = ClusterConfiguration.VirtualRouter

  init(of cluster: ClusterConfiguration) {
    self.cluster = cluster
    var suggestions: [TrackerName: Int] = [:]
    for router in cluster.virtualRouters {
      let weight = PriorityRules.automaticWeight(for: router.members.map(\.priority))
      for tracker in router.trackers {
        suggestions[tracker.tracker] = min(weight, suggestions[tracker.tracker] ?? weight)
      }
    }
    self.suggestions = suggestions
  }

  /// In the file's order of virtual routers.
  var findings: [WeightFinding] {
    cluster.virtualRouters.flatMap { router -> [WeightFinding] in
      let analysis = FailoverAnalysis(of: router, in: cluster)
      let tooSmall =
        nothingMoves(router, analysis).map { [$0] }
        ?? router.trackers.indices.compactMap { powerless(at: $0, in: router, analysis) }
      return tooSmall + [clampedTogether(router, analysis), rankingBreaks(router)].compactMap(\.self)
    }
  }

  // MARK: Too small a weight

  private func nothingMoves(_ router: VirtualRouter, _ analysis: FailoverAnalysis) -> WeightFinding? {
    guard let first = analysis.prospects.first, let next = first.next, !router.trackers.isEmpty,
      first.holder.base != .addressOwner, !first.canMove
    else { return nil }
    var details = [
      "while all is well \(first.holder.node) has \(first.holder.priority) and holds the address; "
        + "\(next.node) is next with \(next.priority)"
    ]
    details += first.effects.map { $0.words(in: first) }
    if first.effects.count > 1, let left = first.priorityWhenAllFail {
      let all = first.effects.count == 2 ? "both" : "all \(first.effects.count)"
      details.append(
        "\(all) fail on \(first.holder.node): \(first.holder.priority) → \(left), "
          + "and \(next.node) (\(next.priority)) still does not take over")
    }
    return WeightFinding(
      subject: .track(router.name),
      message: "virtual router '\(router.name)': as written, no failure of a check can move the address",
      details: details, hint: remedy(for: router.trackers.map(\.tracker), in: router))
  }

  /// - Parameter index: the tracker's place in the virtual router's list, and so in each prospect's effects.
  private func powerless(at index: Int, in router: VirtualRouter, _ analysis: FailoverAnalysis) -> WeightFinding? {
    let tracker = router.trackers[index]
    let stuck = analysis.prospects.filter { prospect in
      prospect.next != nil && prospect.holder.base != .addressOwner && !prospect.effects[index].matters
    }
    guard let first = stuck.first else { return nil }
    let everywhere = stuck.count == analysis.prospects.count { $0.next != nil }
    let subject = "virtual router '\(router.name)': "
    let message =
      everywhere
      ? "the weight of '\(tracker.tracker)' is too small to ever move the address"
      : "a failure of '\(tracker.tracker)' on \(first.holder.node) can not move the address"
    return WeightFinding(
      subject: .weight(tracker.tracker, in: router.name), message: subject + message,
      details: stuck.map { prospect in
        prospect.effects[index].words(in: prospect) + (router.trackers.count > 1 ? ", whatever else fails" : "")
      },
      hint: remedy(for: [tracker.tracker], in: router))
  }

  /// Weights that would work, or, where the priorities allow none, what to do about these.
  private func remedy(for trackers: [TrackerName], in router: VirtualRouter) -> String {
    let weights = trackers.map { ($0, suggestions[$0] ?? -1) }
    guard works(weights, in: router) else {
      return "leave 'priority' and 'weight' out everywhere: vipd then finds priorities and weights that work"
    }
    let list = weights.map { "\($0) \($1)" }.joined(separator: ", ")
    let numbers = weights.count == 1 ? "a weight that would work" : "weights that would work"
    let hasRoom = failuresUntilRankingBreaks(in: router, withAutomatic: Set(trackers)) == nil
    let leaveOut = hasRoom ? "'weight'" : "'priority' and 'weight'"
    return "\(numbers): \(list); or leave \(leaveOut) out, and vipd finds what works"
  }

  /// Whether with these weights each of the trackers moves the address by itself from every node that has a next.
  private func works(_ weights: [(TrackerName, Int)], in router: VirtualRouter) -> Bool {
    guard weights.allSatisfy({ PriorityRules.weights.contains($0.1) }) else { return false }
    var changed = router
    for index in changed.trackers.indices {
      guard let weight = weights.first(where: { $0.0 == changed.trackers[index].tracker }) else { continue }
      changed.trackers[index].weight = weight.1
    }
    return FailoverAnalysis.handovers(of: changed, in: cluster).allSatisfy { holder, next in
      guard let next, holder.base != .addressOwner else { return true }
      let scales = Scales(holder: holder, next: next, in: changed)
      return changed.trackers.allSatisfy { tracker in
        scales.tip(with: tracker) || !weights.contains { $0.0 == tracker.tracker }
      }
    }
  }

  // MARK: The bounds of a priority

  /// Positive weights that lift different priorities to the same 254.
  private func clampedTogether(_ router: VirtualRouter, _ analysis: FailoverAnalysis) -> WeightFinding? {
    for (one, other) in zip(analysis.prospects, analysis.prospects.dropFirst()).map({ ($0.holder, $1.holder) })
    where one.priority == other.priority && one.base != other.base {
      let lift = router.trackers.map { max($0.weight, 0) }.reduce(0, +)
      return WeightFinding(
        subject: .priorities(router.name),
        message: "virtual router '\(router.name)': while all is well \(one.node) and \(other.node) are worth the same, "
          + "\(one.priority), although their priorities differ",
        details: [max(one.base, other.base), min(one.base, other.base)].map { base in
          "priority \(base) and weights of +\(lift) come to \(Int(base.rawValue) + lift); "
            + "254 is the most that can be sent"
        },
        hint: "use negative weights, or lower priorities")
    }
    return nil
  }

  /// Automatic weights that can not keep their promise, since 1 is the lowest priority.
  private func rankingBreaks(_ router: VirtualRouter) -> WeightFinding? {
    guard let failures = failuresUntilRankingBreaks(in: router, withAutomatic: []) else { return nil }
    let priorities = contenders(in: router).map(\.priority)
    let cost = -PriorityRules.automaticWeight(for: priorities)
    let areImplicit = cluster.nodes.indices.allSatisfy {
      cluster.nodes[$0].priority == PriorityRules.implicitPriority(at: $0)
    }
    return WeightFinding(
      subject: .priorities(router.name),
      message: "virtual router '\(router.name)': a node with \(failures) failed \(failures == 1 ? "check" : "checks") "
        + "may rank no lower than one with \(failures - 1)",
      details: [
        "with the priorities \(priorities.map(\.description).joined(separator: ", ")) "
          + "a failed check must cost \(cost), and a priority does not go below 1"
      ],
      hint: areImplicit
        ? "track fewer checks here (one script can make several), or give priorities that are closer together"
        : "bring the priorities close together and high, as 250, 240, 230 (what leaving them out gives)")
  }

  /// - Parameter more: trackers whose weights are taken to be left out as well.
  private func failuresUntilRankingBreaks(in router: VirtualRouter, withAutomatic more: Set<TrackerName>) -> Int? {
    let explicit = router.trackers.filter { !$0.isAutomatic && !more.contains($0.tracker) }
    let lift = explicit.map { max($0.weight, 0) }.reduce(0, +)
    let contenders = contenders(in: router)
    return PriorityRules.failuresUntilRankingBreaks(
      bases: contenders.map { Int($0.priority.rawValue) + lift },
      weight: PriorityRules.automaticWeight(for: contenders.map(\.priority)),
      trackers: router.trackers.count - explicit.count)
  }

  /// The members whose priority trackers can change.
  private func contenders(in router: VirtualRouter) -> [ClusterConfiguration.Member] {
    router.members.filter { $0.priority != .addressOwner }
  }
}

extension FailoverAnalysis.Effect {
  /// `docker fails on swarm1: 200 → 80, swarm2 (150) takes over`
  func words(in prospect: FailoverAnalysis.Prospect, aside: String = "") -> String {
    let holder = prospect.holder
    let event = "\(tracker.tracker) fails on \(holder.node)\(aside): "
    let change = priorityAfter.map { "\(holder.priority) → \($0)" } ?? "it takes no part"
    guard let next = prospect.next else {
      return event + change + (priorityAfter == nil ? ", and no node is left" : ", and no other node is left")
    }
    if movesAlone { return event + change + ", \(next.node) (\(next.priority)) takes over" }
    return event + change + ", \(next.node) (\(next.priority)) does not take over"
      + (matters ? " unless more fails" : "")
  }
}
