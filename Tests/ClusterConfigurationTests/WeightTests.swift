// Priorities, weights, and what failures do.

import ClusterConfiguration
import NetworkTypes
import Testing
import VRRP

/// A cluster with these priorities (none: left out) and these trackers' weights (nil: left out).
private func weighted(_ priorities: [Int], nodes: Int? = nil, weights: [Int?]) -> String {
  let nodeLines = (0..<(nodes ?? priorities.count)).map { index in
    let priority = priorities.isEmpty ? "" : ", priority: \(priorities[index])"
    return "  - {name: n\(index + 1), address: 10.0.0.\(index + 1)\(priority)}"
  }
  let trackers = weights.enumerated().map { index, weight in
    "  t\(index + 1): {process: p\(weight.map { ", weight: \($0)" } ?? "")}"
  }
  let track = (1...weights.count).map { "t\($0)" }.joined(separator: ", ")
  return clusterFile(
    nodes: "nodes:\n" + nodeLines.joined(separator: "\n"), trackers: "trackers:\n" + trackers.joined(separator: "\n"),
    routers: "virtual_routers:\n  - {name: web, vrid: 1, addresses: [10.0.0.99/24], track: [\(track)]}")
}

private func router(_ text: String) throws -> ClusterConfiguration.VirtualRouter {
  try #require(try configuration(text).virtualRouters.first)
}

@Suite struct PriorityTests {
  @Test func prioritiesThatAreLeftOut() throws {
    #expect(
      try configuration(weighted([], nodes: 4, weights: [nil])).nodes.map(\.priority.rawValue) == [250, 240, 230, 220])
    #expect(try configuration(weighted([], nodes: 25, weights: [-253])).nodes.last?.priority.rawValue == 10)
    #expect(
      complaints(about: weighted([], nodes: 26, weights: [nil])) == [
        "2:1: error: priorities that are left out go from 250 down in steps of 10, which is enough for 25 nodes, not for 26"
      ])
  }

  /// The promise of a weight that is left out: a node with a failed tracker ranks below every node with fewer failed
  /// ones. Either it is kept for all failures, or the file is warned of.
  @Test func automaticWeightsKeepTheirPromiseOrWarn() throws {
    var random = SplitMix64(seed: 1)
    var kept = 0
    for _ in 0..<400 {
      let count = Int.random(in: 2...5, using: &random)
      let low = Int.random(in: 1...254, using: &random)
      let priorities = (0..<count).map { _ in
        Int.random(in: low...min(254, low + Int.random(in: 0...120, using: &random)), using: &random)
      }
      var weights = [Int?](repeating: nil, count: Int.random(in: 1...4, using: &random))
      if Bool.random(using: &random) { weights.append(Int.random(in: -20...20, using: &random)) }
      let outcome = ClusterFile.parse(text: weighted(priorities, weights: weights), fileName: "f")
      let router = try #require(try outcome.get().virtualRouters.first)
      let isWarned = outcome.diagnostics.contains { $0.message.contains("may rank no lower") }
      #expect(promiseHolds(in: router) == !isWarned, "\(priorities) \(weights)")
      if !isWarned { kept += 1 }
    }
    #expect(kept > 100)
  }

  /// By trying all sets of failed automatic trackers on each two nodes, the other trackers being up.
  private func promiseHolds(in router: ClusterConfiguration.VirtualRouter) -> Bool {
    let automatic = router.trackers.filter(\.isAutomatic).map(\.tracker)
    let outcomes = router.members.flatMap { member in
      subsets(of: automatic).map { (member.node, $0.count, router.effectivePriority(of: member.priority, failed: $0)) }
    }
    return outcomes.allSatisfy { node, failures, priority in
      outcomes.allSatisfy { otherNode, otherFailures, otherPriority in
        guard node != otherNode, failures > otherFailures, let priority, let otherPriority else { return true }
        return priority < otherPriority
      }
    }
  }

  @Test func threeNodesWithBothLeftOutHaveRoomForTenFailures() throws {
    #expect(complaints(about: weighted([], nodes: 3, weights: Array(repeating: nil, count: 11))) == [])
    let tooMany = complaints(about: weighted([], nodes: 3, weights: Array(repeating: nil, count: 13)))
    let place = "\(5 + 1 + 13 + 2):12"
    #expect(
      tooMany == [
        "\(place): warning: virtual router 'web': a node with 12 failed checks may rank no lower than one with 11"
      ])
  }

  @Test func explicitPrioritiesThatAreTooFarApart() {
    #expect(complaints(about: weighted([200, 100, 50], weights: [nil])) == [])
    #expect(
      complaints(about: weighted([200, 100, 50], weights: [nil, nil])) == [
        "3:45: warning: virtual router 'web': a node with 2 failed checks may rank no lower than one with 1"
      ])
  }

  @Test func effectivePriorities() throws {
    let router = try router(weighted([200, 100], weights: [-120, 20, 0]))
    func effective(_ priority: Int, _ failed: String...) -> UInt8? {
      router.effectivePriority(of: Priority(clamping: priority), failed: Set(failed.map { TrackerName($0)! }))?.rawValue
    }
    #expect(effective(200) == 220)
    #expect(effective(200, "t1") == 100)
    #expect(effective(200, "t2") == 200)
    #expect(effective(200, "t1", "t2") == 80)
    #expect(effective(200, "t3") == nil)
    #expect(effective(100, "t1") == 1)
    #expect(effective(250) == 254)
    let all = Set(router.trackers.map(\.tracker))
    #expect(router.effectivePriority(of: .addressOwner, failed: all) == .addressOwner)
  }
}

