// A node's status as a page that can be read at three in the morning: the verdict first, then who holds what and why, then
// what this node watches and whom it hears. Pure.

import ControlAPI

struct StatusPage {
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
    [heading, virtualRouters, trackers, peers, unknownSenders].filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private var heading: String {
    let verdict = NodeVerdict(status)
    let tone: Tone =
      switch verdict.level {
      case .good: .good
      case .warning: .warning
      case .critical: .bad
      }
    let name = "\(status.cluster) / \(status.node)"
    var text = lines(printable("\(name): \(verdict.headline)"), tone)
    for problem in verdict.problems { text += lines("  " + problem, tone) }
    var about = "vipd \(status.version), up \(status.uptime.human)"
    if let configuration = status.configuration {
      about += "; \(configuration.file) loaded \(configuration.loaded.human) ago"
    }
    return text + lines(printable(about), .dim)
  }

  /// A sentence, indented as it is, and by two more where it goes on.
  private func lines(_ sentence: String, _ tone: Tone) -> String {
    let indent = String(sentence.prefix { $0 == " " })
    return sentence.wrapped(to: width - indent.count - 2).enumerated().map { index, line in
      indent + (index == 0 ? "" : "  ") + style(tone, line) + "\n"
    }.joined()
  }

  private var virtualRouters: String {
    let groups = RouterGroup.groups(of: status)
    guard !groups.isEmpty else { return "" }
    var table = TextTable("VIRTUAL ROUTER", "STATE", "SINCE", "HOLDER", "PRIORITY")
    for group in groups {
      table.addRow(
        .init(group.label, .bold), Self.state(group.state), .init(group.since.human),
        .init(group.holder, group.isDeserted ? .bad : .plain), .init(group.priority))
      table.addNote(Self.why(group), group.state == .initialize ? .bad : .plain)
      addAddresses(of: group, to: &table)
      let place = group.interfaces.isEmpty ? "no interface" : group.interfaces.joined(separator: ", ")
      table.addNote("VRID \(group.vrid), \(group.families) on \(place)", .dim)
      if !group.discarded.isEmpty {
        let counts = group.discarded.map { "\($0.count) \($0.reason)" }.joined(separator: ", ")
        table.addNote("discarded: \(counts)", .warning)
      }
    }
    return table.rendered(width: width, style: style)
  }

  private static func state(_ state: VirtualRouterState) -> TextTable.Cell {
    switch state {
    case .active: .init("ACTIVE", .good)
    case .backup: .init("backup")
    case .initialize: .init("initialize", .bad)
    }
  }

  private static func why(_ group: RouterGroup) -> String {
    switch group.state {
    case .active: "why: \(group.reason)"
    case .backup: "why not me: \(group.reason)"
    case .initialize: "takes no part: \(group.reason)"
    }
  }

  /// Those that are as they should be on one line; each other one with what is wrong with it.
  private func addAddresses(of group: RouterGroup, to table: inout TextTable) {
    var asExpected: [String] = []
    var notes: [(text: String, tone: Tone)] = []
    for address in group.addresses {
      let place = address.interface.flatMap { group.interfaces == [$0] ? nil : " on \($0)" } ?? ""
      let name = address.address + place
      let problem = address.problem.map { ": \($0)" } ?? ""
      switch (group.state, address.installed) {
      case (.active, false): notes.append(("NOT INSTALLED: \(name)\(problem)", .bad))
      case (.backup, true), (.initialize, true):
        notes.append(("INSTALLED, though this node is not Active: \(name)\(problem)", .bad))
      case (.active, true), (.backup, false), (.initialize, false):
        asExpected.append(name)
        if address.problem != nil { notes.append((name + problem, .warning)) }
      }
    }
    if !asExpected.isEmpty {
      let isHere = group.state == .active
      table.addNote(
        "\(isHere ? "installed" : "not here"): \(asExpected.joined(separator: ", "))", isHere ? .good : .plain)
    }
    for note in notes { table.addNote(note.text, note.tone) }
  }

  private var trackers: String {
    guard !status.trackers.isEmpty else { return "" }
    var table = TextTable("TRACKER", "KIND", "STATE", "SINCE", "WEIGHT", "DETAIL")
    for tracker in status.trackers {
      table.addRow(
        .init(tracker.name, .bold), .init(tracker.kind), TrackersPage.state(tracker), .init(tracker.since.human),
        .init(tracker.weight.map(Self.signed) ?? "several"), .init(tracker.detail))
      if !tracker.up, let output = tracker.output, !output.isEmpty, !tracker.detail.contains(output) {
        table.addNote("says: \(String(output.prefix(300)))", .warning)
      }
    }
    return table.rendered(width: width, style: style)
  }

  private static func signed(_ weight: Int) -> String {
    switch weight {
    case ..<0: "−\(weight.magnitude)"
    case 0: "release"
    default: "+\(weight)"
    }
  }

  private var peers: String {
    guard !status.peers.isEmpty else { return "" }
    var table = TextTable("PEER", "ADDRESS", "LAST HEARD")
    for peer in status.peers {
      var heard = peer.lastHeard.map { "\($0.human) ago" } ?? "never"
      if let priority = peer.priority, peer.lastHeard != nil {
        heard += priority == 0 ? ", its farewell" : ", priority \(priority)"
      }
      if peer.protocolVersion == 2 { heard += ", version 2" }
      if let checksum = peer.checksum { heard += ", checksum \(checksum)" }
      table.addRow(.init(peer.node, .bold), .init(peer.address), .init(heard, peer.lastHeard == nil ? .dim : .plain))
    }
    return table.rendered(width: width, style: style)
  }

  /// In a group anybody may speak: those who are in no file are worth a look.
  private var unknownSenders: String {
    guard let senders = status.unknownSenders, !senders.isEmpty else { return "" }
    var table = TextTable("UNKNOWN SENDER", "VRID", "LAST HEARD")
    for sender in senders {
      let heard = "\(sender.lastHeard.human) ago, priority \(sender.priority)"
      table.addRow(
        .init(sender.address, .bold), .init(sender.vrids.map(String.init).joined(separator: ", ")),
        .init(heard, .warning))
    }
    return table.rendered(width: width, style: style)
  }
}
