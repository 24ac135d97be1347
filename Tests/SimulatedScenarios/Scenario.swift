// A cluster, what befalls it, and what is expected of it; and how such a thing is run.

import FailoverSimulation
import NetworkTypes
import VRRP

package struct Scenario: Equatable, Sendable {
  package var seed: UInt64 = 1
  package var blueprint = Blueprint()
  /// In order of time.
  package var script: [Entry] = []
  var end: Duration = .zero

  package struct Entry: Equatable, Sendable {
    var time: Duration
    var happening: Happening
    /// Counted from `time`.
    var expectations: [Expectation] = []
  }

  enum Happening: Equatable, Sendable {
    case incident(Incident)
    /// One node reads a file that differs from the one it had.
    case reload(String, router: String, Change)
  }

  /// What is other in a node's new file.
  enum Change: Equatable, Sendable {
    case interval(AdvertisementInterval)
    case preemption(Preemption)
    case version(VRRPVersion)
    case transport(Transport)
    case addresses([InterfaceAddress])
    /// This node's own.
    case priority(Priority)
    /// Everybody's, as the file has them.
    case priorities([Blueprint.Member])
    /// A tracker with another weight, or a new one.
    case weight(tracker: String, Int)
    /// The file no longer names it.
    case removal
  }

  enum Expectation: Equatable, Sendable {
    /// These, and only these, are Active when that time has passed.
    case held(by: [String], router: String, within: Duration)
    /// From the entry to the next one nobody else becomes Active, and this one remains so.
    case kept(by: String, router: String)
    /// From the entry to the next one nobody has the addresses for no longer than this.
    case unheld(router: String, atMost: Duration)
    /// Likewise, more than one.
    case contested(router: String, atMost: Duration)
    /// When that time has passed, the client's neighbour table leads there.
    case found(client: String, router: String, at: String, within: Duration)
  }
}

/// What came of a scenario.
package struct Outcome: Sendable {
  package var examination: Examination
  /// Expectations that were not met, in words.
  var disappointments: [String] = []

  package var complaints: [String] { examination.violations.map(\.description) + disappointments }
}

extension Scenario {
  package func run(
    detail: Transcript.Detail = .notable, checkers: [any Checker] = Examination.standardCheckers
  ) -> Outcome {
    var examination = Examination(
      blueprint.cluster, random: SplitMix64(seed: seed), checkers: checkers, detail: detail)
    for (time, incident) in incidents { examination.schedule(incident, at: Instant(sinceBoot: time)) }
    var outcome = Outcome(examination: examination)
    for (time, entry, expectation) in moments {
      outcome.examination.run(until: Instant(sinceBoot: time))
      if let words = disappointment(expectation, script[entry], until: end(of: entry), outcome.examination) {
        outcome.disappointments.append("\(script[entry].text): \(words)")
      }
    }
    outcome.examination.run(until: Instant(sinceBoot: end))
    return outcome
  }

  /// What happens, with each node's file worked out.
  private var incidents: [(Duration, Incident)] {
    var files = Dictionary(uniqueKeysWithValues: blueprint.nodes.map { ($0.name, blueprint) })
    return script.map { entry in
      switch entry.happening {
      case .incident(let incident): return (entry.time, incident)
      case .reload(let node, let router, let change):
        files[node]?.apply(change, to: router, on: node)
        return (entry.time, .reload(node, files[node]?.configurations(for: node) ?? []))
      }
    }
  }

  /// When what is to be looked at: the entry's number, and its expectation.
  private var moments: [(Duration, Int, Expectation)] {
    script.indices.flatMap { index in
      script[index].expectations.map { expectation in
        switch expectation {
        case .held(_, _, let within), .found(_, _, _, let within): (script[index].time + within, index, expectation)
        case .kept, .unheld, .contested: (end(of: index), index, expectation)
        }
      }
    }
    .sorted { $0.0 < $1.0 }
  }

  /// Just before the next thing happens.
  private func end(of entry: Int) -> Duration {
    script[entry...].first { $0.time > script[entry].time }.map { $0.time - .microseconds(1) } ?? end
  }

  private func disappointment(
    _ expectation: Expectation, _ entry: Entry, until end: Duration, _ examination: Examination
  ) -> String? {
    let picture = examination.picture
    let begin = Instant(sinceBoot: entry.time)
    let end = Instant(sinceBoot: end)
    func isMet(_ condition: Bool, _ fact: String) -> String? { condition ? nil : "\(expectation.text), but \(fact)" }
    switch expectation {
    case .held(let nodes, let router, _):
      let active = picture.active(vrid(of: router))
      return isMet(active == nodes, "it is \(active)")
    case .kept(let node, let router):
      let spells = examination.history.spells(of: vrid(of: router))
      let first = spells.last { $0.begin <= begin }.map { [$0] } ?? []
      let holders = (first + spells.filter { begin < $0.begin && $0.begin <= end }).map(\.holders)
      return isMet(holders == [[node]], "it went \(holders)")
    case .unheld(let router, let most):
      let time = examination.history.unheld(vrid(of: router), from: begin, to: end)
      return isMet(time <= most, "nobody did for \(time)")
    case .contested(let router, let most):
      let time = examination.history.contested(vrid(of: router), from: begin, to: end)
      return isMet(time <= most, "two did for \(time)")
    case .found(let client, let router, let node, _):
      let addresses = blueprint.routers.first { $0.name == router }?.addresses.map(\.address) ?? []
      let found = addresses.map { picture.neighbors[client]?[$0] ?? "no node" }
      return isMet(found.allSatisfy { $0 == node }, "it is \(found)")
    }
  }

  private func vrid(of router: String) -> VRID {
    guard let found = blueprint.routers.first(where: { $0.name == router }) else {
      preconditionFailure("no virtual router is called \(router)")
    }
    return found.vrid
  }
}

extension Blueprint {
  fileprivate mutating func apply(_ change: Scenario.Change, to name: String, on node: String) {
    guard let index = routers.firstIndex(where: { $0.name == name }) else { return }
    switch change {
    case .interval(let interval): routers[index].interval = interval
    case .preemption(let preemption): routers[index].preemption = preemption
    case .addresses(let addresses): routers[index].addresses = addresses
    case .priority(let priority):
      for member in routers[index].members.indices where routers[index].members[member].node == node {
        routers[index].members[member].priority = priority
      }
    case .weight(let tracker, let weight):
      if !routers[index].trackers.contains(where: { $0.tracker == tracker }) {
        routers[index].trackers.append(TrackerWeight(tracker: tracker, weight: 0))
      }
      for place in routers[index].trackers.indices where routers[index].trackers[place].tracker == tracker {
        routers[index].trackers[place].weight = weight
      }
    case .priorities(let members): routers[index].members = members
    case .version(let version):
      routers[index].version = version
      if version == .v3 { routers[index].password = nil }
    case .transport(let transport): routers[index].transport = transport
    case .removal: routers.remove(at: index)
    }
  }
}

extension Scenario {
  /// The same complaint with fewer incidents: each is left out that the failure does not need.
  package func reduced() -> Scenario {
    func fails(_ scenario: Scenario) -> String? { scenario.run(detail: .nothing).examination.violations.first?.rule }
    let rule = fails(self)
    var least = self
    var index = least.script.count - 1
    while index >= 0 {
      var shorter = least
      shorter.script.remove(at: index)
      if fails(shorter) == rule { least = shorter }
      index -= 1
    }
    return least
  }
}
