// A program that is run for what it does: told of a transition, once, with a bound on its time.

import Glibc

public struct Hook: Sendable, Hashable {
  /// The program's path and its arguments; never empty.
  public var command: [String]
  /// Beside the search path, all that it finds in its environment.
  public var environment: [String: String]
  public var input: [UInt8]

  public init(_ command: [String], environment: [String: String] = [:], input: [UInt8] = []) {
    precondition(!command.isEmpty, "the cluster file's reader lets no empty command through")
    self.command = command
    self.environment = environment
    self.input = input
  }
}

extension TrackerHost {
  /// Runs a hook to its end. At the timeout, or when the task is cancelled, its whole process group is killed.
  ///
  /// - Returns: What went wrong, in one line; nil where it ended with 0 in time.
  public func run(_ hook: Hook, timeout: Duration) async -> String? {
    let run = ScriptRun { [descriptors] progress in
      await ScriptExecution(
        script: .init(.program(hook.command[0], arguments: Array(hook.command.dropFirst()))),
        environment: hook.environment, input: hook.input, descriptors: descriptors, progress: progress
      ).run()
    }
    switch await run.ending(within: timeout) {
    case .over(let result):
      return result.verdict == .success ? nil : result.detail
    case .timedOut:
      run.kill()
      return oneLine("timed out after \(timeout.shortText), \(run.interruption)")
    case .cancelled:
      run.kill()
      return oneLine("vipd ends, \(run.interruption)")
    }
  }
}
