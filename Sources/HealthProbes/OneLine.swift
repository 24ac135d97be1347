// Text from a script or from the system, made fit for one line of a status table and of a log.

/// `text` without control and invisible formatting characters and without terminal escapes, line ends as spaces, and
/// cut to `limit` characters.
func oneLine(_ text: String, limit: Int = 200) -> String {
  var scalars = String.UnicodeScalarView()
  var escapes = EscapeFilter()
  for scalar in text.unicodeScalars where !escapes.swallows(scalar) {
    switch scalar.properties.generalCategory {
    case .control, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      if let last = scalars.last, last != " " { scalars.append(" ") }
    case .format: break  // such as the marks that turn the direction of all text after them
    default: scalars.append(scalar)
    }
  }
  if scalars.last == " " { scalars.removeLast() }
  let line = String(scalars)
  return line.count <= limit ? line : String(line.prefix(limit - 1)) + "…"
}

/// The last line of `bytes` that has something to show, or nil.
func lastLine(of bytes: some Collection<UInt8>) -> String? {
  bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
    .reversed()
    .lazy.map { oneLine(String(decoding: $0, as: UTF8.self)) }
    .first { !$0.isEmpty }
}

/// Recognises terminal escape sequences (ECMA-48), one scalar after the other.
private struct EscapeFilter {
  private enum State { case text, escape, controlSequence, string }
  private var state = State.text

  /// Whether the scalar belongs to an escape sequence.
  mutating func swallows(_ scalar: Unicode.Scalar) -> Bool {
    switch state {
    case .text:
      guard scalar == "\u{1B}" else { return false }
      state = .escape
    case .escape:
      switch scalar {
      case "[": state = .controlSequence  // CSI: colours, cursor movement
      case "]", "P", "_", "^", "X": state = .string  // OSC, DCS, APC, PM, SOS: window titles and the like
      default: state = .text
      }
    case .controlSequence:
      if ("\u{40}"..."\u{7E}").contains(scalar) { state = .text }
    case .string:
      switch scalar {
      case "\u{07}": state = .text
      case "\u{1B}": state = .escape  // the string's terminator is ESC \
      default: break
      }
    }
    return true
  }
}
