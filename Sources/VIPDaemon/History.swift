// The last thousand transitions, kept across restarts: who held what when, and why it moved.

import ControlAPI
import Synchronization

/// Where the history outlives the daemon.
public protocol HistoryMemory: Sendable {
  /// The last transitions, the oldest first; empty where there are none, or none that can be read.
  func load() -> [ControlEvent]
  /// Takes one more. Never waits; what goes wrong is the memory's to tell.
  func append(_ event: ControlEvent)
}

/// The transitions that this node remembers. Read from any thread, since it must not take the VRRP thread's time.
public final class TransitionHistory: Sendable {
  public static let capacity = 1000
  private let kept: Mutex<[ControlEvent]>
  private let memory: (any HistoryMemory)?

  public init(_ memory: (any HistoryMemory)? = nil) {
    self.memory = memory
    kept = Mutex((memory?.load() ?? []).suffix(Self.capacity))
  }

  /// The oldest first.
  public var transitions: [ControlEvent] { kept.withLock { $0 } }

  func append(_ event: ControlEvent) {
    kept.withLock { kept in
      // Seldom enough that moving a thousand of them does not matter.
      if kept.count == Self.capacity { kept.removeFirst() }
      kept.append(event)
    }
    memory?.append(event)
  }
}
