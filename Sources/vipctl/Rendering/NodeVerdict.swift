// What a node's status comes to, in one sentence: the first thing that a tired person must see, and what a monitoring
// plugin decides by. Pure.

import ControlAPI

struct NodeVerdict: Sendable, Hashable {
  enum Level: Int, Sendable, Comparable {
    case good
    case warning
    case critical

    static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  let level: Level
  /// `OK, holds ingress`; `NOT FIT, swarm2 holds ingress`
  let headline: String
  /// What is wrong, a sentence each.
  let problems: [String]

  init(_ status: NodeStatus) {
    let routers = RouterGroup.groups(of: status)
    let health = status.assessedHealth
    let deserted = routers.filter(\.isDeserted).map(\.label)
    let incomplete = routers.filter { $0.state == .active && !$0.missingAddresses.isEmpty }.map(\.label)
    var alarms: [String] = []
    if !deserted.isEmpty { alarms.append("NOBODY IS KNOWN TO HOLD \(deserted.joined(separator: ", "))") }
    if !incomplete.isEmpty { alarms.append("ADDRESS MISSING of \(incomplete.joined(separator: ", "))") }
    if !health.fit { alarms.append("NOT FIT") }

    let refused = status.configuration?.refused.map { ["the last reload was refused: \($0)"] } ?? []
    problems = (health.problems + refused).map(printable)
    level = !alarms.isEmpty ? .critical : problems.isEmpty ? .good : .warning
    if alarms.isEmpty { alarms = [level == .good ? "OK" : "WARNING"] }
    headline = (alarms + Self.holders(routers)).joined(separator: ", ")
  }

  /// `holds ingress`, `swarm2 holds web, db`: this node first, the others in the order in which they appear.
  private static func holders(_ routers: [RouterGroup]) -> [String] {
    guard !routers.isEmpty else { return ["takes part in no virtual router"] }
    let mine = routers.filter { $0.state == .active }.map(\.label)
    var others: [(holder: String, labels: [String])] = []
    for router in routers where router.state != .active {
      guard let holder = router.otherHolder else { continue }
      if let index = others.firstIndex(where: { $0.holder == holder }) {
        others[index].labels.append(router.label)
      } else {
        others.append((holder, [router.label]))
      }
    }
    return (mine.isEmpty ? [] : ["holds \(mine.joined(separator: ", "))"])
      + others.map { "\($0.holder) holds \($0.labels.joined(separator: ", "))" }
  }
}
