// A run under watch: the simulation, what an observer makes of it, and the checkers.

import NetworkTypes
import VRRP

/// A rule that every run has to obey. Checkers see occurrences and the picture made of them, never the simulator.
public protocol Checker: Sendable {
  /// Looks at one step.
  /// - Parameter picture: the cluster after the step.
  /// - Returns: how the rule was broken, in words; empty where it was not.
  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String]
}

/// A virtual router on one node, by which most checkers keep their books.
struct Place: Hashable, Sendable {
  var node: String
  var vrid: VRID
}

/// A rule that was broken, and when.
public struct Violation: Sendable, Hashable, CustomStringConvertible {
  public var time: Instant
  /// The checker's name.
  public var rule: String
  public var words: String

  public var description: String { "\(time.transcriptText) \(rule): \(words)" }
}

public struct Examination: Sendable {
  public private(set) var picture: ClusterPicture
  public private(set) var violations: [Violation] = []
  public private(set) var transcript: Transcript
  /// Who held what when.
  public private(set) var history: HoldingHistory
  private var simulation: Simulation
  private var checkers: [any Checker]

  /// - Parameters:
  ///   - random: what chance decides in the network.
  ///   - checkers: the rules; ``standardCheckers`` unless the caller knows better.
  public init(
    _ cluster: SimulatedCluster, random: SplitMix64, checkers: [any Checker] = Examination.standardCheckers,
    detail: Transcript.Detail = .notable
  ) {
    simulation = Simulation(cluster, random: random)
    picture = ClusterPicture(cluster)
    transcript = Transcript(of: cluster, detail: detail)
    history = HoldingHistory(picture.vrids)
    self.checkers = checkers
  }

  /// Every rule there is.
  public static var standardCheckers: [any Checker] {
    [
      AgreementChecker(), AddressChecker(), StabilityChecker(), AdvertisementChecker(), HandOverChecker(),
      NeighborChecker(), RivalryChecker(),
    ]
  }

  public mutating func schedule(_ incident: Incident, at time: Instant) { simulation.schedule(incident, at: time) }

  /// Runs up to and including `end`.
  public mutating func run(until end: Instant) {
    while let step = simulation.next(until: end) { observe(step) }
    observe(Step(time: end, occurrences: []))
  }

  private mutating func observe(_ step: Step) {
    picture.take(step)
    transcript.record(step)
    history.record(step, picture)
    for index in checkers.indices {
      for words in checkers[index].observe(step, picture) {
        violations.append(Violation(time: step.time, rule: "\(type(of: checkers[index]))", words: words))
      }
    }
  }
}
