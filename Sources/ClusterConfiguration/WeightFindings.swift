// Priorities and weights that are allowed but can not have been meant: the field's most frequent mistake is a weight that
// is too small to ever move the address. Found by `FailoverAnalysis`, said in words and numbers, with weights that work.

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

extension ClusterConfiguration {
  /// In the file's order of virtual routers.
  var weightFindings: [WeightFinding] {
    virtualRouters.flatMap { router -> [WeightFinding] in
      let analysis = FailoverAnalysis(of: router, in: self)
      let tooSmall =
        nothingMoves(router, analysis).map { [$0] }
        ?? router.trackers.compactMap { powerless($0, in: router, analysis) }
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

  private func powerless(
    _ tracker: TrackedBy, in router: VirtualRouter, _ analysis: FailoverAnalysis
  ) -> WeightFinding? {
    let stuck = analysis.prospects.filter { prospect in
      prospect.next != nil && prospect.holder.base != .addressOwner
        && prospect.effects.contains { $0.tracker == tracker && !$0.matters }
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
      details: stuck.compactMap { prospect in
        prospect.effects.first { $0.tracker == tracker }.map {
          $0.words(in: prospect) + (router.trackers.count > 1 ? ", whatever else fails" : "")
        }
      },
      hint: remedy(for: [tracker.tracker], in: router))
  }

  /// Weights that would work, or, where the priorities allow none, what to do about these.
  private func remedy(for trackers: [TrackerName], in router: VirtualRouter) -> String {
    let weights = trackers.map { name in
      let routers = virtualRouters.filter { $0.trackers.contains { $0.tracker == name } }
      return (name, routers.map { PriorityRules.automaticWeight(for: $0.members.map(\.priority)) }.min() ?? -1)
    }
    guard works(weights, in: router) else {
      return "leave 'priority' and 'weight' out everywhere: vipd then finds priorities and weights that work"
    }
    let list = weights.map { "\($0): weight: \($1)" }.joined(separator: ", ")
    let one = weights.count == 1
    return
      "\(one ? "a weight" : "weights") that would work: \(list); or leave 'weight' out, and vipd finds \(one ? "it" : "them")"
  }

  /// Whether with these weights each of the trackers moves the address by itself from every node that has a next.
  private func works(_ weights: [(TrackerName, Int)], in router: VirtualRouter) -> Bool {
    var changed = router
    for index in changed.trackers.indices {
      guard let weight = weights.first(where: { $0.0 == changed.trackers[index].tracker }) else { continue }
      changed.trackers[index].weight = weight.1
    }
    return FailoverAnalysis(of: changed, in: self).prospects.allSatisfy { prospect in
      prospect.next == nil || prospect.holder.base == .addressOwner
        || prospect.effects.allSatisfy { effect in
          effect.movesAlone || !weights.contains { $0.0 == effect.tracker.tracker }
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
          "priority \(base) and weights of +\(lift) come to \(Int(base.rawValue) + lift); 254 is the most that can be sent"
        },
        hint: "use negative weights, or lower priorities")
    }
    return nil
  }

  /// Automatic weights that can not keep their promise, since 1 is the lowest priority.
  private func rankingBreaks(_ router: VirtualRouter) -> WeightFinding? {
    let automatic = router.trackers.filter(\.isAutomatic)
    let lift = router.trackers.map { max($0.weight, 0) }.reduce(0, +)
    let contending = router.members.filter { $0.priority != .addressOwner }
    let bases = contending.map { Int($0.priority.rawValue) + lift }
    guard let weight = automatic.first?.weight,
      let failures = PriorityRules.failuresUntilRankingBreaks(bases: bases, weight: weight, trackers: automatic.count)
    else { return nil }
    let priorities = contending.map(\.priority.description).joined(separator: ", ")
    let most = failures - 1 == 1 ? "1 failed check" : "\(failures - 1) failed checks"
    return WeightFinding(
      subject: .priorities(router.name),
      message: "virtual router '\(router.name)': a node with \(failures) failed "
        + "check\(failures == 1 ? "" : "s") may rank no lower than one with \(failures - 1)",
      details: [
        "with priorities \(priorities) a failed check must cost \(-weight), so that after \(most) there is nothing left to take"
      ],
      hint: "bring the priorities close together and high, as 250, 240, 230 (what leaving them out gives)")
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
