// A value that is set once, and waited for by tasks that may lose patience.
import Synchronization

final class OneShot<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var waiting: [UInt64: CheckedContinuation<Value?, Never>] = [:]
    var nextKey: UInt64 = 0
  }

  private let state = Mutex(State())

  /// Nil until it is set.
  var value: Value? { state.withLock { $0.value } }

  /// Later calls change nothing.
  func set(_ value: Value) {
    let waiting = state.withLock { state in
      guard state.value == nil else { return [CheckedContinuation<Value?, Never>]() }
      state.value = value
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for continuation in waiting { continuation.resume(returning: value) }
  }

  /// The value as soon as there is one; nil where the task is cancelled before.
  func wait() async -> Value? {
    let key = state.withLock { state in
      state.nextKey += 1
      return state.nextKey
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let ready: Value?? = state.withLock { state in
          if let value = state.value { return .some(value) }
          // The handler below runs before or after this, never in between: both hold the lock.
          if Task.isCancelled { return .some(nil) }
          state.waiting[key] = continuation
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: key) }?.resume(returning: nil)
    }
  }
}
