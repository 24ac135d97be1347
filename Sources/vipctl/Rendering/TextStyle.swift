// Colours, where they are wanted, and texts that are safe on a terminal and line up on it. Pure.

/// Colours, or none.
struct TextStyle: Sendable {
  var isColored: Bool

  func bold(_ text: String) -> String { with("1", text) }
  func dim(_ text: String) -> String { with("2", text) }
  func red(_ text: String) -> String { with("1;31", text) }
  func green(_ text: String) -> String { with("32", text) }
  func yellow(_ text: String) -> String { with("33", text) }

  func callAsFunction(_ tone: Tone, _ text: String) -> String {
    switch tone {
    case .plain: text
    case .bold: bold(text)
    case .dim: dim(text)
    case .good: green(text)
    case .warning: yellow(text)
    case .bad: red(text)
    }
  }

  private func with(_ code: String, _ text: String) -> String {
    isColored && !text.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }
}

/// What a piece of text is about, for its colour.
enum Tone: Sendable {
  case plain
  case bold
  case dim
  case good
  case warning
  case bad
}

/// A text from elsewhere, as one line that does nothing to a terminal: what a check script printed may hold anything.
func printable(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator: result += " "
    // Not invisible joiners (an emoji's), but what turns the writing direction and hides text.
    case .format where scalar != "\u{200d}" && scalar != "\u{200c}": continue
    case .privateUse, .surrogate, .unassigned: result += "\u{fffd}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

extension StringProtocol {
  /// The terminal's columns that this takes.
  var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// With spaces on the right, up to `width` columns.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - displayWidth)) }

  /// At most `width` columns, with an ellipsis where something is missing.
  func truncated(to width: Int) -> String {
    guard displayWidth > width else { return String(self) }
    var result = ""
    var room = width - 1
    for character in self {
      room -= character.displayWidth
      guard room >= 0 else { break }
      result.append(character)
    }
    return width > 0 ? result + "…" : ""
  }

  /// Lines of at most `width` columns, broken at spaces, and within a word only where it is longer than a line.
  func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in split(separator: " ") {
      var word = word[...]
      if !line.isEmpty, line.displayWidth + 1 + word.displayWidth <= width {
        line += " " + word
        continue
      }
      if !line.isEmpty { lines.append(line) }
      while word.displayWidth > width, let cut = word.cut(at: width) {
        lines.append(String(word[..<cut]))
        word = word[cut...]
      }
      line = String(word)
    }
    return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
  }

  /// Where `width` columns end, after one character at least; nil where that is the end.
  private func cut(at width: Int) -> Index? {
    var room = width
    for index in indices {
      room -= self[index].displayWidth
      if room < 0, index > startIndex { return index }
    }
    return nil
  }
}

extension Character {
  /// 0, 1 or 2.
  fileprivate var displayWidth: Int { unicodeScalars.map(\.displayWidth).max() ?? 0 }
}

extension Unicode.Scalar {
  fileprivate var displayWidth: Int {
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: return properties.isEmojiPresentation || Self.wide.contains { $0.contains(value) } ? 2 : 1
    }
  }

  /// The blocks that UAX #11 counts as wide. The C library's table would need a locale, which is the whole process's.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97f, 0xac00...0xd7a3,
    0xf900...0xfaff, 0xfe30...0xfe6f, 0xff01...0xff60, 0xffe0...0xffe6, 0x1f300...0x1f64f, 0x1f900...0x1f9ff,
    0x20000...0x3fffd,
  ]
}
