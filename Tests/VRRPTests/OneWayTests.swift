// A rival that does not hear us: given way to, asked again, and remembered.

import NetworkTypes
import Testing

@testable import VRRP

@Suite("One-way links")
struct OneWayTests {
  @Test("After three intervals of answers in vain the holder gives way, tells neighbours where to turn, and asks again")
  func givesWay() {
    expectTranscript(
      of: configuration(priority: 200),
      """
      0s resume
        send 200 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: resumption
        = active, Adver_Timer 1s, announces 0.2s
      0.5s hear 150 from low
        send 200 every 1s of 10.0.0.39 to all        # FSM-12
        announce 10.0.0.39/24
        = active, Adver_Timer 1s, announces 0.7s
      1.5s hear 150 from low
        send 200 every 1s of 10.0.0.39 to all
        announce 10.0.0.39/24
        = active, Adver_Timer 1s, announces 1.7s
      2.5s hear 150 from low
        send 200 every 1s of 10.0.0.39 to all
        announce 10.0.0.39/24
        = active, Adver_Timer 1s, announces 2.7s
      3.5s hear 150 from low                         # the fourth, and three intervals after the first
        remove 10.0.0.39/24
        commend 10.0.0.39/24 at low
        active → backup: not heard by low (150), gives way for 10s
        = backup, Active_Down_Timer 6.71875s at 1s
      13.4s hear 150 from low                        # weaker, and not preempted
        = backup, Active_Down_Timer 16.61875s at 1s
      13.5s hear 150 from low
        send 200 every 1s of 10.0.0.39 to low at 10.0.0.1   # asked whether it hears us by now
        = backup, Active_Down_Timer 15.21875s at 1s, will preempt low
      14.5s hear 150 from low                        # in its own time: no
        = backup, Active_Down_Timer 17.71875s at 1s
      34.4s hear 150 from low
        = backup, Active_Down_Timer 37.61875s at 1s
      34.5s hear 150 from low
        send 200 every 1s of 10.0.0.39 to low at 10.0.0.1   # after twice as long
        = backup, Active_Down_Timer 36.21875s at 1s, will preempt low
      34.501s hear 150 from low                      # at once: its last word
        send 200 every 1s of 10.0.0.39 to all
        forward connections to 10.0.0.39/24 to low
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: preemption of low (150)
        = active, Adver_Timer 35.501s, announces 34.701s
      """)
  }

  @Test("One that yields without a word, as other makes do, is missed after one and a half of its intervals")
  func silentRival() {
    var router = deferring()
    _ = router.handle(.advertisement(advertisement(150, from: "low")), at: at(.seconds(14)))
    #expect(router.nextDeadline == at(.seconds(15.5) + .milliseconds(218.75)))
    let actions = router.handle(.deadline, at: router.nextDeadline!)
    #expect(actions.contains(.installAddresses(router.configuration.addresses)))
  }

  @Test("The pause doubles up to five minutes, as long as the rival is deaf, whoever tried last")
  func backOff() {
    var router = deferring()
    var pauses: [Duration] = []
    for second in 4...2_000 {
      _ = router.handle(.advertisement(advertisement(150, from: "low")), at: at(.seconds(second)))
      #expect(router.state.name == .backup)
      if let pause = router.deference?.pause, pauses.last != pause { pauses.append(pause) }
    }
    #expect(pauses == [10, 20, 40, 80, 160, 300].map { .seconds($0) })
  }

  @Test("A role that was regained for a moment only is given up for longer")
  func regained() {
    var router = deferring()
    _ = router.handle(.advertisement(advertisement(150, from: "low")), at: at(.seconds(14)))
    _ = router.handle(.advertisement(advertisement(150, from: "low")), at: at(.seconds(14.001)))
    #expect(router.state.name == .active)
    for second in 15...19 {
      _ = router.handle(.advertisement(advertisement(150, from: "low")), at: at(.seconds(second)))
    }
    #expect(router.state.name == .backup && router.deference?.pause == .seconds(20))
  }

  @Test("A rival that falls silent is succeeded in the usual time, and later ones are preempted as ever")
  func silence() {
    var router = deferring()
    let due = router.nextDeadline!
    #expect(router.handle(.deadline, at: due).contains(.installAddresses(router.configuration.addresses)))
    // Superseded, and then stronger again: nothing is asked.
    _ = router.handle(.advertisement(advertisement(250, from: "high")), at: due + .seconds(1))
    let actions = router.handle(.advertisement(advertisement(150, from: "high")), at: due + .seconds(30))
    #expect(actions.isEmpty && router.state.name == .backup)
    #expect(router.nextDeadline! < due + .seconds(31), "fast preemption")
  }

  @Test(
    "What is no one-way link: a rival that yields, one that comes back, two in turn, an owner, one_way: hold",
    arguments: ["yields", "returns", "turns", "owner", "hold"])
  func holds(kind: String) {
    var own = configuration(priority: kind == "owner" ? 255 : 200)
    own.givesWay = kind != "hold"
    var router = VirtualRouter(configuration: own)
    _ = router.handle(.resume, at: at(.zero))
    for second in 1...40 {
      _ = router.handle(.deadline, at: at(.seconds(second)))
      if kind == "yields", second % 10 > 2 { continue }
      if kind == "returns", second % 4 != 0 { continue }
      let rival = kind == "turns" && second % 2 == 0 ? "high" : "low"
      _ = router.handle(.advertisement(advertisement(150, from: rival)), at: at(.seconds(second)))
    }
    #expect(router.state.name == .active)
    #expect(router.deference == nil)
  }

  /// Gave way at 3.5 s, for ten seconds.
  private func deferring() -> VirtualRouter {
    var router = VirtualRouter(configuration: configuration(priority: 200))
    _ = router.handle(.resume, at: at(.zero))
    for tenths in [5, 15, 25, 35] {
      _ = router.handle(.advertisement(advertisement(150, from: "low")), at: at(.milliseconds(100 * tenths)))
    }
    return router
  }
}
