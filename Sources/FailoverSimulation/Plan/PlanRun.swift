// One virtual router in a simulated cluster, and who held its addresses when. A value: a copy can meet another fate.

import NetworkTypes
import VRRP

struct PlanRun: Sendable {
  private(set) var picture: ClusterPicture
  /// The holders and since when, in order of time. Not empty.
  private(set) var spells = [HoldingHistory.Spell(begin: Instant(sinceBoot: .zero), holders: [])]
  /// Why each node last became Active.
  private(set) var takeovers: [String: Transition.Reason] = [:]
  private var simulation: Simulation
  private let vrid: VRID

  /// All nodes start, and the election is over.
  init(_ cluster: SimulatedCluster, _ vrid: VRID) {
    self.vrid = vrid
    picture = ClusterPicture(cluster)
    // A clean network draws nothing, so that the seed does not matter.
    simulation = Simulation(cluster, random: SplitMix64(seed: 1))
    for node in cluster.nodes { simulation.schedule(.start(node.name), at: simulation.now) }
    settle()
  }

  var now: Instant { simulation.now }
  var holders: [String] { spells.last?.holders ?? [] }

  mutating func meet(_ incident: Incident) { simulation.schedule(incident, at: simulation.now) }

  /// Runs until whatever there is to decide has been decided.
  mutating func settle() { run(until: now + picture.settlingTime) }

  mutating func run(until end: Instant) {
    while let step = simulation.next(until: end) { take(step) }
  }

  /// Runs until this node has just sent an advertisement; not longer than `limit`.
  mutating func runToAdvertisement(of node: String, limit: Instant) {
    while let step = simulation.next(until: limit) {
      take(step)
      let hasSent = step.occurrences.contains { occurrence in
        if case .sent(let sending) = occurrence { sending.sender == node } else { false }
      }
      if hasSent { return }
    }
  }

  private mutating func take(_ step: Step) {
    picture.take(step)
    for case .transition(let node, vrid, let transition) in step.occurrences where transition.to == .active {
      takeovers[node] = transition.reason
    }
    let holders = picture.holders(vrid)
    guard spells.last?.holders != holders else { return }
    if spells.last?.begin == step.time { spells.removeLast() }
    spells.append(HoldingHistory.Spell(begin: step.time, holders: holders))
  }

  /// How long between `begin` and now the holders were such.
  func time(since begin: Instant, where counts: ([String]) -> Bool) -> Duration {
    let ends = spells.dropFirst().map(\.begin) + [now]
    return zip(spells, ends).filter { counts($0.0.holders) }
      .map { max($0.1 - max($0.0.begin, begin), .zero) }
      .reduce(.zero, +)
  }

  /// When after `begin` one of these first held the addresses.
  func firstHeld(by nodes: [String], since begin: Instant) -> Instant? {
    spells.first { $0.begin >= begin && !$0.holders.filter(nodes.contains).isEmpty }?.begin
  }
}
