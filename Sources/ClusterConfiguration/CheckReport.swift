// What `vipctl check FILE` prints: the complaints, and what the file means in words, so that an admin can see whether
// it says what was meant before anything runs.

import VRRP

/// The answer to "is this file good, and what will it do?".
public struct CheckReport: Sendable {
  public let fileName: String
  public let diagnostics: [Diagnostic]
  /// Nil where the file is refused.
  public let configuration: ClusterConfiguration?

  public init(_ outcome: ClusterFile.Outcome) {
    fileName = outcome.fileName
    diagnostics = outcome.diagnostics
    configuration = outcome.configuration
  }

  public var errorCount: Int { diagnostics.count { $0.severity == .error } }
  public var warningCount: Int { diagnostics.count { $0.severity == .warning } }

  /// 0 where the file is good, 1 where it has errors, or warnings while `strict`.
  public func exitCode(strict: Bool = false) -> Int32 {
    errorCount > 0 || (strict && warningCount > 0) ? 1 : 0
  }

  /// For people. Ends with a newline.
  public func text(inColour colour: Bool = false) -> String {
    let style = Style(colour: colour)
    var paragraphs = diagnostics.map { $0.rendered(inColour: colour) }
    if let configuration { paragraphs.append(contentsOf: ClusterSummary(configuration, style: style).paragraphs) }
    paragraphs.append(verdict(style))
    return paragraphs.joined(separator: "\n\n") + "\n"
  }

  private func verdict(_ style: Style) -> String {
    func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
    let counts = [
      errorCount > 0 ? count(errorCount, "error") : nil, warningCount > 0 ? count(warningCount, "warning") : nil,
    ].compactMap(\.self).joined(separator: ", ")
    if configuration == nil { return style("\(fileName): refused, \(counts)", .error) }
    if warningCount > 0 { return style("\(fileName): good, \(counts)", .warning) }
    return style("\(fileName): good", .good)
  }
}

/// What a configuration does, in words.
struct ClusterSummary {
  private let cluster: ClusterConfiguration
  private let style: Style

  init(_ cluster: ClusterConfiguration, style: Style) {
    self.cluster = cluster
    self.style = style
  }

  var paragraphs: [String] { [nodes] + cluster.virtualRouters.map { virtualRouter($0) } }

  private var nodes: String {
    let rows = cluster.nodes.map { node in
      [node.name.rawValue, node.addresses.map(\.description).joined(separator: ", "), "priority \(node.priority)"]
    }
    return style("cluster \(cluster.name)", .bold) + "\n" + Self.table(rows)
  }

  private func virtualRouter(_ router: ClusterConfiguration.VirtualRouter) -> String {
    let analysis = FailoverAnalysis(of: router, in: cluster)
    let standings = analysis.prospects.map { "\($0.holder.node) (\($0.holder.priority))" }
    var lines = [
      style("virtual router \(router.name)", .bold) + ": \(addresses(of: router))",
      "  VRID \(router.vrid), advertised every \(router.interval)\(rarities(of: router))",
    ]
    if let first = standings.first {
      let others = standings.dropFirst().map { ", then \($0)" }.joined()
      lines.append("  held by \(first)\(others)")
    }
    if router.trackers.isEmpty {
      lines.append("  nothing is tracked: only a node's death, a cut link or a stop moves it")
    }
    for tracker in router.trackers { lines += effects(of: tracker, analysis) }
    return lines.joined(separator: "\n")
  }

  private func addresses(of router: ClusterConfiguration.VirtualRouter) -> String {
    router.addresses.map { virtual in
      virtual.address.description + (virtual.interface.map { " on \($0)" } ?? "")
    }.joined(separator: ", ")
  }

  /// What differs from how most virtual routers are set up.
  private func rarities(of router: ClusterConfiguration.VirtualRouter) -> String {
    let preemption: String? =
      switch router.preemption {
      case .immediate: nil
      case .rfc: "a better node takes over after Active_Down_Interval (preempt: rfc)"
      case .never: "a better node that comes back waits until the holder is unfit (preempt: false)"
      case .after(let delay): "a better node that comes back waits \(delay.written)"
      }
    let release = router.whenAllFail == .release ? "an unfit node holds nothing, though none be left" : nil
    return [router.interface.map { "on \($0)" }, preemption, release].compactMap(\.self).map { ", \($0)" }.joined()
  }

  private func effects(of tracker: ClusterConfiguration.TrackedBy, _ analysis: FailoverAnalysis) -> [String] {
    let kind = cluster.tracker(named: tracker.tracker).map { ": \($0.words)" } ?? ""
    let weight = (tracker.weight > 0 ? "+" : "") + "\(tracker.weight)" + (tracker.isAutomatic ? ", computed" : "")
    let heading = "  tracks \(tracker.tracker)\(kind), weight \(weight)"
    return [heading]
      + analysis.prospects.enumerated().compactMap { index, prospect in
        guard prospect.next != nil || analysis.prospects.count == 1 else { return nil }
        let away = analysis.prospects[..<index].map(\.holder.node.rawValue).joined(separator: ", ")
        return prospect.effects.first { $0.tracker == tracker }.map {
          "    " + $0.words(in: prospect, aside: away.isEmpty ? "" : " (\(away) away)")
        }
      }
  }

  /// Columns as wide as their widest entry.
  private static func table(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      return "  " + cells.joined(separator: "  ").trimmingSuffix(while: \.isWhitespace)
    }.joined(separator: "\n")
  }
}

extension ClusterConfiguration.Tracker {
  /// `process dockerd`, `script /usr/lib/vipd/check-proxy every 1s`
  var words: String {
    let timing = "every \(interval.written)"
    let streaks = (rise > 1 ? ", good after \(rise)" : "") + (fall > 1 ? ", failed after \(fall)" : "")
    switch kind {
    case .process(let check):
      let what: String =
        switch check.match {
        case .name(let name): name
        case .commandLine(let text): "with \(text.quoted) in its command line"
        }
      return "process \(what)" + (check.minimumCount > 1 ? " (at least \(check.minimumCount))" : "") + streaks
    case .script(let check):
      switch check.command {
      case .program(let path, let arguments):
        return "script \(([path] + arguments).joined(separator: " ")) \(timing)\(streaks)"
      case .shell(let text): return "shell script \(text.quoted) \(timing)\(streaks)"
      }
    case .http(let check):
      let method = check.method == "GET" ? "" : "\(check.method) "
      return "\(method)\(check.url)\(check.socket.map { " by \($0)" } ?? "") \(timing)\(streaks)"
    case .tcp(let service): return "connects to \(service) \(timing)\(streaks)"
    case .unit(let name): return "unit \(name)\(streaks)"
    case .file(let check): return (check.holdsWeight ? "the number in " : "file ") + check.path + streaks
    case .interface(let name): return "carrier of \(name)\(streaks)"
    case .docker(let check):
      return "the Engine" + (check.service.map { " and its service \($0)" } ?? "") + " \(timing)\(streaks)"
    case .swarm: return "the Swarm's quorum \(timing)\(streaks)"
    }
  }
}

extension StringProtocol {
  fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
    var end = endIndex
    while end > startIndex, isTrimmed(self[index(before: end)]) { end = index(before: end) }
    return String(self[..<end])
  }
}
