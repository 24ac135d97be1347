// A file's text cut into lines, so that a diagnostic can show the line that it is about, with lines and columns
// counted as libyaml counts them.

struct SourceText: Sendable {
  /// The text without a byte order mark.
  let bytes: [UInt8]
  private let lines: [String]
  /// The place behind the last character: the start of a line where that ends one.
  let end: SourcePosition
  /// The first place at which this is not the text that YAML allows.
  let flaw: Flaw?

  struct Flaw: Sendable {
    let position: SourcePosition
    let kind: Kind

    enum Kind: Sendable {
      case notUTF8
      case forbidden(Unicode.Scalar)
    }
  }

  init(bytes original: [UInt8]) {
    let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
    bytes = original.starts(with: byteOrderMark) ? Array(original.dropFirst(byteOrderMark.count)) : original
    (lines, end, flaw) = Self.cut(bytes)
  }

  /// The text of a line, counted from 1; empty where there is no such line.
  func line(_ number: Int) -> String { lines.indices.contains(number - 1) ? lines[number - 1] : "" }

  /// The character at a place; nil at the end of its line and beyond.
  func scalar(at position: SourcePosition) -> Unicode.Scalar? {
    line(position.line).unicodeScalars.dropFirst(position.column - 1).first
  }

  private static func cut(_ bytes: [UInt8]) -> (lines: [String], end: SourcePosition, flaw: Flaw?) {
    var lines: [String] = []
    var line = String.UnicodeScalarView()
    var flaw: Flaw?
    var previous: Unicode.Scalar?
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    func note(_ kind: Flaw.Kind) {
      guard flaw == nil else { return }
      flaw = Flaw(position: SourcePosition(line: lines.count + 1, column: line.count + 1), kind: kind)
    }
    decoding: while true {
      switch decoder.decode(&iterator) {
      case .emptyInput:
        break decoding
      case .error:
        note(.notUTF8)
        line.append("\u{fffd}")
        previous = nil
      case .scalarValue(let scalar):
        if isLineBreak(scalar) {
          if !(previous == "\r" && scalar == "\n") {
            lines.append(String(line))
            line = String.UnicodeScalarView()
          }
        } else {
          if !isAllowed(scalar) { note(.forbidden(scalar)) }
          line.append(scalar)
        }
        previous = scalar
      }
    }
    let end = SourcePosition(line: lines.count + 1, column: line.count + 1)
    if !line.isEmpty { lines.append(String(line)) }
    return (lines, end, flaw)
  }

  /// YAML 1.1 §5.4
  private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": true
    default: false
    }
  }

  /// YAML 1.1 §5.1, but for the byte order mark, which we have no use for inside a text.
  private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x20...0x7e, 0xa0...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd, 0x10000...0x10ffff: true
    default: false
    }
  }
}
