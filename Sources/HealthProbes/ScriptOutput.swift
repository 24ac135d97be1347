import Subprocess
// What a script writes, kept within bounds.
import Synchronization

/// The end of a script's output: its last line says most about why it failed.
struct OutputTail: Sendable {
  static let limit = 4096
  private var bytes: [UInt8] = []

  mutating func append(_ buffer: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: buffer.suffix(Self.limit))
    if bytes.count > Self.limit { bytes.removeFirst(bytes.count - Self.limit) }
  }

  /// All that is kept; nil where nothing was written.
  var text: String? { bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }

  /// Nil where nothing was written that can be shown.
  var lastLine: String? { HealthProbes.lastLine(of: bytes) }
}

/// What is known of a run while it is on.
final class ScriptProgress: Sendable {
  private struct State {
    var pid: Int32?
    var output = OutputTail()
    var hasEnded = false
  }

  private let state = Mutex(State())

  var pid: Int32? { state.withLock { $0.pid } }
  var output: OutputTail { state.withLock { $0.output } }
  /// Whether the script has ended, and its group was killed.
  var hasEnded: Bool { state.withLock { $0.hasEnded } }

  func setStarted(pid: Int32) { state.withLock { $0.pid = pid } }
  /// From now on output is of nobody's interest: what still writes is not the script.
  func setEnded() { state.withLock { $0.hasEnded = true } }

  /// Takes in all output until it ends, or until the script has: a process that the script left behind in a session of
  /// its own may go on writing for ever.
  func collect(_ output: SubprocessOutputSequence) async {
    do {
      for try await buffer in output {
        let isDone = state.withLock { state in
          buffer.withUnsafeBytes { state.output.append($0) }
          return state.hasEnded
        }
        if isDone { break }
      }
    } catch {
      // The exit status decides; without its words.
    }
  }
}