@Suite struct FailoverAnalysisTests {
  /// Against trying every set of failures.
  @Test func whatMattersIsFoundExactly() throws {
    var random = SplitMix64(seed: 2)
    var tally: [Bool: Int] = [:]
    for _ in 0..<500 {
      let priorities = (0..<Int.random(in: 2...4, using: &random)).map { _ in Int.random(in: 1...254, using: &random) }
      let weights = (0..<Int.random(in: 1...5, using: &random)).map { _ -> Int? in
        switch Int.random(in: 0..<10, using: &random) {
        case 0: 0
        case 1: nil
        default: Int.random(in: -90...60, using: &random)
        }
      }
      let cluster = try configuration(weighted(priorities, weights: weights))
      let router = cluster.virtualRouters[0]
      let analysis = FailoverAnalysis(of: router, in: cluster)
      #expect(analysis.prospects.count == priorities.count)
      for prospect in analysis.prospects {
        let names = router.trackers.map(\.tracker)
        func moves(_ failed: Set<TrackerName>) -> Bool {
          guard let next = prospect.next else { return false }
          return router.effectivePriority(of: prospect.holder.base, failed: failed).map { $0 < next.priority } ?? true
        }
        #expect(prospect.canMove == subsets(of: names).contains(where: moves))
        #expect(prospect.priorityWhenAllFail == router.effectivePriority(of: prospect.holder.base, failed: Set(names)))
        for effect in prospect.effects {
          let name = effect.tracker.tracker
          #expect(effect.movesAlone == moves([name]))
          #expect(effect.priorityAfter == router.effectivePriority(of: prospect.holder.base, failed: [name]))
          let matters = subsets(of: names.filter { $0 != name }).contains { !moves($0) && moves($0.union([name])) }
          #expect(effect.matters == matters, "\(priorities) \(weights) \(name)")
          tally[matters, default: 0] += 1
        }
      }
    }
    #expect(tally.values.allSatisfy { $0 > 200 }, "both answers are tried: \(tally)")
  }

