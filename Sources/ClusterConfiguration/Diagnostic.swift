// What is wrong with a cluster file, where, and what would mend it: in the form that compilers made familiar.

/// One complaint about one place in a file.
public struct Diagnostic: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable {
    /// The file is refused.
    case error
    /// The file is accepted, but probably does not do what was meant.
    case warning
  }

  public var severity: Severity
  /// As the file was named to us.
  public var file: String
  public var position: SourcePosition
  /// One sentence.
  public var message: String
  /// What led to the message, a line each: the arithmetic behind a warning, say.
  public var details: [String]
  /// What would mend it.
  public var hint: String?
  /// The line that `position` lies in, without its end.
  public var sourceLine: String

  public init(
    severity: Severity, file: String, position: SourcePosition, message: String, details: [String] = [],
    hint: String? = nil, sourceLine: String = ""
  ) {
    self.severity = severity
    self.file = file
    self.position = position
    self.message = message
    self.details = details
    self.hint = hint
    self.sourceLine = sourceLine
  }

  public var line: Int { position.line }
  public var column: Int { position.column }
}

/// A place in a text. Lines and columns count from 1; a column is one Unicode scalar wide.
public struct SourcePosition: Sendable, Hashable, Comparable {
  public var line: Int
  public var column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public static let start = SourcePosition(line: 1, column: 1)

  public static func < (lhs: Self, rhs: Self) -> Bool { (lhs.line, lhs.column) < (rhs.line, rhs.column) }
}

extension Diagnostic: CustomStringConvertible {
  /// `file:line:column: error: message`, on one line: for a log.
  public var description: String {
    "\(file):\(line):\(column): \(severity.rawValue): \(message)\(hint.map { " (\($0))" } ?? "")"
  }

  /// As a terminal shows it: the message, the line with a caret below the place, the details and the hint. No newline
  /// at the end.
  public func rendered(inColour colour: Bool = false) -> String {
    let style = Style(colour: colour)
    let severityStyle: Style.Attribute =
      switch severity {
      case .error: .error
      case .warning: .warning
      }
    let heading =
      style("\(file):\(line):\(column):", .bold) + " " + style("\(severity.rawValue):", severityStyle) + " "
      + style(message, .bold)
    let number = String(line)
    let gutter = String(repeating: " ", count: number.count)
    let excerpt = Excerpt(of: sourceLine, around: column)
    var lines = [heading]
    if !sourceLine.isEmpty {
      lines.append(" \(number) | \(excerpt.text)")
      lines.append(" \(gutter) | \(excerpt.padding)" + style("^", severityStyle))
    }
    lines += details.map { " \(gutter) = \($0)" }
    if let hint { lines.append(" \(gutter) = " + style("hint:", .hint) + " \(hint)") }
    return lines.joined(separator: "\n")
  }
}

/// The part of a line that is shown, with nothing in it that would disturb a terminal.
private struct Excerpt {
  let text: String
  /// What brings the caret below the place: a tab below each tab.
  let padding: String

  init(of line: String, around column: Int) {
    let widest = 110
    let scalars = Array(line.unicodeScalars)
    let caret = min(max(column - 1, 0), scalars.count)
    let start = scalars.count <= widest ? 0 : max(0, min(caret - widest / 2, scalars.count - widest))
    let end = min(scalars.count, start + widest)
    let before = start > 0 ? "…" : ""
    let after = end < scalars.count ? "…" : ""
    text = before + scalars[start..<end].map(Self.shown).joined() + after
    padding = (start > 0 ? " " : "") + scalars[start..<max(start, caret)].map { $0 == "\t" ? "\t" : " " }.joined()
  }

  private static func shown(_ scalar: Unicode.Scalar) -> String {
    scalar == "\t" || scalar.properties.isPrintable ? String(scalar) : "\u{fffd}"
  }
}

/// A terminal's colours, or none.
struct Style {
  let colour: Bool

  enum Attribute: String {
    case bold = "1"
    case error = "1;31"
    case warning = "1;35"
    case good = "1;32"
    case hint = "1;36"
  }

  func callAsFunction(_ text: String, _ attribute: Attribute) -> String {
    colour ? "\u{1b}[\(attribute.rawValue)m\(text)\u{1b}[0m" : text
  }
}
