// The report as a picture (SVG): who held the address when, what was done, and when a client had no answer. It stands
// alone, and suits a light background and a dark one.

extension RehearsalReport {
  /// The whole document.
  public func picture() -> String {
    var panels = ""
    var height = 54.0
    // A node has the same colour in all panels.
    let nodes = routers.flatMap(\.nodes).reduce(into: [String]()) { nodes, node in
      if !nodes.contains(node) { nodes.append(node) }
    }
    for router in routers {
      let panel = TimelinePanel(router, nodes: nodes)
      panels += "<g transform=\"translate(0 \(number(height)))\">\n\(panel.drawing)</g>\n"
      height += panel.height
    }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(TimelinePanel.width)) \(number(height))" \
      width="\(number(TimelinePanel.width))" height="\(number(height))" role="img" \
      font-family="system-ui, sans-serif" font-size="13">
      <title>Rehearsal of \(escaped(cluster))</title>
      \(PictureStyle.sheet)
      <rect class="paper" width="100%" height="100%"/>
      <text class="ink" x="20" y="34" font-size="19" font-weight="600">Rehearsal of \(escaped(cluster))</text>
      \(panels)</svg>

      """
  }
}

/// One virtual router's part of the picture.
private struct TimelinePanel {
  static let width = 1160.0
  private static let left = 130.0
  private static let right = width - 24
  private static let laneHeight = 34.0
  private static let legendLine = 20.0

  private let router: RehearsalReport.Router
  private let badges: [(row: RehearsalReport.Row, x: Double, level: Int)]
  private let lanesTop: Double
  private let nodes: [String]

  init(_ router: RehearsalReport.Router, nodes: [String]) {
    self.router = router
    self.nodes = nodes
    var lastX: [Double] = []
    badges = router.rows.map { row in
      let x = Self.x(row.moment, in: router)
      // On the lowest level where it does not touch its neighbour.
      let level = lastX.firstIndex { x - $0 > 24 } ?? lastX.count
      if level < lastX.count { lastX[level] = x } else { lastX.append(x) }
      return (row, x, level)
    }
    lanesTop = 52 + Double(max(1, lastX.count)) * 24
  }

  private var lanesBottom: Double { lanesTop + Double(router.nodes.count + 1) * Self.laneHeight }
  private var legendTop: Double { lanesBottom + 48 }
  private var legendRows: Int { (router.rows.count + 1) / 2 }
  var height: Double { legendTop + Double(legendRows) * Self.legendLine + 28 }

  var drawing: String {
    ([title, axis, marks] + router.nodes.indices.map(lane) + [clientLane, legend]).joined()
  }

  private static func x(_ moment: Moment, in router: RehearsalReport.Router) -> Double {
    let whole = max((router.ended - router.started) / .milliseconds(1), 1)
    let part = (moment - router.started) / .milliseconds(1)
    return left + (right - left) * min(max(part / whole, 0), 1)
  }

  private func x(_ moment: Moment) -> Double { Self.x(moment, in: router) }

  private var title: String {
    let text =
      "\(router.name): \(router.addresses.joined(separator: ", ")), advertisements every \(router.interval.brief)"
    return "<text class=\"ink\" x=\"20\" y=\"24\" font-size=\"15\" font-weight=\"600\">\(escaped(text))</text>\n"
  }

  private var axis: String {
    let whole = (router.ended - router.started) / .seconds(1)
    let step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600].first { whole / $0 <= 14 } ?? 1200
    var drawing = ""
    for tick in 0...Int(whole / step) {
      let seconds = Double(tick) * step
      let x = number(self.x(router.started + .milliseconds(Int(seconds * 1000))))
      let label = step < 1 ? "\((seconds * 10).rounded() / 10) s" : "\(Int(seconds)) s"
      drawing += """
        <line class="rule" x1="\(x)" y1="\(number(lanesTop))" x2="\(x)" y2="\(number(lanesBottom + 4))"/>
        <text class="quiet" x="\(x)" y="\(number(lanesBottom + 20))" text-anchor="middle" font-size="11">\(label)</text>

