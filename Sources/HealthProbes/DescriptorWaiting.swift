// How a tracker waits for a process's end without a thread of its own: whoever runs an event loop lends it.

import NetworkTypes

/// Waits until a file descriptor can be read.
public protocol DescriptorWaiting: Sendable {
  /// Returns once `descriptor` is readable; for a pidfd that is once the process has ended. Throws `CancellationError`,
  /// at once, where the task is cancelled.
  ///
  /// Several tasks may wait at the same time, each on a descriptor of its own. Once the call is over, however it ends,
  /// nothing refers to the descriptor any more: its owner may close it.
  func untilReadable(_ descriptor: CInt) async throws
}

extension DescriptorWaiting {
  /// Returns once `descriptor` is readable, at `deadline`, or as soon as the task is cancelled.
  func untilReadable(_ descriptor: CInt, or deadline: Instant) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        do {
          try await untilReadable(descriptor)
        } catch {
          // Whatever keeps it from being watched, the next check looks for itself.
          await sleep(until: deadline)
        }
      }
      group.addTask { await sleep(until: deadline) }
      await group.next()
      group.cancelAll()
    }
  }
}
