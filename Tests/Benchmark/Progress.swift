// One line on standard error that says what is going on, where somebody looks; otherwise a line now and then.

import Glibc
import Rehearsal
import Synchronization

final class Progress: Sendable {
  private struct State {
    var done = 0
    var lastSaid: Moment?
  }

  private let total: Int
  private let begun = Moment.now()
  private let isTerminal = isatty(2) == 1
  private let state = Mutex(State())

  init(total: Int) { self.total = total }

  func advance(by count: Int) { state.withLock { $0.done += count } }

  func say(_ words: String) {
    let now = Moment.now()
    let elapsed = Int((now - begun).components.seconds)
    let text = state.withLock { state -> String? in
      // A log file needs no line for each run.
      if !isTerminal, let last = state.lastSaid, now - last < .seconds(30) { return nil }
      state.lastSaid = now
      let done = total > 0 ? "\(state.done)/\(total), " : ""
      return "[\(done)\(elapsed / 60):\(elapsed % 60 < 10 ? "0" : "")\(elapsed % 60)] \(words)"
    }
    if let text { write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n") }
  }

  /// Leaves an empty line.
  func end() { if isTerminal { write("\r\u{1B}[K") } }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(2, bytes, bytes.count)
  }
}
