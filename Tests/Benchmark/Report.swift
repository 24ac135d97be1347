// What was measured, as tables for people and as JSON.

import ControlAPI
import Glibc
import Rehearsal

struct Report: Sendable, Codable {
  var seed: UInt64
  var runs: Int
  var stabilitySeconds: Int
  var versions: [String: String] = [:]
  var failovers: [Failover] = []
  var hardships: [HardshipRow] = []
  var stability: [StabilityMeasurement] = []
  var footprints: [Footprint] = []

  struct Failover: Sendable, Codable {
    var contender: Contender
    var fault: Fault
    /// In milliseconds, as all that follows.
    var interval: Int
    var boundMinimum: Double
    var boundMaximum: Double
    var outages: [Double] = []
    /// For how long the client itself was not running, at worst: no outage is known more exactly than that.
    var longestBlindness = 0.0
    /// Why runs came to nothing.
    var failures: [String] = []

    init(contender: Contender, fault: Fault, interval: Int) {
      self.contender = contender
      self.fault = fault
      self.interval = interval
      let bound = fault.bound(interval: interval)
      boundMinimum = bound.lowerBound
      boundMaximum = bound.upperBound
    }

    var minimum: Double { outages.min() ?? .nan }
    var maximum: Double { outages.max() ?? .nan }

    var median: Double {
      let sorted = outages.sorted()
      guard !sorted.isEmpty else { return .nan }
      let middle = sorted.count / 2
      return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    enum CodingKeys: String, CodingKey {
      case contender, fault, failures
      case interval = "interval_ms"
      case boundMinimum = "bound_minimum_ms"
      case boundMaximum = "bound_maximum_ms"
      case outages = "outages_ms"
      case longestBlindness = "longest_blindness_ms"
    }
  }

  enum CodingKeys: String, CodingKey {
    case seed, runs, versions, failovers, hardships, stability, footprints
    case stabilitySeconds = "stability_seconds"
  }

  func json() throws -> String { String(decoding: try ControlJSON.pretty(self), as: UTF8.self) + "\n" }

  func save(to path: String) throws {
    let text = try json()
    guard let file = fopen(path, "w") else {
      throw TestbedError("cannot write \(path)", cause: String(cString: strerror(errno)))
    }
    fputs(text, file)
    guard fclose(file) == 0 else {
      throw TestbedError("cannot write \(path)", cause: String(cString: strerror(errno)))
    }
  }
}

// MARK: - Tables

extension Report {
  var text: String {
    [failoverTable, hardshipTable, stabilityTable, footprintTable, failureLines].compactMap(\.self).joined(
      separator: "\n")
  }

  private var contenders: [Contender] { Contender.allCases.filter { versions[$0.rawValue] != nil } }

  private func title(_ contender: Contender) -> String { "\(contender.rawValue) \(versions[contender.rawValue] ?? "")" }

  private var failoverTable: String? {
    guard !failovers.isEmpty else { return nil }
    var titles = ["what happens to the holder", "interval", "timers allow"]
    titles += contenders.map { "\(title($0)): min / median / max" }
    if contenders.count > 1 { titles.append("ratio of medians") }
    titles.append("vipd's max beyond timers")
    var rows: [[String]] = []
    for vipd in failovers where vipd.contender == .vipd {
      var row = [vipd.fault.words, "\(vipd.interval) ms", Self.bound(vipd)]
      let all = contenders.map { contender in
        failovers.first { $0.contender == contender && $0.fault == vipd.fault && $0.interval == vipd.interval }
      }
      row += all.map { $0.map(Self.spread) ?? "–" }
      if contenders.count > 1 { row.append(Self.ratio(vipd, all.last ?? nil)) }
      row.append(vipd.outages.isEmpty ? "–" : Self.signed(vipd.maximum - vipd.boundMaximum))
      rows.append(row)
    }
    let blind = failovers.map(\.longestBlindness).max() ?? 0
    return "Outage as a client sees it, in ms, \(runs) runs each; priorities 200, 150, 100; seed \(seed)\n\n"
      + Self.table(titles, rows) + "\nThe client asked every millisecond (every half at intervals below 100 ms), and "
      + "was itself kept from asking for \(Self.number(blind)) ms at worst.\n"
  }

