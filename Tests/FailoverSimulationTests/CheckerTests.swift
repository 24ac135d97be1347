// The checkers themselves: each is shown a run that breaks its rule, made by hand, and has to say so. A checker that is
// silent about everything would otherwise pass every test.

import NetworkTypes
import SimulatedScenarios
import Testing
import VRRP

@testable import FailoverSimulation

/// Two nodes, a:200 and b:100, and whatever is said to have happened to them.
struct Stage {
  var picture: ClusterPicture
  let vrid = given(VRID(rawValue: 1))
  let addresses: [VirtualAddress]
  let blueprint: Blueprint

  init(preempt: String = "true") throws {
    let scenario = try Scenario(
      text: """
        node a 10.0.0.1
        node b 10.0.0.2
        router r vrid 1 addresses 10.0.0.9/24 members a:200,b:100 preempt \(preempt) track t:-150
        client laptop
        """)
    blueprint = scenario.blueprint
    picture = ClusterPicture(scenario.blueprint.cluster)
    addresses = scenario.blueprint.configurations(for: "a")[0].addresses
  }

  func starts(_ node: String) -> [Occurrence] {
    [
      .incident(.start(node)), .noticed(node, .started(blueprint.configurations(for: node))),
      .noticed(node, .tracker("t", isUp: true)),
    ]
  }

  func rises(_ node: String) -> [Occurrence] {
    [
      .installed(node, vrid, addresses), announces(node, .arrives),
      .transition(node, vrid, Transition(from: .backup, to: .active, reason: .nobodyHeard)),
    ]
  }

  func yields(_ node: String, to winner: String) -> [Occurrence] {
    let address = given(blueprint.nodes.first { $0.name == winner }).addresses[0]
    let successor = ActiveRouter(
      address: address, priority: .contending(.standard), heard: Instant(sinceBoot: .zero))
    return [
      .removed(node, vrid, addresses),
      .transition(node, vrid, Transition(from: .active, to: .backup, reason: .superseded(successor))),
    ]
  }

  func announces(_ node: String, _ passage: Passage) -> Occurrence {
    .announced(
      Announcement(node: node, holder: node, vrid: vrid, address: addresses[0].address.address, passages: [passage]))
  }

  func sends(_ node: String, priority: Int, to other: String) -> Occurrence {
    .sent(
      Sending(
        sender: node, receiver: other,
        advertisement: Advertisement(
          vrid: vrid, priority: AdvertisedPriority(fieldValue: UInt8(priority)), interval: .oneSecond,
          addresses: addresses.map(\.address.address)),
        family: .ipv4, passage: .arrives, isRoutine: false))
  }

  /// What a checker says to these steps, the time in seconds of each given.
  mutating func complaints(of checker: some Checker, _ steps: [(Int, [Occurrence])]) -> [String] {
    var checker = checker
    return steps.flatMap { time, occurrences in
      let step = Step(time: Instant(sinceBoot: .seconds(time)), occurrences: occurrences)
      picture.take(step)
      return checker.observe(step, picture)
    }
  }
}

