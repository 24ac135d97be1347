// How far a rehearsal is, on standard error: one live line on a terminal, plain lines elsewhere.

import Glibc
import Rehearsal
import Synchronization

final class RehearsalProgress: Sendable {
  private let isTerminal: Bool
  private let state = Mutex(State())

  private struct State {
    var place = ""
    var step = ""
    var shown = ""
    var shownAt = Moment(sinceBoot: .zero)
  }

  init(isTerminal: Bool) { self.isTerminal = isTerminal }

  func tell(_ news: RehearsalRun.News) {
    state.withLock { state in
      switch news {
      case .step(let number, let count, let text):
        state.place = "[\(number)/\(count)]"
        state.step = text
        isTerminal ? show("\(state.place) \(text)", &state) : Terminal.tell("\(state.place) \(text)")
      case .live(let text):
        // What changes comes first, since a narrow terminal cuts the end off.
        if Moment.now() - state.shownAt > .milliseconds(100) { show("\(state.place) \(text) · \(state.step)", &state) }
      case .row(let row):
        let mark = row.complaints.isEmpty ? "✓" : "✗"
        let after = row.after.isEmpty ? "nobody holds the address" : "held by \(row.after.joined(separator: " and "))"
        let complaints = row.complaints.isEmpty ? "" : " (\(row.complaints.joined(separator: "; ")))"
        line(
          "  \(mark) \(row.happening) on \(row.node): \(after), no answer for \(row.outage.brief)\(complaints)", &state)
      case .kept(let commands):
        line("The cluster stays up until Ctrl-C. To look around in it:", &state)
        for (node, command) in commands { line("  \(node): \(command)", &state) }
      }
    }
  }

  /// Leaves the terminal clean.
  func end() {
    state.withLock { show("", &$0) }
  }

  private func show(_ text: String, _ state: inout State) {
    // A line that is too long would wrap, and then could not be replaced.
    let line = String(text.prefix(Terminal.columns - 1))
    guard isTerminal, line != state.shown else { return }
    Terminal.tell("\r\u{1B}[K\(line)", terminator: "")
    state.shown = line
    state.shownAt = .now()
  }

  private func line(_ text: String, _ state: inout State) {
    show("", &state)
    Terminal.tell(text)
  }
}

extension Terminal {
  /// To standard error.
  static func tell(_ text: String, terminator: String = "\n") {
    let bytes = Array((text + terminator).utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
