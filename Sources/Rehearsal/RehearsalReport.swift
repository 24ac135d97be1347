// What came of a rehearsal, as values: rows of a table, and what a picture is drawn from.

public struct RehearsalReport: Sendable, Hashable {
  public var cluster: String
  public var routers: [Router] = []
  /// What a reader must know to judge the rows: stand-ins, checks that failed from the start.
  public var notes: [String] = []

  public init(cluster: String) { self.cluster = cluster }

  /// Whether everything moved as predicted.
  public var isAsPredicted: Bool { routers.allSatisfy { $0.rows.allSatisfy { $0.complaints.isEmpty } } }

  /// So much later than the arithmetic says is still as predicted: a busy machine is no fault of the protocol's.
  public static let tolerance = Duration.milliseconds(100)

  /// One virtual router, while it was rehearsed.
  public struct Router: Sendable, Hashable {
    public var name: String
    /// Those that clients asked, without prefix length.
    public var addresses: [String]
    public var port: UInt16
    public var interval: Duration
    /// In order of preference.
    public var nodes: [String]
    public var rows: [Row] = []
    public var started: Moment
    public var ended: Moment
    /// Who held the first of the addresses when, by the nodes' kernels.
    public var holdings: [HolderWatch.Holding] = []
    /// What the client of each address saw.
    public var traffic: [TrafficRecord] = []
    /// The longest time without an answer for which the address is not to blame: the node had it all the while. Not in
    /// the rows.
    public var longestHiccup: Duration = .zero
  }

  /// One thing that was done.
  public struct Row: Sendable, Hashable {
    /// 1, 2, …, also in the picture.
    public var number: Int
    /// Which repetition: 1, 2, …
    public var run: Int
    public var fault: RehearsalFault
    /// Whether this is the mending of it.
    public var isMending: Bool
    public var node: String
    public var moment: Moment
    /// Who held the addresses before and afterwards; more than one name would be wrong.
    public var before: [String]
    public var after: [String]
    /// From the fault until all the addresses were where they were to stay; nil where they stayed, or never settled.
    public var movedAfter: Duration?
    /// The longest time for which a client was without an answer; one still going on counts up to the mending.
    public var outage: Duration
    /// How long two nodes had the address at once.
    public var twoHolders: Duration
    public var prediction: Expectation
    /// What was not as predicted; empty where all was.
    public var complaints: [String]
    /// What a plan says that was made beforehand; nil where there is none for this.
    public var planned: Planned?

    public var happening: String { isMending ? fault.mending : fault.happening }
  }

  /// What a plan, made by others, says of a row.
  public struct Planned: Sendable, Hashable {
    /// Who holds the addresses in the end.
    public var after: [String]
    /// For how long a client has no answer; nil where nothing is said.
    public var outage: ClosedRange<Duration>?

    public init(after: [String], outage: ClosedRange<Duration>?) {
      self.after = after
      self.outage = outage
    }
  }

  /// What the protocol's arithmetic says.
  public struct Expectation: Sendable, Hashable {
    public var holder: String?
    /// Nil where nothing is said.
    public var outage: ClosedRange<Duration>?
    public var movedWithin: Duration?
    public var reason: String
  }
}

extension RehearsalReport.Row {
  /// Puts a plan beside the measurement, and complains where they differ. What the arithmetic has complained of already
  /// is not said twice.
  public mutating func hold(against planned: RehearsalReport.Planned) {
    self.planned = planned
    guard complaints.isEmpty else { return }
    if Set(after) != Set(planned.after) {
      let holders = planned.after.isEmpty ? "no node" : planned.after.joined(separator: " and ")
      complaints.append("planned to be at \(holders)")
    }
    if let most = planned.outage?.upperBound, outage > most + RehearsalReport.tolerance {
      complaints.append("\((outage - most).brief) longer than planned")
    }
  }

  /// Holds what happened against what ought to have.
  static func complaints(
    after: [String], movedAfter: Duration?, outage: Duration, moves: Int, beforeWas holder: String?,
    _ prediction: Prediction
  ) -> [String] {
    var complaints: [String] = []
    if after != [prediction.holder].compactMap({ $0 }) {
      complaints.append("expected at \(prediction.holder ?? "no node")")
    }
    let late = RehearsalReport.tolerance
    if let most = prediction.outage?.upperBound, outage > most + late {
      complaints.append("\((outage - most).brief) longer than predicted")
    } else if let most = prediction.movedWithin, let movedAfter, movedAfter > most + late {
      complaints.append("moved \((movedAfter - most).brief) later than predicted")
    }
    let expectedMoves = prediction.holder == holder ? 0 : 1
    if moves > expectedMoves {
      complaints.append(
        expectedMoves == 0 && moves == 1 ? "moved though it should have stayed" : "moved \(moves) times")
    }
    return complaints
  }
}

extension Duration {
  /// For people: `0 ms`, `48 ms`, `1 s`, `3.12 s`, `2 min 5 s`.
  public var brief: String {
    let milliseconds = Int((self / .milliseconds(1)).rounded())
    switch milliseconds {
    case ..<1000: return "\(milliseconds) ms"
    case ..<60_000:
      let hundredths = (milliseconds + 5) / 10
      let fraction = hundredths % 100
      if fraction == 0 { return "\(hundredths / 100) s" }
      return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) s"
    default: return "\(milliseconds / 60_000) min \(milliseconds % 60_000 / 1000) s"
    }
  }
}