  private var hardshipTable: String? {
    guard let first = hardships.first else { return nil }
    var titles = ["the fault table, at \(first.interval) ms"]
    titles += contenders.map { "\(title($0)): outage, median / max" }
    titles += contenders.flatMap { ["\($0.rawValue): two holders, max", "moves"] }
    let rows = hardships.filter { $0.contender == .vipd }.map { vipd in
      let all = contenders.map { contender in
        hardships.first { $0.contender == contender && $0.hardship == vipd.hardship }
      }
      return [vipd.hardship] + all.map { $0.map(Self.outages) ?? "–" }
        + all.flatMap { [$0.map { Self.number($0.twoHolders.max() ?? .nan) } ?? "–", $0.map(Self.moves) ?? "–"] }
    }
    let runs = hardships.map(\.outages.count).max() ?? 0
    return "In ms, \(runs) runs each; a cluster of three, and what is done to its holder is undone\n\n"
      + Self.table(titles, rows)
  }

  private static func outages(_ row: HardshipRow) -> String {
    let sorted = row.outages.sorted()
    guard let longest = sorted.last else { return row.failures.isEmpty ? "–" : "\(row.failures.count) failed" }
    let lost = row.failures.isEmpty ? "" : " (\(row.failures.count) failed)"
    return "\(number(sorted[sorted.count / 2])) / \(number(longest))" + lost
  }

  private static func moves(_ row: HardshipRow) -> String {
    guard let least = row.moves.min(), let most = row.moves.max() else { return "–" }
    return least == most ? "\(most)" : "\(least)–\(most)"
  }

  private var stabilityTable: String? {
    guard !stability.isEmpty else { return nil }
    let titles = [
      "ten virtual routers at 10 ms, \(stabilitySeconds) s", "processors", "false transitions", "processor time",
      "machine stood still",
    ]
    let rows = stability.map {
      [
        title($0.contender), $0.isBusy ? "busy" : "free", "\($0.falseTransitions)", Self.percent($0.processorShare),
        "\($0.standstills) times, at most \($0.longestStandstill.rounded()) ms",
      ]
    }
    return Self.table(titles, rows)
  }

  private var footprintTable: String? {
    guard !footprints.isEmpty else { return nil }
    let titles = ["one virtual router at 1 s", "role", "processes", "threads", "resident", "private", "processor time"]
    let rows = footprints.map {
      [
        title($0.contender), $0.role.rawValue, "\($0.processes)", "\($0.threads)", Self.mebibytes($0.residentKiB),
        Self.mebibytes($0.privateKiB), Self.percent($0.processorShare),
      ]
    }
    return Self.table(titles, rows)
  }

  private var failureLines: String? {
    let lines =
      failovers.flatMap { series in
        series.failures.map { "\(series.contender.rawValue), \(series.fault.words) at \(series.interval) ms: \($0)" }
      }
      + hardships.flatMap { row in row.failures.map { "\(row.contender.rawValue), \(row.hardship): \($0)" } }
    return lines.isEmpty ? nil : "Runs that came to nothing:\n" + lines.map { "  \($0)\n" }.joined()
  }

  private static func bound(_ series: Failover) -> String {
    series.boundMinimum == series.boundMaximum
      ? number(series.boundMaximum) : "\(number(series.boundMinimum))–\(number(series.boundMaximum))"
  }

  private static func spread(_ series: Failover) -> String {
    guard !series.outages.isEmpty else { return "–" }
    let lost = series.failures.isEmpty ? "" : " (\(series.failures.count) failed)"
    return [series.minimum, series.median, series.maximum].map(number).joined(separator: " / ") + lost
  }

  private static func ratio(_ vipd: Failover, _ other: Failover?) -> String {
    guard let other, !other.outages.isEmpty, !vipd.outages.isEmpty, other.median > 0 else { return "–" }
    return hundredths(vipd.median / other.median)
  }

  private static func table(_ titles: [String], _ rows: [[String]]) -> String {
    let widths = titles.indices.map { column in ([titles] + rows).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      cells.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - cells[column].count)
        return column == 0 ? cells[column] + padding : padding + cells[column]
      }.joined(separator: "   ") + "\n"
    }
    return line(titles) + rows.map(line).joined()
  }

  /// With one digit after the point below 100.
  private static func number(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    if abs(value) >= 100 { return "\(Int(value.rounded()))" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
  }

  private static func signed(_ value: Double) -> String { (value > 0 ? "+" : "") + number(value) }

  private static func hundredths(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }

  private static func percent(_ share: Double) -> String { "\(hundredths(share * 100)) %" }

  private static func mebibytes(_ kibibytes: Int) -> String { "\(number(Double(kibibytes) / 1024)) MiB" }
}
