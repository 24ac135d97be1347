// A node's trackers, each with all that is known of it. Pure.

import ControlAPI

struct TrackersPage {
  private let status: NodeStatus
  private let width: Int
  private let style: TextStyle

  init(_ status: NodeStatus, width: Int, style: TextStyle) {
    self.status = status
    self.width = width
    self.style = style
  }

  /// Ends with a newline.
  var text: String {
    guard !status.trackers.isEmpty else { return "no virtual router of this node has a tracker\n" }
    var table = TextTable("TRACKER", "KIND", "STATE", "SINCE", "TOOK", "IN A ROW", "COSTS", "LAST RESULT")
    for tracker in status.trackers {
      table.addRow(
        .init(tracker.name, .bold), .init(tracker.kind), Self.state(tracker), .init(tracker.since.human),
        .init(tracker.duration.map(Self.length) ?? "–"), .init(tracker.streak.map(String.init) ?? "–"),
        .init(costs(of: tracker)),
        .init(tracker.detail))
      for note in notes(on: tracker) { table.addNote(note, tracker.up ? .dim : .warning) }
    }
    return table.rendered(width: width, style: style)
  }

  static func state(_ tracker: TrackerStatus) -> TextTable.Cell {
    if tracker.pending == true { return .init("pending", .dim) }
    return tracker.up ? .init("up", .good) : .init("DOWN", .bad)
  }

  private static func length(_ duration: Duration) -> String {
    duration < .seconds(1) ? "\(duration.milliseconds)ms" : duration.human
  }

  /// What it takes from, or adds to, this node's priorities now.
  private func costs(of tracker: TrackerStatus) -> String {
    let amounts = Set(
      status.virtualRouters.flatMap { $0.adjustments ?? [] }.filter { $0.tracker == tracker.name }.map(\.amount))
    switch amounts.sorted().first {
    case nil where tracker.weight == 0 && !tracker.up: return "the role"
    case nil: return "nothing"
    case let amount? where amounts.count == 1: return amount < 0 ? "−\(-amount)" : "+\(amount)"
    case let amount?: return "up to \(amount < 0 ? "−\(-amount)" : "+\(amount)")"
    }
  }

  private func notes(on tracker: TrackerStatus) -> [String] {
    var notes: [String] = []
    if let output = tracker.output, !output.isEmpty, !tracker.detail.contains(output) {
      notes.append("says: \(output)")
    }
    if let checks = tracker.checks, let timeouts = tracker.timeouts, timeouts > 0 {
      notes.append("\(timeouts) of \(checks) checks had no answer in time")
    }
    return notes
  }
}
