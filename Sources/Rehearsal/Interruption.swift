// Ctrl-C and SIGTERM as a cancelled task, so that what was built is taken down on the way out.

import CLinux
import Glibc

public enum Interruption {
  /// Runs `body`; at the first SIGINT or SIGTERM its task is cancelled. From the first call on, these signals no longer end
  /// the process by themselves.
  public static func cancelling<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let interrupts = vipd_catch_interrupts()
    guard interrupts >= 0 else { throw TestbedError("cannot catch signals", errno: errno) }
    let task = Task { try await body() }
    let watcher = Task {
      while !Task.isCancelled {
        var count: eventfd_t = 0
        if Self.isReadable(interrupts), eventfd_read(interrupts, &count) == 0 { task.cancel() }
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    defer { watcher.cancel() }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  private static func isReadable(_ descriptor: Int32) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, 0) > 0
  }
}
