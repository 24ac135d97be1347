// Colour, and what the terminal is like.

import ArgumentParser
import Glibc

struct ColorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Colours: auto, always or never.",
      discussion: "auto: on a terminal, unless the environment has NO_COLOR or TERM=dumb.", valueName: "when"))
  var color: When = .auto

  enum When: String, ExpressibleByArgument, CaseIterable, Sendable {
    case auto
    case always
    case never
  }

  var isColored: Bool {
    switch color {
    case .always: true
    case .never: false
    case .auto: Terminal.isTerminal && Terminal.variable("NO_COLOR") == nil && Terminal.variable("TERM") != "dumb"
    }
  }

  var style: TextStyle { TextStyle(isColored: isColored) }
}

/// Standard output, as far as it is a terminal.
enum Terminal {
  static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

  /// The terminal's columns; elsewhere the environment's COLUMNS, or 80. At least 60, below which a table is none.
  static var columns: Int {
    let columns = size.map { Int($0.ws_col) } ?? variable("COLUMNS").flatMap { Int($0) } ?? 80
    return columns > 0 ? min(max(columns, 60), 1000) : 80
  }

  /// The terminal's rows.
  static var rows: Int { size.map { max(5, Int($0.ws_row)) } ?? 24 }

  /// Nil where the environment has none, or an empty one.
  static func variable(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  private static var size: winsize? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return size
  }

  /// Writes all of it, at once: a table that is redrawn must not flicker. A reader that has gone ends the program, as SIGPIPE
  /// would.
  static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        exit(errno == EPIPE ? 0 : 1)
      }
      bytes = bytes.dropFirst(count)
    }
  }

  static func complain(_ text: String) {
    let line = Array("vipctl: \(text)\n".utf8)
    _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