  /// The field's best-known configuration: no failure moves the address, as measured on the real thing.
  @Test func thePublishedConfiguration() throws {
    let outcome = try load(fixture: "published")
    let warning = try #require(outcome.diagnostics.first)
    #expect(outcome.diagnostics.count == 1)
    var shown = warning
    shown.file = "published.yaml"
    #expect(
      shown.rendered() == """
        published.yaml:22:5: warning: virtual router 'ingress': as written, no failure of a check can move the address
         22 |     track: [docker, traefik]
            |     ^
            = while all is well swarm1 has 230 and holds the address; swarm2 is next with 130
            = docker fails on swarm1: 230 → 210, swarm2 (130) does not take over
            = traefik fails on swarm1: 230 → 220, swarm2 (130) does not take over
            = both fail on swarm1: 230 → 200, and swarm2 (130) still does not take over
            = hint: weights that would work: docker -151, traefik -151; or leave 'priority' and 'weight' out, and vipd finds what works
        """)
    #expect(CheckReport(outcome).exitCode() == 0)
    #expect(CheckReport(outcome).exitCode(strict: true) == 1)
  }

  /// Suggested weights are taken at their word.
  @Test func suggestedWeightsWork() throws {
    var random = SplitMix64(seed: 3)
    var tried = 0
    for _ in 0..<300 {
      let priorities = (0..<3).map { _ in Int.random(in: 60...254, using: &random) }
      let weights = (0..<2).map { _ in Int.random(in: -30...30, using: &random) }
      let text = weighted(priorities, weights: weights)
      for diagnostic in ClusterFile.parse(text: text, fileName: "f").diagnostics {
        guard let hint = diagnostic.hint, let list = hint.split(separator: ";").first, list.contains("would work: ")
        else { continue }
        var changed = weights
        for pair in list.split(separator: ": ", maxSplits: 1)[1].split(separator: ", ") {
          let words = pair.split(separator: " ")
          let index = try #require(Int(words[0].dropFirst()))
          changed[index - 1] = try #require(Int(words[1]))
        }
        let cluster = try configuration(weighted(priorities, weights: changed))
        let analysis = FailoverAnalysis(of: cluster.virtualRouters[0], in: cluster)
        for prospect in analysis.prospects where prospect.next != nil {
          for (index, effect) in prospect.effects.enumerated() where changed[index] != weights[index] {
            #expect(effect.movesAlone, "\(priorities) \(weights) \(hint)")
          }
        }
        tried += 1
      }
    }
    #expect(tried > 100)
  }

  @Test(arguments: [
    Case(weighted([200, 150, 100], weights: [-120])),
    // One of two is too weak whatever else fails.
    Case(
      weighted([200, 150], weights: [-60, -5]),
      "7:28: warning: virtual router 'web': the weight of 't2' is too small to ever move the address"),
    // Together they do it.
    Case(weighted([200, 150], weights: [-30, -30])),
    // From the first to the second, but not from the second to the third.
    Case(
      weighted([200, 150, 50], weights: [-60]),
      "7:28: warning: virtual router 'web': a failure of 't1' on n2 can not move the address"),
    Case(weighted([200, 150], weights: [0])),
    // keepalived's own idea: a bonus for being well.
    Case(weighted([101, 100], weights: [2])),
    Case(
      weighted([250, 240], weights: [100]),
      "3:45: warning: virtual router 'web': while all is well n2 and n1 are worth the same, 254, although their priorities differ"
    ),
    Case(weighted([100, 100], weights: [-1])),
  ]) func warnings(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  /// 1 is the lowest priority there is, so nothing gets below a node that has it.
  @Test func prioritiesThatNoWeightCanMendAreToBeChanged() {
    let found = ClusterFile.parse(text: weighted([200, 1], weights: [-253]), fileName: "f").diagnostics
    #expect(found.map(\.message) == ["virtual router 'web': as written, no failure of a check can move the address"])
    #expect(
      found.compactMap(\.hint) == [
        "leave 'priority' and 'weight' out everywhere: vipd then finds priorities and weights that work"
      ])
  }
}

private func subsets(of names: [TrackerName]) -> [Set<TrackerName>] {
  (0..<(1 << names.count)).map { bits in
    Set(names.indices.filter { bits >> $0 & 1 == 1 }.map { names[$0] })
  }
}
