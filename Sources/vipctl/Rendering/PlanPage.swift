// The failover matrix for people: for each virtual router, what happens to the holder; what happens to the others is
// worth a line only where it moves something. Pure.

import ClusterConfiguration
import FailoverSimulation
import Rehearsal

struct PlanPage {
  private let plan: FailoverPlan
  private let fileName: String
  private let width: Int
  private let style: TextStyle

  init(_ plan: FailoverPlan, fileName: String, width: Int, style: TextStyle) {
    self.plan = plan
    self.fileName = fileName
    self.width = width
    self.style = style
  }

  var text: String { (plan.virtualRouters.map(section) + [verdict]).joined(separator: "\n") }

  private var verdict: String {
    let faults = plan.virtualRouters.map(\.rows.count).reduce(0, +)
    let chains = plan.virtualRouters.map(\.chains.count).reduce(0, +)
    let counts = "\(faults) faults" + (chains > 0 ? " and \(chains) failures one after another" : "") + " played"
    let line =
      plan.markCount == 0
      ? style.green("\(fileName): \(counts), nothing to mark")
      : style.yellow("\(fileName): \(counts), \(plan.markCount) marked")
    return line + "\n"
  }

  private func section(_ router: FailoverPlan.VirtualRouter) -> String {
    let addresses = router.addresses.map(\.address.description).joined(separator: ", ")
    let holder = router.holder.map { "held by \($0)" } ?? "held by nobody"
    var text =
      style.bold("virtual router \(router.name)")
      + ": \(addresses), advertised every \(router.interval), \(holder)\n\n"
    var table =
      isWide
      ? TextTable("FAULT", "ADDRESS", "MOVES AFTER", "NOBODY HAS IT", "BECAUSE")
      : TextTable("FAULT", "ADDRESS", "MOVES AFTER", "NOBODY HAS IT")
    for row in router.rows where row.node == router.holder || row.isMove || row.mark != nil { add(row, to: &table) }
    for chain in router.chains where chain.mark != nil || (chain.isUniform && chain.failures.count > 1) {
      add(chain, to: &table)
    }
    if let line = quiet(router) { table.addNote(line, .dim) }
    text += table.rendered(width: width, style: style)
    return text
  }

  /// Where there is no room for a column of reasons, each gets a line.
  private var isWide: Bool { width >= 110 }

  private func add(_ row: FailoverPlan.Row, to table: inout TextTable) {
    let tone: Tone = row.mark == nil ? .plain : .warning
    let cells = [
      TextTable.Cell("\(row.fault.words) \(row.fault.preposition) \(row.node)", tone),
      TextTable.Cell(row.journey, tone), TextTable.Cell(row.movedAfter?.words ?? "–"),
      TextTable.Cell(row.unheld?.words ?? "for good"),
    ]
    if isWide {
      table.addRow(cells + [TextTable.Cell(row.reason)])
    } else {
      table.addRow(cells)
      table.addNote(row.reason, .dim)
    }
    if row.fault == .cutOff, row.contested.upperBound > .zero {
      table.addNote("both have it while it lasts, and for up to \(row.contested.upperBound.brief) once it heals", .dim)
    }
    if let mark = row.mark { table.addNote("! \(mark.words)", .warning) }
  }

  private func add(_ chain: FailoverPlan.Chain, to table: inout TextTable) {
    let path = chain.holders.map { $0?.rawValue ?? "nobody" }.joined(separator: " → ")
    table.addNote("\(chain.words): \(path)", chain.mark == nil ? .plain : .warning)
    if let mark = chain.mark { table.addNote("! \(mark.words)", .warning) }
  }

  /// What moves nothing on those that hold nothing.
  private func quiet(_ router: FailoverPlan.VirtualRouter) -> String? {
    let rows = router.rows.filter { $0.node != router.holder && !$0.isMove && $0.mark == nil }
    guard !rows.isEmpty else { return nil }
    let nodes = rows.map(\.node.rawValue).uniqued.joined(separator: ", ")
    let faults = rows.map(\.fault.words).uniqued.joined(separator: ", ")
    return "no move: \(faults) on \(nodes), where the address is not"
  }
}

extension FailoverPlan.Row {
  fileprivate var journey: String {
    let before = self.before?.rawValue ?? "nobody"
    let after = after.isEmpty ? "nobody" : self.after.map(\.rawValue).joined(separator: " and ")
    if self.after.count > 1 { return after }
    return isMove ? "\(before) → \(after)" : "no move"
  }
}

extension FailoverPlan.Chain {
  /// `docker fails on swarm1, then on swarm2`, `docker fails on swarm1, then proxy on swarm2`.
  fileprivate var words: String {
    let later = failures.dropFirst().map { ", then \(isUniform ? "" : "\($0.tracker) ")on \($0.node)" }.joined()
    return (failures.first.map { "\($0.tracker) fails on \($0.node)" } ?? "") + later
  }
}

extension FailoverPlan.Fault {
  var words: String {
    switch self {
    case .trackerFails(let tracker): "\(tracker) fails"
    case .hostDies: "host dies"
    case .linkCut: "link cut"
    case .stopped: "vipd stopped"
    case .cutOff: "partition"
    }
  }

  fileprivate var preposition: String {
    switch self {
    case .trackerFails, .linkCut, .stopped, .hostDies: "on"
    case .cutOff: "around"
    }
  }
}

extension FailoverPlan.Mark {
  var words: String {
    switch self {
    case .leavesNobody: "LEAVES NOBODY: no node holds the address"
    case .neverMoves: "NEVER MOVES: the weight is too small, whatever else fails; see `vipctl check`"
    case .unfitHolder: "UNFIT HOLDER: the address ends on a node with a failed check, though another has none"
    }
  }
}

extension ClosedRange<Duration> {
  /// `none`, `63 ms`, `≤ 1.06 s`, `2.06–3.06 s`.
  fileprivate var words: String {
    let (least, most) = (lowerBound.brief, upperBound.brief)
    if upperBound == .zero { return "none" }
    if least == most { return most }
    if lowerBound == .zero { return "≤ \(most)" }
    let unit = most.drop { $0 != " " }
    return least.hasSuffix(unit) ? "\(least.dropLast(unit.count))–\(most)" : "\(least)–\(most)"
  }
}

extension [String] {
  fileprivate var uniqued: [String] {
    reduce(into: []) { result, element in if !result.contains(element) { result.append(element) } }
  }
}
