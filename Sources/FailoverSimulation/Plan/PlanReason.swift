// Why the addresses moved, or stayed, in words.

import ClusterConfiguration
import VRRP

struct PlanReason {
  let router: ClusterConfiguration.VirtualRouter
  let analysis: FailoverAnalysis
  let configuration: ClusterConfiguration
  let holder: NodeName?

  func words(
    _ fault: FailoverPlan.Fault, on node: NodeName, after: [NodeName], _ run: PlanRun
  ) -> String {
    if after.isEmpty { return nobody(fault, node) }
    if fault == .cutOff, after.count > 1 { return "each side has a holder until it heals" }
    guard let successor = after.first, successor != holder else { return stays(fault, on: node) }
    let change: String? =
      if case .trackerFails(let tracker) = fault { "\(node): \(change(tracker, node)); " } else { nil }
    return (change ?? "") + takeover(by: successor, run.takeovers[successor.rawValue])
  }

  private func nobody(_ fault: FailoverPlan.Fault, _ node: NodeName) -> String {
    switch fault {
    case .trackerFails: "\(node) takes no part, and no other node is left"
    case .hostDies, .linkCut, .stopped, .cutOff: "no other node is left"
    }
  }

  private func takeover(by successor: NodeName, _ reason: Transition.Reason?) -> String {
    switch reason {
    case .silence: "silence: Active_Down_Interval of \(successor)"
    case .relinquished: "farewell: Skew_Time of \(successor)"
    case .preemption: "\(successor) (\(priority(successor))) preempts after Skew_Time"
    case .addressOwner: "\(successor) owns the addresses"
    case .nobodyHeard: "\(successor) hears nobody"
    case .startup, .superseded, .unheard, .obstacle, .absence, .resumption, nil: "\(successor) takes over"
    }
  }

  private func stays(_ fault: FailoverPlan.Fault, on node: NodeName) -> String {
    guard case .trackerFails(let tracker) = fault else {
      return node == holder ? "no other node is left" : "\(node) does not hold them"
    }
    guard node == holder else { return "\(node) does not hold them" }
    let prospect = analysis.prospects.first { $0.holder.node == node }
    guard let prospect, let next = prospect.next else { return "\(change(tracker, node)); no other node is left" }
    if prospect.holder.base == .addressOwner { return "it owns the addresses: checks do not count" }
    let matters = prospect.effects.contains { $0.tracker.tracker == tracker && $0.matters }
    let comparison = "\(change(tracker, node)), not below \(next.node) (\(next.priority))"
    return comparison + (matters ? "; moves only if more fails" : ", whatever else fails")
  }

  private func change(_ tracker: TrackerName, _ node: NodeName) -> String {
    guard let member = router.members.first(where: { $0.node == node }) else { return "" }
    let left = router.effectivePriority(of: member.priority, failed: [tracker])
    return left.map { "\(priority(node)) → \($0)" } ?? "takes no part"
  }

  private func priority(_ node: NodeName) -> String {
    let standing = analysis.prospects.first { $0.holder.node == node }?.holder
    return standing.map { "\($0.priority)" } ?? "?"
  }
}
