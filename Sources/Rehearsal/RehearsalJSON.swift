// The report for programs: seconds as numbers, moments as seconds since the router's rehearsal began.

import FoundationEssentials

extension RehearsalReport {
  /// Indented, keys sorted, one line end at the end.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(Document(self)), as: UTF8.self) + "\n"
  }

  private struct Document: Encodable {
    let cluster: String
    let asPredicted: Bool
    let toleranceSeconds: Double
    let notes: [String]
    let virtualRouters: [RouterDocument]

    init(_ report: RehearsalReport) {
      cluster = report.cluster
      asPredicted = report.isAsPredicted
      toleranceSeconds = seconds(RehearsalReport.tolerance)
      notes = report.notes
      virtualRouters = report.routers.map(RouterDocument.init)
    }
  }

  private struct RouterDocument: Encodable {
    let name: String
    let addresses: [String]
    let port: UInt16
    let intervalSeconds: Double
    let durationSeconds: Double
    let longestHiccupSeconds: Double
    let rows: [RowDocument]
    let holdings: [HoldingDocument]
    let clients: [ClientDocument]

    init(_ router: Router) {
      name = router.name
      addresses = router.addresses
      port = router.port
      intervalSeconds = seconds(router.interval)
      durationSeconds = seconds(router.ended - router.started)
      longestHiccupSeconds = seconds(router.longestHiccup)
      rows = router.rows.map { RowDocument($0, start: router.started) }
      holdings = router.holdings.map { HoldingDocument($0, start: router.started) }
      clients = zip(router.addresses, router.traffic).map { ClientDocument($0, $1, start: router.started) }
    }
  }

  private struct RowDocument: Encodable {
    let number: Int
    let run: Int
    let atSeconds: Double
    let what: String
    let fault: String
    let isMending: Bool
    let node: String
    let before: [String]
    let after: [String]
    let expected: String?
    let movedAfterSeconds: Double?
    let outageSeconds: Double
    let twoHoldersSeconds: Double
    let predictedOutageSeconds: [Double]?
    let planned: PlannedDocument?
    let because: String
    let complaints: [String]

    init(_ row: Row, start: Moment) {
      number = row.number
      run = row.run
      atSeconds = seconds(row.moment - start)
      what = row.happening
      fault = row.fault.keyword.rawValue
      isMending = row.isMending
      node = row.node
      before = row.before
      after = row.after
      expected = row.prediction.holder
      movedAfterSeconds = row.movedAfter.map(seconds)
      outageSeconds = seconds(row.outage)
      twoHoldersSeconds = seconds(row.twoHolders)
      predictedOutageSeconds = row.prediction.outage.map { [seconds($0.lowerBound), seconds($0.upperBound)] }
      planned = row.planned.map(PlannedDocument.init)
      because = row.prediction.reason
      complaints = row.complaints
    }
  }

  private struct PlannedDocument: Encodable {
    let after: [String]
    let outageSeconds: [Double]?

    init(_ planned: Planned) {
      after = planned.after
      outageSeconds = planned.outage.map { [seconds($0.lowerBound), seconds($0.upperBound)] }
    }
  }

  private struct HoldingDocument: Encodable {
    let node: String
    let fromSeconds: Double
    let toSeconds: Double?

    init(_ holding: HolderWatch.Holding, start: Moment) {
      node = holding.node
      fromSeconds = seconds(holding.from - start)
      toSeconds = holding.to.map { seconds($0 - start) }
    }
  }

  private struct ClientDocument: Encodable {
    let address: String
    let requests: Int
    let answered: Int
    let failures: [String: Int]
    let outages: [OutageDocument]
    let longestBlindnessSeconds: Double
    let processorSeconds: Double

    init(_ address: String, _ record: TrafficRecord, start: Moment) {
      self.address = address
      requests = record.sent
      answered = record.answered
      failures = Dictionary(uniqueKeysWithValues: record.failures.map { ($0.key.rawValue, $0.value) })
      outages = record.outages.map { OutageDocument($0, start: start) }
      longestBlindnessSeconds = seconds(record.longestBlindness)
      processorSeconds = seconds(record.processorTime)
    }
  }

  private struct OutageDocument: Encodable {
    let fromSeconds: Double
    let toSeconds: Double
    let before: String?
    let after: String
    let lostRequests: Int

    init(_ outage: TrafficRecord.Outage, start: Moment) {
      fromSeconds = seconds(outage.start - start)
      toSeconds = seconds(outage.end - start)
      before = outage.before
      after = outage.after
      lostRequests = outage.lostRequests
    }
  }
}

/// To the microsecond.
private func seconds(_ duration: Duration) -> Double {
  (duration / .microseconds(1)).rounded() / 1_000_000
}
