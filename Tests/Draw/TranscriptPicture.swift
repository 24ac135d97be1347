// A transcript as a picture (SVG): a lane for each node with a bar while its kernel has the address, a lane for each client in
// the colour of the node that it finds, and numbered marks for what happens, with the transcript's own words below.

import Rehearsal

struct TranscriptPicture {
  private let transcript: RecordedTranscript
  private let title: String
  private let window: ClosedRange<Double>
  private let moments: [RecordedTranscript.Moment]

  private static let width = 860.0
  private static let left = 96.0
  private static let right = width - 20
  private static let lane = 34.0
  private static let line = 20.0
  private static let lanesTop = 110.0

  init(_ transcript: RecordedTranscript, title: String, window: ClosedRange<Double>) {
    self.transcript = transcript
    self.title = title
    self.window = window
    moments = transcript.moments.filter { window.contains($0.time) }
  }

  private var subjects: [String] { transcript.nodes + transcript.clients }
  private var lanesBottom: Double { Self.lanesTop + Double(subjects.count) * Self.lane }
  private var height: Double { lanesBottom + 46 + Double(moments.count) * Self.line }

  var drawing: String {
    let size = "\(number(Self.width)) \(number(height))"
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" width="\(number(Self.width))" height="\(number(height))" \
      role="img" font-family="system-ui, sans-serif" font-size="13">
      <title>\(PictureStyle.escaped(title))</title>
      \(PictureStyle.sheet)
      <rect class="paper" width="100%" height="100%"/>
      \(heading)\(axis)\(bars)\(marks)\(legend)</svg>

      """
  }

  /// On two lines at most.
  private var heading: String {
    var lines = [""]
    for word in title.split(separator: " ") {
      if lines[lines.count - 1].count + word.count > 108 { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.prefix(2).enumerated().map { index, line in
      """
      <text class="ink" x="20" y="\(22 + index * 18)" font-weight="600">\(PictureStyle.escaped(line))</text>

      """
    }.joined()
  }

  private func number(_ value: Double) -> String { PictureStyle.number(value) }

  private func x(_ time: Double) -> Double {
    let clamped = min(max(time, window.lowerBound), window.upperBound)
    return Self.left + (clamped - window.lowerBound) / (window.upperBound - window.lowerBound)
      * (Self.right - Self.left)
  }

  private func y(_ subject: String) -> Double {
    Self.lanesTop + Double(subjects.firstIndex(of: subject) ?? 0) * Self.lane
  }

  /// A line for each second, or for as many as leave room.
  private var axis: String {
    let length = window.upperBound - window.lowerBound
    let step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50].first { length / $0 <= 14 } ?? 100
    var text = ""
    var time = (window.lowerBound / step).rounded(.up) * step
    while time <= window.upperBound + step / 1000 {
      text += """
        <line class="rule" x1="\(number(x(time)))" y1="\(number(Self.lanesTop - 8))" x2="\(number(x(time)))" y2="\(number(lanesBottom))"/>
        <text class="quiet" x="\(number(x(time)))" y="\(number(lanesBottom + 16))" text-anchor="middle" font-size="11">\(number(time)) s</text>

        """
      time += step
    }
    for subject in subjects {
      text += """
        <text class="ink" x="20" y="\(number(y(subject) + 19))">\(PictureStyle.escaped(subject))</text>

        """
    }
    return text
  }

  private var bars: String {
    let held = transcript.holdings.map { bar($0, of: $0.subject, height: 22, "\($0.subject) has the address") }
    let found = transcript.findings.map(search)
    return (held + found).joined()
  }

  /// What a client finds: in the node's colour while that has the address, and a gap in dashes while it has not.
  private func search(_ span: RecordedTranscript.Span) -> String {
    guard let node = span.target, span.begin < window.upperBound, span.end > window.lowerBound else { return "" }
    let begin = x(span.begin)
    let gap = """
      <rect class="harm" x="\(number(begin))" y="\(number(y(span.subject) + 10))" \
      width="\(number(max(x(span.end) - begin, 1.5)))" height="8"><title>\(PictureStyle.escaped(span.subject)) has no \
      answer</title></rect>

      """
    let separations = transcript.separations(of: span.subject, from: node)
    let answered = transcript.holdings.filter { $0.subject == node && $0.begin < span.end && $0.end > span.begin }
      .flatMap {
        holding in
        var parts = [(begin: max(span.begin, holding.begin), end: min(span.end, holding.end))]
        for cut in separations {
          parts = parts.flatMap { [($0.begin, min($0.end, cut.begin)), (max($0.begin, cut.end), $0.end)] }
            .filter { $0.0 < $0.1 }
        }
        return parts.map { part in
          bar(
            RecordedTranscript.Span(subject: span.subject, begin: part.begin, end: part.end, target: node), of: node,
            height: 10, "\(span.subject) finds it at \(node)")
        }
      }
    return gap + answered.joined()
  }

  private func bar(_ span: RecordedTranscript.Span, of node: String, height: Double, _ words: String) -> String {
    guard span.begin < window.upperBound, span.end > window.lowerBound else { return "" }
    let begin = x(span.begin)
    let color = (transcript.nodes.firstIndex(of: node) ?? 0) % 6
    return """
      <rect class="n\(color)" x="\(number(begin))" y="\(number(y(span.subject) + (28 - height) / 2))" \
      width="\(number(max(x(span.end) - begin, 1.5)))" height="\(number(height))" rx="2">\
      <title>\(PictureStyle.escaped(words))</title></rect>

      """
  }

  /// Those at one time share a mark.
  private var marks: String {
    var text = ""
    var levels: [Double] = []
    for (index, moment) in moments.enumerated() {
      let x = x(moment.time)
      let level = levels.firstIndex { x - $0 > 20 } ?? levels.count
      if level < levels.count { levels[level] = x } else { levels.append(x) }
      guard level < 3 else { continue }
      let top = Self.lanesTop - 20 - Double(level) * 18
      text += """
        <line class="mark" x1="\(number(x))" y1="\(number(top + 8))" x2="\(number(x))" y2="\(number(lanesBottom))"/>
        <circle class="badge" cx="\(number(x))" cy="\(number(top))" r="8"/>
        <text class="ink" x="\(number(x))" y="\(number(top + 4))" text-anchor="middle" font-size="10">\(index + 1)</text>

        """
    }
    return text
  }

  private var legend: String {
    moments.enumerated().map { index, moment in
      let place = lanesBottom + 44 + Double(index) * Self.line
      let who = moment.subject == "**" ? "" : "\(moment.subject): "
      let tone = moment.subject == "**" ? "ink" : "quiet"
      return """
        <text class="\(tone)" x="20" y="\(number(place))" font-size="12">\(index + 1)   \(time(moment.time)) s   \
        \(PictureStyle.escaped(who + moment.words))</text>

        """
    }.joined()
  }

  /// To the millisecond.
  private func time(_ seconds: Double) -> String {
    let milliseconds = Int((seconds * 1000).rounded())
    let fraction = String(milliseconds % 1000)
    return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }
}
