// A virtual router as people think of it. The daemon reports each family on its own, as VRRP has it; where both say the
// same, as they nearly always do, they are shown as one. Pure.

import ControlAPI

struct RouterGroup: Sendable {
  /// At least one, all of the same name.
  let members: [VirtualRouterStatus]
  /// Its name, with the family where another group has the same name.
  let label: String
  private let node: String

  static func groups(of status: NodeStatus) -> [RouterGroup] {
    var groups: [[VirtualRouterStatus]] = []
    for router in status.virtualRouters {
      if let last = groups.last?.first, isOne(last, router) {
        groups[groups.count - 1].append(router)
      } else {
        groups.append([router])
      }
    }
    return groups.map { members in
      let name = members[0].name
      let isAlone = groups.count { $0[0].name == name } == 1
      let label = isAlone ? name : "\(name) (\(familyNames(members)))"
      return RouterGroup(members: members, label: printable(label), node: status.node)
    }
  }

  private static func isOne(_ left: VirtualRouterStatus, _ right: VirtualRouterStatus) -> Bool {
    left.name == right.name && left.vrid == right.vrid && left.family != right.family && left.state == right.state
      && left.priority == right.priority && left.effectivePriority == right.effectivePriority
      && left.reason == right.reason && left.activeRouter?.node == right.activeRouter?.node
  }

  private static func familyNames(_ members: [VirtualRouterStatus]) -> String {
    members.map { member in
      switch member.family {
      case .ipv4: "IPv4"
      case .ipv6: "IPv6"
      }
    }.joined(separator: " + ")
  }

  private var first: VirtualRouterStatus { members[0] }

  var state: VirtualRouterState { first.state }
  var reason: String { first.reason }
  var since: Duration { members.map(\.since).min() ?? .zero }
  var families: String { Self.familyNames(members) }
  var vrid: Int { first.vrid }

  /// Without repetitions.
  var interfaces: [String] {
    members.compactMap(\.interface).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// This node listens, and hears of nobody who holds the addresses. In `initialize` it does not listen.
  var isDeserted: Bool { state == .backup && members.contains { $0.activeRouter == nil } }

  var addresses: [VirtualAddressStatus] { members.flatMap(\.addresses) }
  var missingAddresses: [VirtualAddressStatus] { addresses.filter { !$0.installed } }

  /// By reason; without those of which there were none.
  var discarded: [(reason: String, count: Int)] {
    members.reduce(into: [:]) { $0.merge($1.discarded, uniquingKeysWith: +) }
      .filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
  }

  /// `this node`, `swarm2 (150)`
  var holder: String {
    if state == .active { return "this node" }
    guard let active = first.activeRouter else { return isDeserted ? "nobody known" : "unknown" }
    return active.node == node
      ? "this node (\(active.priority))" : "\(active.node ?? active.address) (\(active.priority))"
  }

  /// Who else holds the addresses; nil where this node knows of nobody.
  var otherHolder: String? {
    first.activeRouter.flatMap { $0.node == node ? nil : printable($0.node ?? $0.address) }
  }

  /// `200`, `80 (200 − 120 docker)`
  var priority: String {
    let adjustments = first.adjustments?.filter { $0.amount != 0 } ?? []
    guard first.effectivePriority != first.priority || !adjustments.isEmpty else { return "\(first.priority)" }
    guard !adjustments.isEmpty else { return "\(first.effectivePriority) (of \(first.priority))" }
    let terms = adjustments.map { "\($0.amount < 0 ? "−" : "+") \($0.amount.magnitude) \($0.tracker)" }
    let sum = adjustments.reduce(first.priority) { $0.saturatingAdd($1.amount) }
    let bounds = sum == first.effectivePriority ? "" : ", kept within 1–254"
    return "\(first.effectivePriority) (\(first.priority) \(terms.joined(separator: " "))\(bounds))"
  }
}

extension Int {
  /// The daemon's numbers may be anything; a sum of them must not trap.
  fileprivate func saturatingAdd(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
