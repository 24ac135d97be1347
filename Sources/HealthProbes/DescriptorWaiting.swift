// How a tracker waits for a process's end without a thread of its own: whoever runs an event loop lends it.

/// Waits until a file descriptor can be read.
public protocol DescriptorWaiting: Sendable {
  /// Returns once `descriptor` is readable; for a pidfd that is once the process has ended. Throws `CancellationError`,
  /// at once, where the task is cancelled.
  ///
  /// Several tasks may wait at the same time, each on a descriptor of its own. Once the call is over, however it ends,
  /// nothing refers to the descriptor any more: its owner may close it.
  func untilReadable(_ descriptor: CInt) async throws
}
