// Skew_Time and Active_Down_Interval (RFC 9568 §6.1), exactly; and what lateness does to the timers.

import NetworkTypes
import Testing
import VRRP

@Suite("Timers")
struct TimerTests {
  /// Microseconds with four decimals are enough for 1/256 of a centisecond: 39.0625 µs.
  private static let table = """
    priority | interval (cs) | Skew_Time      | Active_Down_Interval
    1        | 1             | 0.0099609375s  | 0.0399609375s
    1        | 3             | 0.0298828125s  | 0.1198828125s
    1        | 100           | 0.99609375s    | 3.99609375s
    1        | 4095          | 40.7900390625s | 163.6400390625s
    100      | 1             | 0.00609375s    | 0.03609375s
    100      | 3             | 0.01828125s    | 0.10828125s
    100      | 100           | 0.609375s      | 3.609375s
    100      | 4095          | 24.95390625s   | 147.80390625s
    254      | 1             | 0.000078125s   | 0.030078125s
    254      | 3             | 0.000234375s   | 0.090234375s
    254      | 100           | 0.0078125s     | 3.0078125s
    254      | 4095          | 0.319921875s   | 123.169921875s
    255      | 1             | 0.0000390625s  | 0.0300390625s
    255      | 3             | 0.0001171875s  | 0.0901171875s
    255      | 100           | 0.00390625s    | 3.00390625s
    255      | 4095          | 0.1599609375s  | 123.0099609375s
    """

  @Test("FSM-5, FSM-6: nothing of Skew_Time is cut off", arguments: rows(of: table))
  func exact(_ row: Row) throws {
    let own = try #require(UInt8(row.columns[0]))
    let interval = try #require(Int(row.columns[1]))
    var router = VirtualRouter(configuration: configuration(priority: own == 255 ? 100 : own, every: interval))
    _ = router.handle(.startup, at: at(.zero))
    // The owner becomes a Backup only when another owner has the greater address, so it is made one here.
    _ = router.handle(.priorityChanged(priority(own)), at: at(.zero))

    _ = router.handle(.advertisement(advertisement(255, every: interval)), at: at(.zero))
    #expect(router.nextDeadline.map { text($0.sinceBoot) } == row.columns[3])

    _ = router.handle(.advertisement(advertisement(0, every: interval)), at: at(.zero))
    #expect(router.nextDeadline.map { text($0.sinceBoot) } == row.columns[2])
  }

  @Test("FSM-2: at startup the interval is our own")
  func startup() {
    expectTranscript(
      of: configuration(priority: 254, every: 1),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 0.030078125s at 10ms
      """)
  }

  @Test("FSM-9: lateness does not add up, and a missed interval is not made good")
  func drift() {
    expectTranscript(
      of: configuration(priority: 255, every: 10),
      """
      0s startup
        send 255 every 100ms of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: address owner
        = active, Adver_Timer 0.1s, announces 0.2s
      0.107s deadline                                # 7 ms late
        send 255 every 100ms of 10.0.0.39 to all
        = active, Adver_Timer 0.2s, announces 0.2s   # not 0.207
      0.2s deadline                                  # both at once: one event does both
        send 255 every 100ms of 10.0.0.39 to all
        announce 10.0.0.39/24
        = active, Adver_Timer 0.3s, announces 1.2s
      0.4823s deadline                               # two were due; one is sent
        send 255 every 100ms of 10.0.0.39 to all
        = active, Adver_Timer 0.5823s, announces 1.2s
      0.6823s deadline                               # late by one interval to the point
        send 255 every 100ms of 10.0.0.39 to all
        = active, Adver_Timer 0.7823s, announces 1.2s
      """)
  }

  @Test("FSM-4: a late Active_Down_Timer counts from when it was noticed")
  func lateActiveDownTimer() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      60s deadline
        send 100 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: nobody heard
        = active, Adver_Timer 61s, announces 60.2s
      """)
  }

  @Test("An early deadline is harmless in every state")
  func early() {
    var router = VirtualRouter(configuration: configuration())
    #expect(router.nextDeadline == nil)
    for step in [VirtualRouter.Event.startup, .deadline] {
      _ = router.handle(step, at: router.nextDeadline ?? at(.zero))
      let before = router
      for _ in 0..<3 {
        #expect(router.handle(.deadline, at: at(.milliseconds(1))) == [])
        #expect(router == before)
      }
    }
    #expect(router.state.name == .active)
  }

  @Test("A late advertisement is worth as much as one in time: the timer starts when it arrives")
  func lateAdvertisement() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      3.7s hear 200 from high                        # the timer is over, but the driver drains the socket first
        = backup, Active_Down_Timer 7.309375s at 1s
      3.7s deadline
        = backup, Active_Down_Timer 7.309375s at 1s
      """)
  }

  @Test("VRRPv2's Skew_Time is in 256ths of a second, whatever the interval")
  func version2() {
    var own = configuration(every: 300)
    own.version = .v2
    expectTranscript(
      of: own,
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 9.609375s at 3s
      """)
  }
}
