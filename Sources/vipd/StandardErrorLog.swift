// Log lines on standard error that never hold up the VRRP thread: a reader that has stalled costs lines, not addresses.

import Glibc
import Logging
import Synchronization

/// Writes a line for each message: with a time for people, or with the priority that journald understands.
struct StandardErrorLog: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  private let output: Output

  static func logger(level: Logger.Level) -> Logger {
    let handler = StandardErrorLog(logLevel: level, output: Output())
    return Logger(label: "vipd") { _ in handler }
  }

  private init(logLevel: Logger.Level, output: Output) {
    self.logLevel = logLevel
    self.output = output
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let extra = metadata.merging(event.metadata ?? [:]) { _, new in new }
    let suffix = extra.isEmpty ? "" : " " + extra.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
    output.write(level: event.level, "\(event.message)\(suffix)")
  }

  private final class Output: Sendable {
    private let dropped = Mutex(0)
    /// journald says so in the environment, and keeps the time itself.
    private let isJournal = getenv("JOURNAL_STREAM") != nil

    func write(level: Logger.Level, _ message: String) {
      dropped.withLock { dropped in
        guard isWritable else {
          dropped += 1
          return
        }
        var text = ""
        if dropped > 0 { text += line(.warning, "\(dropped) log lines were lost: standard error was not being read") }
        dropped = 0
        for part in message.split(separator: "\n", omittingEmptySubsequences: true) {
          text += line(level, String(part))
        }
        put(text)
      }
    }

    /// Never more than a pipe takes at once without waiting (PIPE_BUF), which is what `isWritable` has promised.
    private func put(_ text: String) {
      var bytes = Array(text.utf8.prefix(4096))
      if bytes.count == 4096 { bytes[4095] = UInt8(ascii: "\n") }
      _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    private var isWritable: Bool {
      var descriptor = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
      return poll(&descriptor, 1, 0) == 1 && descriptor.revents & Int16(POLLOUT) != 0
    }

    private func line(_ level: Logger.Level, _ message: String) -> String {
      isJournal ? "<\(level.syslogSeverity)>\(message)\n" : "\(timestamp()) \(level.rawValue) \(message)\n"
    }

    /// `2026-03-01T12:00:00.250Z`
    private func timestamp() -> String {
      var now = timespec()
      clock_gettime(CLOCK_REALTIME, &now)
      var parts = tm()
      gmtime_r(&now.tv_sec, &parts)
      var buffer = [CChar](repeating: 0, count: 32)
      strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
      let milliseconds = String(now.tv_nsec / 1_000_000 + 1000).dropFirst()
      let seconds = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return "\(seconds).\(milliseconds)Z"
    }
  }
}

extension Logger.Level {
  /// syslog(3)'s number, which journald reads in front of a line.
  fileprivate var syslogSeverity: Int {
    switch self {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }
}
