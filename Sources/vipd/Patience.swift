// Waiting for asynchronous work from synchronous code, at the end of the program, where there is a limit to it.

import Dispatch

enum Patience {
  /// Returns when `work` is over, or when the time is up.
  static func wait(atMost limit: DispatchTimeInterval, for work: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
      await work()
      done.signal()
    }
    _ = done.wait(timeout: .now() + limit)
  }
}
