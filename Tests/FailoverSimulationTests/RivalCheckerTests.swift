// The checkers again, where there is more than one Active Router: rivals, preemption, and nodes whose files have them
// not understand each other.

import NetworkTypes
import SimulatedScenarios
import Testing
import VRRP

@testable import FailoverSimulation

struct RivalCheckerTests {
  /// Both are Active, and the one that should let go has said so to the other.
  private func twoActive(_ stage: Stage) -> [(Int, [Occurrence])] {
    [
      (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a") + stage.rises("b")),
      (4, [stage.sends("b", priority: 100, to: "a")]),
    ]
  }

  @Test func rivalLetsGo() throws {
    var stage = try Stage()
    let end = [(5, stage.yields("b", to: "a"))]
    // The stage's clock knows whole seconds; the yielding is looked at first.
    #expect(stage.complaints(of: RivalryChecker(), twoActive(stage) + end) == [])
  }

  @Test func rivalIsNotAnswered() throws {
    var stage = try Stage()
    #expect(stage.complaints(of: RivalryChecker(), twoActive(stage) + [(5, [])]).count == 1)
  }

  @Test func winnerYields() throws {
    var stage = try Stage()
    let end = [(5, stage.yields("a", to: "b"))]
    #expect(stage.complaints(of: RivalryChecker(), twoActive(stage) + end).count == 1)
  }

  @Test func farewellIsNotAnswered() throws {
    var stage = try Stage()
    let farewell = [(4, [stage.sends("b", priority: 0, to: "a")]), (5, [])]
    let begin: [(Int, [Occurrence])] = [
      (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a") + stage.rises("b")),
    ]
    #expect(stage.complaints(of: RivalryChecker(), begin + farewell).count == 1)
    var other = try Stage()
    let answered = [
      (4, [other.sends("b", priority: 0, to: "a"), other.sends("a", priority: 200, to: "b")]), (5, []),
    ]
    #expect(other.complaints(of: RivalryChecker(), begin + answered) == [])
  }

  @Test func silentActive() throws {
    var stage = try Stage()
    let steps: [(Int, [Occurrence])] = [
      (0, stage.starts("a")), (3, stage.rises("a") + [stage.sends("a", priority: 200, to: "b")]),
      (4, [stage.sends("a", priority: 200, to: "b")]), (6, [stage.sends("a", priority: 200, to: "b")]),
    ]
    #expect(stage.complaints(of: AdvertisementChecker(), steps).count == 1)
  }

  @Test(arguments: [("true", 0), ("false", 1), ("20s", 0), ("90s", 1)])
  func preemptionAgainstTheFile(_ preempt: String, _ complaints: Int) throws {
    var stage = try Stage(preempt: preempt)
    let holder = ActiveRouter(
      address: given(IPAddress("10.0.0.2")), priority: .contending(.standard), heard: Instant(sinceBoot: .zero))
    func becomes(_ from: StateName, _ to: StateName, _ reason: Transition.Reason) -> [Occurrence] {
      [.transition("a", stage.vrid, Transition(from: from, to: to, reason: reason))]
    }
    let steps: [(Int, [Occurrence])] = [
      (0, stage.starts("b") + stage.rises("b")),
      (200, stage.starts("a") + becomes(.initialize, .backup, .startup)),
      (230, becomes(.backup, .active, .preemption(holder))),
    ]
    let said = stage.complaints(of: StabilityChecker(), steps).filter { $0.contains("preempts") }
    #expect(said.count == complaints)
  }

  /// With another version each, both may be Active, and both must be.
  @Test func twoElectorates() throws {
    var stage = try Stage()
    var changed = stage.blueprint
    changed.routers[0].version = .v2
    let begin: [(Int, [Occurrence])] = [
      (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a")),
      (60, [.noticed("b", .reloaded(changed.configurations(for: "b")))]),
    ]
    var other = stage
    #expect(stage.complaints(of: AgreementChecker(), begin + [(120, [])]).count == 1)
    #expect(other.complaints(of: AgreementChecker(), begin + [(63, other.rises("b")), (120, [])]) == [])
    #expect(other.picture.electorates(other.vrid) == [["a"], ["b"]])
  }
}
