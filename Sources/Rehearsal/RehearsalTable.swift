// The report as text: for each virtual router a table of what was done, what came of it, and what the arithmetic says.

extension RehearsalReport {
  /// - Parameter style: how to emphasise; plain text by default.
  public func text(style: TableStyle = .plain) -> String {
    var parts = routers.map { $0.text(style: style) }
    if !notes.isEmpty { parts.append(notes.map { "note: \($0)" }.joined(separator: "\n")) }
    parts.append(verdict)
    return parts.joined(separator: "\n\n") + "\n"
  }

  private var verdict: String {
    let rows = routers.flatMap(\.rows)
    let wrong = rows.filter { !$0.complaints.isEmpty }.count
    let margin = "within \(Self.tolerance.brief) of what RFC 9568's timers allow"
    if rows.isEmpty { return "Nothing was done." }
    return wrong == 0
      ? "All \(rows.count) went as planned, \(margin)."
      : "\(wrong) of \(rows.count) did not go as planned (\(margin))."
  }

  /// Text around what deserves attention.
  public struct TableStyle: Sendable {
    public var good: @Sendable (String) -> String
    public var bad: @Sendable (String) -> String
    public var quiet: @Sendable (String) -> String

    public static let plain = TableStyle(good: { $0 }, bad: { $0 }, quiet: { $0 })
    public static let colored = TableStyle(
      good: { "\u{1B}[32m\($0)\u{1B}[0m" }, bad: { "\u{1B}[1;31m\($0)\u{1B}[0m" },
      quiet: { "\u{1B}[2m\($0)\u{1B}[0m" })
  }
}

extension RehearsalReport.Router {
  fileprivate func text(style: RehearsalReport.TableStyle) -> String {
    let repetitions = rows.map(\.run).max() ?? 1
    let head = """
      \(name): \(addresses.joined(separator: " and ")), asked on port \(port) every millisecond; \
      advertisements every \(interval.brief); \(nodes.joined(separator: " before "))\
      \(repetitions > 1 ? "; median (least–most) of \(repetitions)" : "")
      """
    return head + "\n\n" + table(style: style)
  }

  private func table(style: RehearsalReport.TableStyle) -> String {
    let titles = ["", "#", "what was done", "the address", "moved after", "no answer", "planned"]
    let groups = grouped()
    let cells = groups.map { rows in
      [
        rows.allSatisfy { $0.complaints.isEmpty } ? "✓" : "✗", "\(rows[0].number)",
        "\(rows[0].happening) on \(rows[0].node)", Self.journey(rows[0]),
        Self.spread(rows.compactMap(\.movedAfter)), Self.spread(rows.map(\.outage)), Self.planned(rows[0]),
      ]
    }
    let widths = titles.indices.map { column in ([titles] + cells).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      cells.indices.map { index in
        let padding = String(repeating: " ", count: widths[index] - cells[index].count)
        return [1, 4, 5].contains(index) ? padding + cells[index] : cells[index] + padding
      }.joined(separator: "  ")
    }
    var lines = [style.quiet(line(titles) + "  because")]
    for (rows, cells) in zip(groups, cells) {
      let mark = rows.allSatisfy { $0.complaints.isEmpty } ? style.good : style.bad
      lines.append(
        mark(String(line(cells).prefix(1))) + line(cells).dropFirst() + "  " + style.quiet(rows[0].prediction.reason))
      let indent = String(repeating: " ", count: widths[0] + widths[1] + 4)
      for row in rows {
        let which = rows.count > 1 ? "run \(row.run): " : ""
        // At every hand-over the old one keeps the address until it hears the new one: a few milliseconds.
        let isDouble = row.twoHolders > .milliseconds(50)
        let complaints = row.complaints + (isDouble ? ["two holders for \(row.twoHolders.brief)"] : [])
        if !complaints.isEmpty { lines.append(indent + style.bad(which + complaints.joined(separator: "; "))) }
      }
    }
    return lines.joined(separator: "\n")
  }

  /// The same thing done several times is one line.
  private func grouped() -> [[RehearsalReport.Row]] {
    rows.reduce(into: []) { groups, row in
      let index = groups.firstIndex { $0[0].fault == row.fault && $0[0].isMending == row.isMending }
      if let index { groups[index].append(row) } else { groups.append([row]) }
    }
  }

  private static func journey(_ row: RehearsalReport.Row) -> String {
    let before = row.before.first ?? "nobody"
    let after = row.after.isEmpty ? "nobody" : row.after.joined(separator: " and ")
    return before == after ? "stays on \(after)" : "\(before) → \(after)"
  }

  private static func spread(_ durations: [Duration]) -> String {
    let sorted = durations.sorted()
    guard let least = sorted.first, let most = sorted.last else { return "–" }
    let median = sorted[sorted.count / 2]
    return sorted.count == 1 ? median.brief : "\(median.brief) (\(least.brief)–\(most.brief))"
  }

  /// The plan's word; where it has none, the arithmetic's.
  private static func planned(_ row: RehearsalReport.Row) -> String {
    guard let outage = row.planned.map(\.outage) ?? row.prediction.outage else { return "–" }
    if outage.upperBound == .zero { return "none" }
    if outage.lowerBound == .zero { return "≤ \(outage.upperBound.brief)" }
    let (least, most) = (outage.lowerBound.brief, outage.upperBound.brief)
    if least == most { return most }
    let unit = most.drop { $0 != " " }
    return least.hasSuffix(unit) ? "\(least.dropLast(unit.count))–\(most)" : "\(least)–\(most)"
  }
}
