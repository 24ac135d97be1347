// The fault table: what may befall a holder, again and again, beside keepalived.

import FaultTable
import Rehearsal

extension Contender {
  func candidate(interval: Int) throws -> Candidate {
    let setup = Setup(interval: interval)
    switch self {
    case .vipd: return .vipd(file: Self.clusterFile(setup), interval: .milliseconds(interval))
    case .keepalived:
      let testbed = try Testbed()
      defer { testbed.close() }
      let nodes = testbed.nodes
      return .keepalived(interval: .milliseconds(interval)) {
        Self.keepalivedConfiguration(setup, for: $0, among: nodes)
      }
    }
  }
}

extension Report {
  /// One row of the table for one contender. All times in milliseconds.
  struct HardshipRow: Sendable, Codable {
    var contender: Contender
    var hardship: String
    var interval: Int
    var outages: [Double] = []
    var twoHolders: [Double] = []
    var moves: [Int] = []
    var failures: [String] = []

    enum CodingKeys: String, CodingKey {
      case contender, hardship, moves, failures
      case interval = "interval_ms"
      case outages = "outages_ms"
      case twoHolders = "two_holders_ms"
    }
  }
}

/// The runs of one row, for one contender at one interval.
struct HardshipSeries {
  let contender: Contender
  let hardship: Hardship
  let interval: Int

  func measure(runs: Int, progress: Progress) async throws -> Report.HardshipRow {
    var row = Report.HardshipRow(contender: contender, hardship: hardship.words, interval: interval)
    guard contender == .vipd || hardship.isKnownToKeepalived else {
      progress.advance(by: runs)
      return row
    }
    var cluster: OrdealCluster?
    defer { cluster?.close() }
    for run in 1...runs {
      progress.say("\(contender.rawValue): \(hardship.words) at \(interval) ms, run \(run) of \(runs)")
      do {
        let current: OrdealCluster
        if let cluster {
          current = cluster
        } else {
          current = try await OrdealCluster(contender.candidate(interval: interval))
          cluster = current
        }
        try await ExclusiveMeasurement.run {
          let ordeal = try await current.run(hardship)
          row.outages.append(ordeal.outage.inMilliseconds)
          row.twoHolders.append(ordeal.twoHolders.inMilliseconds)
          row.moves.append(ordeal.moves)
        }
      } catch let error as TestbedError {
        row.failures.append("\(error)")
        cluster?.close()
        cluster = nil
      }
      progress.advance(by: 1)
    }
    return row
  }
}
