// The failover matrix: what vipd's rules come to for whole cluster files.

import ClusterConfiguration
import FailoverSimulation
import SimulatedScenarios
import Testing

struct PlanTests {
  @Test func countsOutagesAtTheWorstMoment() throws {
    let plan = try plan(cluster())
    // Active_Down_Interval of n2 is 3 s and its Skew_Time (256 − 240) / 256 s; the last advertisement may be a second old.
    let death = try row(plan, .hostDies, "n1")
    #expect(death.after.map(\.rawValue) == ["n2"])
    let unheld = try #require(death.unheld)
    #expect(near(unheld.lowerBound, .microseconds(2_062_500)))
    #expect(near(unheld.upperBound, .microseconds(3_062_500)))
    #expect(death.movedAfter == death.unheld)
    #expect(death.reason.contains("Active_Down_Interval of n2"))
    let stop = try row(plan, .stopped, "n1")
    #expect(near(try #require(stop.movedAfter).upperBound, .microseconds(62_500)))
    #expect(stop.unheld == .zero ... .zero, "it serves until then")
    #expect(stop.reason.contains("Skew_Time of n2"))
    #expect(plan.markCount == 0)
  }

  @Test func addsTheTimeThatACheckTakes() throws {
    let plan = try plan(cluster())
    let process = try row(plan, .trackerFails(given(TrackerName("docker"))), "n1")
    #expect(process.detection == .zero ... .zero)
    #expect(process.unheld == .zero ... .zero)
    let script = try row(plan, .trackerFails(given(TrackerName("proxy"))), "n1")
    #expect(script.detection == .seconds(4)...(.seconds(6)))
    #expect(script.movedAfter.map { near($0.upperBound, .microseconds(6_062_500)) } == true)
    #expect(script.after.map(\.rawValue) == ["n2"])
  }

  @Test func showsThatNothingMovesWhereTheAddressIsNot() throws {
    let plan = try plan(cluster())
    for row in plan.virtualRouters[0].rows where row.node.rawValue != "n1" && row.fault != .cutOff {
      #expect(!row.isMove, "\(row)")
      #expect(row.unheld == .zero ... .zero)
    }
  }

  @Test func hasAHolderOnEachSideOfAPartition() throws {
    let row = try row(plan(cluster()), .cutOff, "n1")
    #expect(row.after.map(\.rawValue) == ["n1", "n2"])
    // Clients are with the rest.
    #expect(try #require(row.unheld).lowerBound > .seconds(2))
    #expect(row.contested.upperBound > .zero)
    #expect(row.contested.upperBound < .milliseconds(1010))
  }

  /// The published mistake: `check` warns of it, and both name the same trackers.
  @Test func marksWeightsThatNeverMove() throws {
    let text = cluster(
      priorities: [200, 100, 50], trackers: "docker: {process: a, weight: 20}, proxy: {process: b, weight: 10}")
    let configuration = try read(text)
    let plan = FailoverPlan(of: configuration)
    let marked = plan.virtualRouters[0].rows.filter { $0.mark == .neverMoves }
    #expect(marked.map(\.fault) == configuration.trackers.map { .trackerFails($0.name) })
    #expect(marked.map(\.node.rawValue) == ["n1", "n1"])
    #expect(plan.markCount == 2)
  }

  /// A deliberate "two of them together" is no mistake.
  @Test func leavesWeightsAloneThatMoveTogether() throws {
    let plan = try plan(
      cluster(
        priorities: [200, 190, 180], trackers: "docker: {process: a, weight: -6}, proxy: {process: b, weight: -6}"))
    let row = try row(plan, .trackerFails(given(TrackerName("docker"))), "n1")
    #expect(!row.isMove)
    #expect(row.mark == nil)
    #expect(row.reason.contains("moves only if more fails"))
  }

