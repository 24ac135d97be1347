// Chance looks for what nobody has thought of: a fixed set of drawn scenarios, each under all checkers. They take about
// 100 s of CPU in a debug build, on all cores.
//
// A longer run, or one seed alone: `Packaging/explore 1-100000`, `Packaging/explore 4711`, or in a debug build
//   EXPLORE_SEEDS=4711-4711 swift test --filter FailoverSimulationTests.ExplorationTests

import FailoverSimulation
import FoundationEssentials
import SimulatedScenarios
import Testing

struct ExplorationTests {
  @Test(arguments: seedBlocks)
  func exploration(_ seeds: ClosedRange<UInt64>) throws {
    for seed in seeds {
      let scenario = Expedition.scenario(seed: seed)
      let complaints = scenario.run(detail: .nothing).complaints
      guard !complaints.isEmpty else { continue }
      let reduced = scenario.reduced()
      let outcome = reduced.run()
      Issue.record(
        """
        seed \(seed): \(complaints[0])
        Again: EXPLORE_SEEDS=\(seed)-\(seed) swift test --filter FailoverSimulationTests.ExplorationTests
        Reduced, as a file for Scenarios/:
        \(reduced.text)
        \(outcome.complaints.joined(separator: "\n"))
        \(outcome.examination.transcript.text)
        """)
    }
  }

  /// In blocks, so that they can run side by side.
  private static var seedBlocks: [ClosedRange<UInt64>] {
    let text = ProcessInfo.processInfo.environment["EXPLORE_SEEDS"] ?? "1-1200"
    let bounds = text.split(separator: "-").compactMap { UInt64($0) }
    guard bounds.count == 2, bounds[0] <= bounds[1] else { preconditionFailure("EXPLORE_SEEDS is FIRST-LAST") }
    return stride(from: bounds[0], through: bounds[1], by: 25).map { $0...min($0 + 24, bounds[1]) }
  }
}
