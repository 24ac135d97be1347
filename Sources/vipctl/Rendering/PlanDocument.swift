// The failover matrix for programs. Keys are promised: seconds as numbers, [least, most] where they depend on the moment,
// names as the file has them, null for nobody. Pure.

import ClusterConfiguration
import FailoverSimulation
import FoundationEssentials

struct PlanDocument: Codable, Equatable {
  var cluster: String
  /// How many rows and chains carry a mark.
  var marked: Int
  var virtualRouters: [Router]

  struct Router: Codable, Equatable {
    var name: String
    var addresses: [String]
    var intervalSeconds: Double
    var holder: String?
    var rows: [Row]
    var chains: [Chain]
  }

  struct Row: Codable, Equatable {
    /// `tracker`, `host`, `link`, `stop` or `partition`.
    var fault: String
    /// Which tracker fails.
    var tracker: String?
    var node: String
    var before: String?
    /// Two while a partition lasts.
    var after: [String]
    var moves: Bool
    /// Left out where nobody takes over.
    var movedAfterSeconds: [Double]?
    /// Left out where nobody ever has it again.
    var unheldSeconds: [Double]?
    /// How long two have it: after a partition, once it is healed.
    var contestedSeconds: [Double]
    var detectionSeconds: [Double]?
    var because: String
    /// `leaves_nobody`, `never_moves`, `unfit_holder`; left out where there is nothing to say.
    var mark: String?
  }

  struct Chain: Codable, Equatable {
    var failures: [Failure]
    /// The holder at first, and after each failure.
    var holders: [String?]
    var mark: String?

    struct Failure: Codable, Equatable {
      var tracker: String
      var node: String
    }
  }

  /// Indented, keys sorted, one line end at the end.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}

extension PlanDocument {
  init(_ plan: FailoverPlan) {
    self.init(
      cluster: plan.cluster, marked: plan.markCount, virtualRouters: plan.virtualRouters.map(Router.init))
  }
}

extension PlanDocument.Router {
  fileprivate init(_ router: FailoverPlan.VirtualRouter) {
    self.init(
      name: router.name.rawValue, addresses: router.addresses.map(\.address.description),
      intervalSeconds: seconds(router.interval.duration), holder: router.holder?.rawValue,
      rows: router.rows.map(PlanDocument.Row.init), chains: router.chains.map(PlanDocument.Chain.init))
  }
}

extension PlanDocument.Row {
  fileprivate init(_ row: FailoverPlan.Row) {
    let (fault, tracker): (String, String?) =
      switch row.fault {
      case .trackerFails(let tracker): ("tracker", tracker.rawValue)
      case .hostDies: ("host", nil)
      case .linkCut: ("link", nil)
      case .stopped: ("stop", nil)
      case .cutOff: ("partition", nil)
      }
    self.init(
      fault: fault, tracker: tracker, node: row.node.rawValue, before: row.before?.rawValue,
      after: row.after.map(\.rawValue), moves: row.isMove, movedAfterSeconds: row.movedAfter.map(bounds),
      unheldSeconds: row.unheld.map(bounds), contestedSeconds: bounds(row.contested),
      detectionSeconds: row.detection.map(bounds), because: row.reason, mark: row.mark?.rawValue)
  }
}

extension PlanDocument.Chain {
  fileprivate init(_ chain: FailoverPlan.Chain) {
    self.init(
      failures: chain.failures.map { Failure(tracker: $0.tracker.rawValue, node: $0.node.rawValue) },
      holders: chain.holders.map { $0?.rawValue }, mark: chain.mark?.rawValue)
  }
}

private func bounds(_ range: ClosedRange<Duration>) -> [Double] {
  [seconds(range.lowerBound), seconds(range.upperBound)]
}

/// To the microsecond.
private func seconds(_ duration: Duration) -> Double {
  (duration / .microseconds(1)).rounded() / 1_000_000
}
