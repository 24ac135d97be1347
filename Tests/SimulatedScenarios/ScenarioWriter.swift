// Scenarios as text, so that a run which chance found can be kept as a file.

import FailoverSimulation
import NetworkTypes
import VRRP

extension Scenario {
  /// What `Scenario(text:)` reads back.
  package var text: String {
    var lines = seed == 1 ? [] : ["seed \(seed)"]
    lines += blueprint.nodes.map { "node \($0.name) \(list($0.addresses))" }
    lines += blueprint.routers.map(\.text)
    lines += blueprint.clients.map { "client \($0)" }
    lines.append("")
    for entry in script {
      lines.append(entry.text)
      lines += entry.expectations.map { "  expect \($0.text)" }
    }
    lines.append("end \(end.text)")
    return lines.map { $0 + "\n" }.joined()
  }
}

extension Blueprint.Router {
  fileprivate var text: String {
    var words = ["router \(name) vrid \(vrid) addresses \(list(addresses))"]
    words.append("members \(list(members))")
    words.append("interval \(interval.duration.text)")
    words.append("preempt \(preemption.text)")
    words += trackers.map { "track \($0.tracker):\($0.weight)" }
    if !givesWay { words.append("one_way hold") }
    if releasesWhenUnfit { words.append("when_all_fail release") }
    if transport == .multicast { words.append("transport multicast") }
    if version == .v2 { words.append("version 2") }
    if let password { words.append("password \(password.text)") }
    return words.joined(separator: " ")
  }
}

extension Blueprint.Member: CustomStringConvertible {
  package var description: String { "\(node):\(priority)" }
}

extension Preemption {
  var text: String {
    switch self {
    case .immediate: "true"
    case .never: "false"
    case .rfc: "rfc"
    case .after(let delay): delay.text
    }
  }
}

extension Scenario.Entry {
  var text: String { "at \(time.text): \(happening.text)" }
}

extension Scenario.Happening {
  fileprivate var text: String {
    switch self {
    case .incident(let incident): "\(incident)"
    case .reload(let node, let router, let change): "reload \(node) \(router) \(change.text)"
    }
  }
}

extension Scenario.Change {
  fileprivate var text: String {
    switch self {
    case .interval(let interval): "interval \(interval.duration.text)"
    case .preemption(let preemption): "preempt \(preemption.text)"
    case .addresses(let addresses): "addresses \(list(addresses))"
    case .priority(let priority): "priority \(priority)"
    case .priorities(let members): "priorities \(list(members))"
    case .version(let version): "version \(version.rawValue)"
    case .transport(.unicast): "transport unicast"
    case .transport(.multicast): "transport multicast"
    case .weight(let tracker, let weight): "track \(tracker):\(weight)"
    case .removal: "removed"
    }
  }
}

extension Scenario.Expectation {
  var text: String {
    switch self {
    case .held(let nodes, let router, let within):
      "\(nodes.isEmpty ? "nobody" : nodes.joined(separator: " and ")) active for \(router) within \(within.text)"
    case .kept(let node, let router): "\(node) keeps \(router)"
    case .unheld(let router, let most): "\(router) unheld for at most \(most.text)"
    case .contested(let router, let most): "\(router) held twice for at most \(most.text)"
    case .found(let client, let router, let node, let within):
      "\(client) finds \(router) at \(node) within \(within.text)"
    }
  }
}

extension Duration {
  /// `2s`, `20ms`, `300us`.
  var text: String {
    let microseconds = Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000)
    if microseconds.isMultiple(of: 1_000_000) { return "\(microseconds / 1_000_000)s" }
    if microseconds.isMultiple(of: 1000) { return "\(microseconds / 1000)ms" }
    return "\(microseconds)us"
  }
}

private func list(_ values: [some CustomStringConvertible]) -> String {
  values.map(\.description).joined(separator: ",")
}
