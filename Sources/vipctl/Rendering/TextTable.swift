// Columns that line up and stay within the terminal. Pure.

/// A table with a heading, and lines of free text between its rows.
struct TextTable {
  struct Cell: ExpressibleByStringLiteral {
    var text: String
    var tone: Tone

    init(_ text: String, _ tone: Tone = .plain) {
      self.text = printable(text)
      self.tone = tone
    }

    init(stringLiteral value: String) { self.init(value) }
  }

  private enum Line {
    case row([Cell])
    case note(Cell)
  }

  private let heading: [String]
  private var lines: [Line] = []

  private static let gap = 2
  /// How far notes, and what goes on from the line before, are indented.
  private static let indent = 2
  /// No column is made narrower than this.
  private static let minimumWidth = 8

  init(_ heading: String...) { self.heading = heading }

  mutating func addRow(_ cells: Cell...) { addRow(cells) }
  mutating func addRow(_ cells: [Cell]) { lines.append(.row(cells)) }

  /// Text below the row before, over the table's whole width.
  mutating func addNote(_ text: String, _ tone: Tone = .plain) { lines.append(.note(Cell(text, tone))) }

  /// The table. Its last column is wrapped where it does not fit; if the others leave it no room, they are cut.
  func rendered(width: Int, style: TextStyle) -> String {
    let widths = columnWidths(width)
    var text = row(heading.map { Cell($0, .dim) }, widths, style)
    for line in lines {
      switch line {
      case .row(let cells): text += row(cells, widths, style)
      case .note(let cell):
        let wrapped = cell.text.wrapped(to: width - 2 * Self.indent)
        for (index, part) in wrapped.enumerated() {
          let indent = String(repeating: " ", count: index == 0 ? Self.indent : 2 * Self.indent)
          text += indent + style(cell.tone, part) + "\n"
        }
      }
    }
    return text
  }

  private func columnWidths(_ width: Int) -> [Int] {
    var widths = heading.map(\.displayWidth)
    for case .row(let cells) in lines {
      for (column, cell) in cells.enumerated() { widths[column] = max(widths[column], cell.text.displayWidth) }
    }
    let last = widths.count - 1
    let gaps = Self.gap * last
    let least = min(widths[last], 2 * Self.minimumWidth)
    while widths[..<last].reduce(gaps + least, +) > width,
      let widest = widths[..<last].indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.minimumWidth
    {
      widths[widest] -= 1
    }
    widths[last] = max(Self.minimumWidth, min(widths[last], width - gaps - widths[..<last].reduce(0, +)))
    return widths
  }

  private func row(_ cells: [Cell], _ widths: [Int], _ style: TextStyle) -> String {
    guard let last = cells.last else { return "" }
    let separator = String(repeating: " ", count: Self.gap)
    var line = ""
    for (cell, width) in zip(cells.dropLast(), widths) {
      let text = cell.text.truncated(to: width)
      let padding = String(repeating: " ", count: max(0, width - text.displayWidth))
      line += style(cell.tone, text) + padding + separator
    }
    let parts = last.text.wrapped(to: widths[widths.count - 1])
    let column = widths.dropLast().reduce(0) { $0 + $1 + Self.gap }
    for (index, part) in parts.enumerated() {
      if index > 0 { line += "\n" + String(repeating: " ", count: column) }
      line += style(last.tone, part)
    }
    return line.trimmingSpaces + "\n"
  }
}

extension String {
  /// Without spaces at the end.
  fileprivate var trimmingSpaces: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