  @Test func marksWhatLeavesNobody() throws {
    let weightless = try plan(cluster(trackers: "docker: {process: a, weight: 0}, proxy: {process: b}"))
    #expect(weightless.virtualRouters[0].rows.map { $0.mark == nil }.contains(false) == false)
    let chain = try #require(
      weightless.virtualRouters[0].chains.first { $0.isUniform && $0.failures[0].tracker.rawValue == "docker" })
    #expect(chain.holders.map { $0?.rawValue } == ["n1", "n2", "n3", nil])
    #expect(chain.mark == .leavesNobody)

    let alone = try plan(cluster(priorities: [200], trackers: "docker: {process: a}, proxy: {process: b}"))
    #expect(try row(alone, .hostDies, "n1").mark == .leavesNobody)
    #expect(try row(alone, .hostDies, "n1").unheld == nil)
  }

  /// 250 − 15 is above 230: the address goes back to the unfit n1, and the healthy n3 never gets it.
  @Test func marksAnUnfitHolder() throws {
    let plan = try plan(
      cluster(
        priorities: [250, 240, 230], trackers: "docker: {process: a, weight: -15}, proxy: {process: b, weight: -15}"))
    let chain = try #require(plan.virtualRouters[0].chains.first)
    #expect(chain.holders.map { $0?.rawValue } == ["n1", "n2", "n1"])
    #expect(chain.mark == .unfitHolder)
  }

  @Test func isTheSameEveryTime() throws {
    #expect(try plan(cluster()) == plan(cluster()))
  }

  @Test func canBeNarrowed() throws {
    let configuration = try read(cluster())
    let plan = FailoverPlan(of: configuration, nodes: [given(NodeName("n2"))])
    #expect(Set(plan.virtualRouters[0].rows.map(\.node.rawValue)) == ["n2"])
    #expect(FailoverPlan(of: configuration, routers: []).virtualRouters.isEmpty)
  }

  @Test(
    arguments: [
      "version: 2", "version: 2, password: s3cret", "transport: multicast", "preempt: false", "preempt: rfc",
      "preempt: {after: 30s}", "interval: 10ms", "interval: 40s",
    ])
  func movesHoweverItIsSpoken(_ extra: String) throws {
    let plan = try plan(cluster(extra: extra))
    for fault in [.hostDies, .linkCut, .stopped, .trackerFails(given(TrackerName("docker")))] as [FailoverPlan.Fault] {
      let row = try row(plan, fault, "n1")
      #expect(row.after.map(\.rawValue) == ["n2"], "\(extra): \(row)")
    }
  }

  // MARK: Support

  private func cluster(
    priorities: [Int?] = [nil, nil, nil],
    trackers: String = "docker: {process: a}, proxy: {script: [/bin/proxy], interval: 2s, fall: 3}", extra: String = ""
  ) -> String {
    let nodes = priorities.enumerated().map { index, priority in
      "  - {name: n\(index + 1), address: 10.0.0.\(index + 1)\(priority.map { ", priority: \($0)" } ?? "")}\n"
    }
    return """
      cluster: c
      nodes:
      \(nodes.joined())
      trackers: {\(trackers)}
      virtual_routers:
        - {name: r, vrid: 7, addresses: [10.0.0.9/24], track: [docker, proxy]\(extra.isEmpty ? "" : ", " + extra)}

      """
  }

  private func read(_ text: String) throws -> ClusterConfiguration {
    let outcome = ClusterFile.parse(text: text, fileName: "f")
    return try #require(outcome.configuration, "\(outcome.diagnostics)")
  }

  private func plan(_ text: String) throws -> FailoverPlan { FailoverPlan(of: try read(text)) }

  private func row(
    _ plan: FailoverPlan, _ fault: FailoverPlan.Fault, _ node: String
  ) throws -> FailoverPlan.Row {
    try #require(plan.virtualRouters[0].rows.first { $0.fault == fault && $0.node.rawValue == node })
  }

  private func near(_ one: Duration, _ other: Duration) -> Bool {
    max(one, other) - min(one, other) < .milliseconds(2)
  }
}