struct CheckerTests {
  @Test func agreementHolds() throws {
    var stage = try Stage()
    let steps = [(0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a")), (60, [])]
    #expect(stage.complaints(of: AgreementChecker(), steps) == [])
  }

  @Test func agreementBroken() throws {
    var both = try Stage()
    #expect(
      both.complaints(
        of: AgreementChecker(),
        [(0, both.starts("a") + both.starts("b")), (3, both.rises("a") + both.rises("b")), (60, [])]
      ).count == 1)
    var nobody = try Stage()
    #expect(
      nobody.complaints(of: AgreementChecker(), [(0, nobody.starts("a") + nobody.starts("b")), (60, [])]).count == 1)
    var wrong = try Stage()
    #expect(
      wrong.complaints(
        of: AgreementChecker(), [(0, wrong.starts("a") + wrong.starts("b")), (3, wrong.rises("b")), (60, [])]
      ).count == 1)
  }

  /// With Preempt_Mode false the lesser one may stay, unless it is unfit.
  @Test func agreementWithoutPreemption() throws {
    var stage = try Stage(preempt: "false")
    let start = [(0, stage.starts("a") + stage.starts("b")), (3, stage.rises("b")), (60, [])]
    #expect(stage.complaints(of: AgreementChecker(), start) == [])
    let failure = [(61, [Occurrence.noticed("b", .tracker("t", isUp: false))]), (120, [])]
    #expect(stage.complaints(of: AgreementChecker(), failure).count == 1)
  }

  @Test func noAgreementIsDueWhileTheNetworkIsNotWhole() throws {
    var stage = try Stage()
    let steps: [(Int, [Occurrence])] = [
      (0, stage.starts("a") + stage.starts("b") + [.incident(.partition([["a"], ["b"]]))]),
      (3, stage.rises("a") + stage.rises("b")), (60, []),
    ]
    #expect(stage.complaints(of: AgreementChecker(), steps) == [])
  }

  @Test func addresses() throws {
    var stage = try Stage()
    let active = Transition(from: .backup, to: .active, reason: .nobodyHeard)
    #expect(
      stage.complaints(
        of: AddressChecker(),
        [(0, stage.starts("a")), (3, [.transition("a", stage.vrid, active)])]
      ).count == 1)
    var other = try Stage()
    #expect(
      other.complaints(
        of: AddressChecker(), [(0, other.starts("a")), (3, [.installed("a", other.vrid, other.addresses)])]
      ).count == 1)
    var early = try Stage()
    let announces = early.announces("a", .arrives)
    #expect(
      early.complaints(of: AddressChecker(), [(0, early.starts("a")), (3, [announces] + early.rises("a"))]).count == 1)
    var good = try Stage()
    #expect(
      good.complaints(
        of: AddressChecker(),
        [(0, good.starts("a")), (3, good.rises("a")), (4, good.yields("a", to: "b")), (5, [.incident(.crash("a"))])]
      ) == [])
  }

  @Test func flapping() throws {
    var stage = try Stage()
    let steps = [
      (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("b")), (4, stage.yields("b", to: "a")),
      (5, stage.rises("b")),
    ]
    #expect(stage.complaints(of: StabilityChecker(), steps).count == 1)
    // Another disturbance explains another move, but the settled cluster does not move.
    var explained = try Stage()
    let start = [
      (0, explained.starts("b")), (3, explained.rises("b")), (4, [.incident(.freeze("b"))]),
      (20, [.incident(.thaw("b"))] + explained.yields("b", to: "a")), (21, explained.rises("b")),
    ]
    #expect(explained.complaints(of: StabilityChecker(), start) == [])
    #expect(explained.complaints(of: StabilityChecker(), [(60, explained.yields("b", to: "a"))]).count == 1)
  }

  @Test func usurpation() throws {
    var stage = try Stage()
    let steps = [
      (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a")), (6, stage.rises("b")),
    ]
    #expect(stage.complaints(of: StabilityChecker(), steps).count == 1)
  }

  @Test func spinning() throws {
    var stage = try Stage()
    #expect(stage.complaints(of: StabilityChecker(), [(1, [.spinning("a")])]).count == 1)
  }

  @Test func advertisements() throws {
    var stage = try Stage()
    let start = (0, stage.starts("a") + stage.starts("b"))
    #expect(
      stage.complaints(of: AdvertisementChecker(), [start, (3, [stage.sends("a", priority: 200, to: "b")])]) == [])
    #expect(stage.complaints(of: AdvertisementChecker(), [(4, [stage.sends("a", priority: 0, to: "b")])]) == [])
    #expect(stage.complaints(of: AdvertisementChecker(), [(5, [stage.sends("a", priority: 199, to: "b")])]).count == 1)
    #expect(stage.complaints(of: AdvertisementChecker(), [(6, [stage.sends("a", priority: 255, to: "b")])]).count == 1)
    let failure = [(7, [.noticed("a", .tracker("t", isUp: false)), stage.sends("a", priority: 50, to: "b")])]
    #expect(stage.complaints(of: AdvertisementChecker(), failure) == [])
    #expect(
      stage.complaints(of: AdvertisementChecker(), [(8, [.discarded("b", .ttl, stage.vrid)])]).count == 1)
  }

  @Test func slowHandOver() throws {
    // Within Active_Down_Interval of b, 3.61 s and the latency, and later than that.
    for (time, complaints) in [(63, 0), (64, 1)] {
      var stage = try Stage()
      let steps = [
        (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a")), (59, []), (60, [.incident(.crash("a"))]),
        (time, stage.rises("b")),
      ]
      #expect(stage.complaints(of: HandOverChecker(), steps).count == complaints)
    }
  }

  @Test func slowHandOverOnWord() throws {
    // A failed tracker, and a planned stop: Skew_Time of b is 0.61 s, so a whole second is too late.
    for loss in [Occurrence.noticed("a", .tracker("t", isUp: false)), .noticed("a", .stopped)] {
      var stage = try Stage()
      let steps = [
        (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a")), (59, []), (60, [loss]),
        (61, stage.rises("b")),
      ]
      #expect(stage.complaints(of: HandOverChecker(), steps).count == 1)
    }
  }

  /// The loser announced last, and the winner does not correct it.
  @Test func misledClient() throws {
    var stage = try Stage()
    let steps = [
      (0, stage.starts("a") + stage.starts("b")), (3, stage.rises("a")), (4, stage.rises("b")),
      (5, stage.yields("b", to: "a")), (60, []),
    ]
    #expect(stage.complaints(of: NeighborChecker(), steps).count == 1)
    var corrected = try Stage()
    let learned = Occurrence.learned(client: "laptop", corrected.addresses[0].address.address, at: "a")
    let good = [
      (0, corrected.starts("a") + corrected.starts("b")), (3, corrected.rises("a")), (4, corrected.rises("b")),
      (5, corrected.yields("b", to: "a") + [corrected.announces("a", .arrives), learned]), (60, []),
    ]
    #expect(corrected.complaints(of: NeighborChecker(), good) == [])
  }

  /// A client that had no way to the holder is excused, and so is the holder whose announcement chance has lost.
  @Test func excusedClient() throws {
    var stage = try Stage()
    let steps = [
      (0, stage.starts("a")),
      (3, stage.rises("a") + [.learned(client: "laptop", stage.addresses[0].address.address, at: "a")]),
      (4, [.incident(.crash("a"))] + stage.starts("b")),
      (
        8,
        [.installed("b", stage.vrid, stage.addresses), stage.announces("b", .cut)]
          + [.transition("b", stage.vrid, Transition(from: .backup, to: .active, reason: .nobodyHeard))]
      ),
      (60, []),
    ]
    #expect(stage.complaints(of: NeighborChecker(), steps) == [])
  }

  @Test func lawfulHolders() throws {
    var stage = try Stage(preempt: "false")
    _ = stage.complaints(of: AddressChecker(), [(0, stage.starts("a") + stage.starts("b"))])
    #expect(stage.picture.lawfulHolders(stage.vrid) == ["a", "b"])
    _ = stage.complaints(of: AddressChecker(), [(1, [.noticed("b", .tracker("t", isUp: false))])])
    #expect(stage.picture.lawfulHolders(stage.vrid) == ["a"])
    _ = stage.complaints(of: AddressChecker(), [(2, [.noticed("a", .stopped)])])
    #expect(stage.picture.lawfulHolders(stage.vrid) == ["b"])
    _ = stage.complaints(of: AddressChecker(), [(3, [.noticed("b", .link(isUp: false))])])
    #expect(stage.picture.lawfulHolders(stage.vrid) == [])
  }
}
