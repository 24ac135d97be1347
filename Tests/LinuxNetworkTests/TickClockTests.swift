// How old an address is by the kernel's ticks, at each rate that kernels are built with.

import Glibc
import NetworkTypes
import Testing

@testable import LinuxNetwork

@Suite("Tick clock")
struct TickClockTests {
  /// What times(2) returns `ticks` after a boot.
  private func count(_ ticks: Int, _ frequency: Int) -> Int {
    let tick = (1_000_000_000 + frequency / 2) / frequency
    return ((1 << 32) - 300 * frequency + ticks) * tick / 10_000_000
  }

  @Test(
    "Ticks are told from hundredths of a second, wherever CLOCK_MONOTONIC stands",
    arguments: [100, 250, 300, 1000], [0, -2, 250, 59_000])
  func rates(frequency: Int, millisecondsAhead: Int) throws {
    for seconds in [0, 1, 300, 86_400, 400 * 86_400] {
      let ticks = seconds * frequency
      let uptime = Duration.seconds(seconds) + .milliseconds(millisecondsAhead)
      let clock = try #require(TickClock(count: count(ticks, frequency), uptime: uptime))
      #expect((0...2).contains(clock.hundredths - seconds * 100), "after \(seconds) s")
    }
  }

  @Test("What does not fit together is no clock: a time namespace, a counter that counts otherwise")
  func noClock() {
    #expect(TickClock(count: count(1000 * 250, 250), uptime: .seconds(1000 + 86_400)) == nil)
    #expect(TickClock(count: 100_000, uptime: .seconds(1000)) == nil)
    #expect(TickClock(count: -1, uptime: .seconds(1000)) == nil)
    #expect(TickClock(count: .max / 100_000_000, uptime: .seconds(1000)) == nil)
  }

  @Test("An age is never less than it is; stamps begin again after 497 days")
  func age() throws {
    var clock = try #require(TickClock(count: count(100_000, 100), uptime: .seconds(1000)))
    #expect(clock.hundredths == 100_000)
    #expect(clock.age(ofStamp: 99_970) == .milliseconds(310))
    #expect(clock.age(ofStamp: 100_000) == .milliseconds(10))
    #expect(clock.age(ofStamp: 100_001) == .milliseconds(10), "stamped since the clock was read")
    clock.hundredths = (1 << 32) + 20
    #expect(clock.age(ofStamp: .max - 9) == .milliseconds(310))
  }

  @Test("The kernel's stamp of a renewal is as old as the renewal", arguments: ["192.0.2.9/24", "2001:db8::9/64"])
  func kernel(_ address: String) throws {
    let host = try AddressTests.Host()
    let place = placement(address, on: host.link)
    #expect(host.network.install([place], lease: .seconds(60)).failures == [])
    for pause in [0, 400] {
      let before = ContinuousClock.now
      #expect(host.network.renew([place], lease: .seconds(60)).allSatisfy { (try? $0.get()) != nil })
      usleep(UInt32(pause) * 1000)
      let age = try #require(try host.network.renewals()[place])
      #expect(age >= .milliseconds(pause) && age <= before.duration(to: .now) + .milliseconds(50), "\(age)")
    }
  }

}
