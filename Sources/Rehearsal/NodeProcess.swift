// A program that runs in a node: signalled and waited for by its own descriptor, so never confused with another.

import CLinux
import Glibc
import Synchronization

public final class NodeProcess: Sendable {
  /// What it was started as, for messages.
  public let name: String
  /// As the machine counts; within the node it has another.
  public let processIdentifier: pid_t
  /// Where its standard output and standard error go.
  public let logPath: String

  private let descriptor: Int32
  private let status = Mutex<ExitStatus?>(nil)

  init(name: String, process: pid_t, logPath: String) {
    self.name = name
    self.processIdentifier = process
    self.logPath = logPath
    descriptor = vipd_pidfd_open(process)
  }

  deinit { close(descriptor) }

  public var isRunning: Bool { exitStatus == nil }

  /// Nil while it runs.
  public var exitStatus: ExitStatus? { collect(blocking: false) }

  /// All that it has written so far.
  public var log: String { Files.read(logPath) ?? "" }

  /// How long its first thread was on a core so far; nil where the kernel does not tell.
  public var firstThreadTime: Duration? {
    let path = "/proc/\(processIdentifier)/task/\(processIdentifier)/schedstat"
    return Files.read(path)?.split(separator: " ").first.flatMap { Int64($0) }.map { .nanoseconds($0) }
  }

  public func send(_ signal: Int32) {
    status.withLock { status in
      if status == nil { _ = vipd_pidfd_send_signal(descriptor, signal) }
    }
  }

  /// SIGKILL
  public func kill() { send(SIGKILL) }
  /// SIGTERM
  public func terminate() { send(SIGTERM) }
  /// SIGSTOP: it hangs.
  public func suspend() { send(SIGSTOP) }
  /// SIGCONT
  public func resume() { send(SIGCONT) }

  /// How it ended.
  /// - Throws: `TestbedError` with the end of its log if it still runs after `limit`.
  @discardableResult
  public func wait(within limit: Duration = .seconds(10)) async throws -> ExitStatus {
    try await eventually(within: limit, "\(name) ends") { self.exitStatus != nil }
    return exitStatus ?? .exited(-1)
  }

  /// Waits for its end, however long that takes. Only after SIGKILL, or where the end is near for another reason.
  func waitBlocking() { _ = collect(blocking: true) }

  private func collect(blocking: Bool) -> ExitStatus? {
    status.withLock { known in
      if let known { return known }
      var status: Int32 = 0
      switch vipd_reap(processIdentifier, blocking ? 1 : 0, &status) {
      case 0: return nil
      case processIdentifier: known = ExitStatus(waitStatus: status)
      default: known = .exited(-1)  // somebody else has waited for it
      }
      return known
    }
  }
}

/// How a program ended.
public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
  case exited(Int32)
  case killed(signal: Int32)

  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .killed(signal: signal)
  }

  public var isSuccess: Bool { self == .exited(0) }

  public var description: String {
    switch self {
    case .exited(let status): "exit status \(status)"
    case .killed(let signal): "signal \(signal)"
    }
  }
}

/// What a program said, and how it ended.
public struct CommandResult: Sendable, Hashable {
  public var status: ExitStatus
  /// Standard output and standard error together.
  public var output: String
}

/// Waits until `condition` holds, asking often, but never for more than a tenth of the time: whoever is asked has more to
/// do than to answer.
/// - Throws: `TestbedError` if it does not within `limit`, `CancellationError` if the task is cancelled meanwhile.
public func eventually(
  within limit: Duration = .seconds(10), _ what: @autoclosure () -> String,
  _ condition: () async throws -> Bool
) async throws {
  var asked = Moment.now()
  let end = asked + limit
  while try await !condition() {
    let now = Moment.now()
    guard now < end else {
      throw TestbedError("waited in vain until \(what())", cause: "it did not happen within \(limit)")
    }
    try await Task.sleep(for: min(max(.milliseconds(2), (now - asked) * 9), .milliseconds(50)))
    asked = .now()
  }
}