        """
    }
    return drawing
  }

  private var marks: String {
    badges.map { badge in
      let x = number(badge.x)
      let y = lanesTop - 18 - Double(badge.level) * 24
      return """
        <line class="mark" x1="\(x)" y1="\(number(y + 10))" x2="\(x)" y2="\(number(lanesBottom))"/>
        <circle class="badge" cx="\(x)" cy="\(number(y))" r="10"/>
        <text class="\(badge.row.complaints.isEmpty ? "ink" : "bad")" x="\(x)" y="\(number(y + 4))" text-anchor="middle" \
        font-size="11">\(badge.row.number)</text>

        """
    }.joined()
  }

  /// A node: when it held the address, framed where something was wrong with it.
  private func lane(_ index: Int) -> String {
    let node = router.nodes[index]
    let top = lanesTop + Double(index) * Self.laneHeight
    var drawing = laneHead(node, top: top)
    for holding in router.holdings where holding.node == node {
      guard (holding.to ?? router.ended) > router.started, holding.from < router.ended else { continue }
      let text = "\(node) held it for \(((holding.to ?? router.ended) - max(holding.from, router.started)).brief)"
      drawing += bar(color(of: node), holding.from, holding.to ?? router.ended, top: top + 8, height: 18, text)
    }
    for (fault, mending) in harms(of: node) {
      let begin = x(fault.moment)
      let end = mending.map { x($0.moment) } ?? Self.right
      drawing += """
        <rect class="harm" x="\(number(begin))" y="\(number(top + 4))" width="\(number(max(end - begin, 2)))" \
        height="26" rx="4"><title>\(escaped(fault.happening))</title></rect>

        """
    }
    return drawing
  }

  private func harms(of node: String) -> [(RehearsalReport.Row, RehearsalReport.Row?)] {
    router.rows.filter { $0.node == node && !$0.isMending }.map { fault in
      (fault, router.rows.first { $0.isMending && $0.fault == fault.fault && $0.moment > fault.moment })
    }
  }

  /// The client: whose answers it got, and when it got none.
  private var clientLane: String {
    let top = lanesTop + Double(router.nodes.count) * Self.laneHeight
    var drawing = laneHead("client", top: top)
    guard let record = router.traffic.first else { return drawing }
    for span in record.spans {
      drawing += bar(
        color(of: span.responder), span.first, span.last, top: top + 13, height: 8,
        "\(span.answers) answers from \(span.responder)")
    }
    var labelled = 0.0
    for outage in record.outages where outage.before != nil {
      let text = outage.duration.brief
      drawing += bar("bad", outage.start, outage.end, top: top + 9, height: 16, "no answer for \(text)")
      let middle = (x(outage.start) + x(outage.end)) / 2
      guard middle - labelled > 52, outage.duration >= .milliseconds(20) else { continue }
      labelled = middle
      drawing += """
        <text class="bad halo" x="\(number(middle))" y="\(number(top + 38))" text-anchor="middle" \
        font-size="11">\(text)</text>

        """
    }
    return drawing
  }

  private func laneHead(_ name: String, top: Double) -> String {
    """
    <text class="ink" x="20" y="\(number(top + 22))">\(escaped(name))</text>
    <line class="rule" x1="20" y1="\(number(top))" x2="\(number(Self.right))" y2="\(number(top))"/>

    """
  }

  private func color(of node: String) -> String { "n\((nodes.firstIndex(of: node) ?? 0) % 6)" }

  private func bar(
    _ kind: String, _ from: Moment, _ to: Moment, top: Double, height: Double, _ text: String
  ) -> String {
    let begin = x(from)
    return """
      <rect class="\(kind)" x="\(number(begin))" y="\(number(top))" width="\(number(max(x(to) - begin, 1.5)))" \
      height="\(number(height))" rx="2"><title>\(escaped(text))</title></rect>

      """
  }

  private var legend: String {
    router.rows.enumerated().map { index, row in
      let x = index < legendRows ? 20.0 : Self.width / 2 + 10
      let y = legendTop + Double(index % legendRows) * Self.legendLine
      let text = "\(row.number)  \(row.happening) on \(row.node): no answer for \(row.outage.brief)"
      return """
        <text class="\(row.complaints.isEmpty ? "quiet" : "bad")" x="\(number(x))" y="\(number(y))" \
        font-size="12">\(escaped(text))</text>

        """
    }.joined()
  }
}

private func number(_ value: Double) -> String { PictureStyle.number(value) }
private func escaped(_ text: String) -> String { PictureStyle.escaped(text) }
