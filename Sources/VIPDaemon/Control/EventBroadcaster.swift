// The way of an event from the VRRP thread to whoever listens: a ring of the last few hundred, which the publisher
// appends to and never waits for. A reader comes and takes what is new at its own pace; one that the ring has overtaken
// has lost events, and is told so.

import ControlAPI
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// The events of this daemon's life, the newest of them kept.
public final class EventBroadcaster: Sendable {
  /// Events with the number that `Last-Event-ID` names.
  public typealias Numbered = (number: UInt64, event: ControlEvent)

  private struct State {
    var kept: [Numbered] = []
    var next: UInt64
    var listeners: [UInt64: Listener] = [:]
    var nextListener: UInt64 = 0
  }

  private struct Listener {
    var isWoken = false
    let wake: @Sendable () -> Void
  }

  private let state: Mutex<State>
  private let capacity: Int

  /// - Parameters:
  ///   - capacity: How many events are kept for readers that are late.
  ///   - firstNumber: Events are numbered from here. Left out, it comes from the wall clock, so that a daemon's events
  ///     bear higher numbers than those of the daemon before it, and a client that reconnects after a restart
  ///     gets all of them.
  public init(capacity: Int = 256, firstNumber: UInt64? = nil) {
    self.capacity = max(1, capacity)
    state = Mutex(State(next: firstNumber ?? UInt64(max(1, time(nil))) * 1000))
  }

  /// Tells an event to all who listen. Never blocks for longer than it takes to append to an array.
  public func publish(_ event: ControlEvent) {
    let wakes = state.withLock { state in
      if state.kept.count == capacity { state.kept.removeFirst() }
      state.kept.append((state.next, event))
      state.next += 1
      var wakes: [@Sendable () -> Void] = []
      for (id, listener) in state.listeners where !listener.isWoken {
        state.listeners[id]?.isWoken = true
        wakes.append(listener.wake)
      }
      return wakes
    }
    for wake in wakes { wake() }
  }

  /// The number that the next event will bear.
  public var nextNumber: UInt64 { state.withLock { $0.next } }

  /// How many follow the events at the moment.
  public var listenerCount: Int { state.withLock { $0.listeners.count } }

  /// The events from `number` on, at most `limit` of them.
  ///
  /// - Returns: Nil where some of them are kept no longer.
  public func events(from number: UInt64, limit: Int) -> [Numbered]? {
    state.withLock { state in
      guard let first = state.kept.first?.number, number < state.next else { return [] }
      guard number >= first else { return nil }
      return Array(state.kept.dropFirst(Int(number - first)).prefix(limit))
    }
  }

  /// Where a client goes on that names the last event it saw: after it, or at the oldest that is still kept.
  func resumption(after last: UInt64) -> UInt64 {
    state.withLock { state in
      let oldest = state.kept.first?.number ?? state.next
      return min(max(oldest, last == .max ? last : last + 1), state.next)
    }
  }

  /// Has `wake` called when events have come: once, and again only after ``rearm(_:)``.
  ///
  /// - Parameter wake: Called on the publisher's thread, where it must do no more than pass the word on.
  func listen(_ wake: @escaping @Sendable () -> Void) -> UInt64 {
    state.withLock { state in
      state.nextListener += 1
      state.listeners[state.nextListener] = Listener(wake: wake)
      return state.nextListener
    }
  }

  /// To be called before the listener looks for what is new, so that nothing slips between.
  func rearm(_ listener: UInt64) {
    state.withLock { $0.listeners[listener]?.isWoken = false }
  }

  func removeListener(_ listener: UInt64) {
    state.withLock { _ = $0.listeners.removeValue(forKey: listener) }
  }
}
