// The loop by itself: order, deadlines, and tasks that wait for a descriptor.

import CLinux
import Dispatch
import Glibc
import HealthProbes
import NetworkTypes
import Synchronization
import Testing

@testable import VIPDaemon

@Suite struct VRRPLoopTests {
  /// A loop on a thread of its own, for as long as `body` runs.
  private func withLoop(_ body: (VRRPLoop) async throws -> Void) async throws {
    let loop = try VRRPLoop()
    DispatchQueue(label: "loop").async { loop.run() }
    try await body(loop)
    loop.execute { loop.stop() }
  }

  @Test("Work from other threads is done in the order in which it was handed over, on one thread")
  func order() async throws {
    try await withLoop { loop in
      let seen = Mutex<[Int]>([])
      for number in 0..<1000 { loop.execute { seen.withLock { $0.append(number) } } }
      try await eventually("all is done") { seen.withLock { $0.count } == 1000 }
      #expect(seen.withLock { $0 } == Array(0..<1000))
    }
  }

  @Test("A deadline comes when it is due and not before; one that is moved or taken away does not come")
  func deadline() async throws {
    try await withLoop { loop in
      let fired = Mutex<[Instant]>([])
      let due = Instant.now() + .milliseconds(30)
      loop.execute {
        loop.onDeadline { fired.withLock { $0.append(Instant.now()) } }
        loop.setDeadline(due - .milliseconds(20))
        loop.setDeadline(due)
      }
      try await eventually("fired") { fired.withLock { !$0.isEmpty } }
      #expect(fired.withLock { $0.allSatisfy { $0 >= due } && $0.count == 1 })
      let past = Mutex(false)
      loop.execute {
        loop.setDeadline(Instant.now() + .milliseconds(1))
        loop.setDeadline(nil)
        loop.onDeadline { past.withLock { $0 = true } }
        loop.setDeadline(Instant.now() - .seconds(1))
      }
      try await eventually("a deadline in the past is due at once") { past.withLock { $0 } }
    }
  }

  @Test("A task that waits for a descriptor goes on when it is readable, or when it is cancelled")
  func waiting() async throws {
    try await withLoop { loop in
      let descriptor = eventfd(0, CInt(EFD_NONBLOCK))
      defer { close(descriptor) }
      let waiter = Task { try await loop.untilReadable(descriptor) }
      eventfd_write(descriptor, 1)
      try await waiter.value

      var count: eventfd_t = 0
      eventfd_read(descriptor, &count)
      let cancelled = Task { try await loop.untilReadable(descriptor) }
      cancelled.cancel()
      await #expect(throws: CancellationError.self) { try await cancelled.value }

      let again = Task { try await loop.untilReadable(descriptor) }
      eventfd_write(descriptor, 1)
      try await again.value
    }
  }

  @Test("An unusable descriptor is an error, not a wait for ever")
  func unusableDescriptor() async throws {
    try await withLoop { loop in
      await #expect(throws: VRRPLoopFailure.self) { try await loop.untilReadable(-1) }
    }
  }
}
