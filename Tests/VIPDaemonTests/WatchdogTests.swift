// The service manager's watchdog: fed by the VRRP thread, and by nobody else.

import Glibc
import Synchronization
import Testing

@testable import VIPDaemon

@Suite("Watchdog")
struct WatchdogTests {
  @Test("It is fed as long as the VRRP thread comes round, and not while it stands still")
  func feeding() async throws {
    final class Count: Sendable {
      let fed = Atomic(0)
    }
    let count = Count()
    // No interface, so that nothing else makes the thread come round.
    let bench = try Bench(
      interfaces: [], watchdog: Watchdog(patience: .milliseconds(40)) { count.fed.add(1, ordering: .relaxed) })
    try await eventually("it is fed several times") { count.fed.load(ordering: .relaxed) >= 5 }
    // A thread that stands still feeds nobody, whatever other threads do.
    final class Standstill: Sendable {
      let fed = Atomic(-1)
    }
    let standstill = Standstill()
    bench.loop.execute {
      let before = count.fed.load(ordering: .relaxed)
      usleep(200_000)
      standstill.fed.store(count.fed.load(ordering: .relaxed) - before, ordering: .relaxed)
    }
    try await eventually("it has gone on") { standstill.fed.load(ordering: .relaxed) >= 0 }
    #expect(standstill.fed.load(ordering: .relaxed) == 0)
    await bench.end()
  }
}
