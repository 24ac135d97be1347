// Who takes over from whom while both are alive: fast preemption, Preempt_Mode, a delay, and what becomes of a holder
// that is no longer fit. PROTOCOL.md, "Fast preemption"

import NetworkTypes
import Testing
import VRRP

@Suite("Preemption")
struct PreemptionTests {
  @Test("immediate: a holder whose priority drops is relieved within Skew_Time")
  func holderDrops() {
    expectTranscript(
      of: configuration(priority: 150),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.4140625s at 1s
      1s hear 200 from high
        = backup, Active_Down_Timer 4.4140625s at 1s
      1.3s hear 80 from high                         # its proxy died: (256 - 150) / 256 s
        = backup, Active_Down_Timer 1.7140625s at 1s, will preempt high
      1.7140625s deadline
        send 150 every 1s of 10.0.0.39 to all
        forward connections to 10.0.0.39/24 to high
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: preemption of high (80)
        = active, Adver_Timer 2.7140625s, announces 1.9140625s
      """)
  }

  @Test("immediate: a holder that recovers in time is left alone")
  func holderRecovers() {
    expectTranscript(
      of: configuration(priority: 150),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.4140625s at 1s
      1s hear 80 from high
        = backup, Active_Down_Timer 1.4140625s at 1s, will preempt high
      1.2s hear 200 from high
        = backup, Active_Down_Timer 4.6140625s at 1s
      """)
  }

  @Test("immediate: we drop too before the time is up, and leave the holder alone")
  func weDropToo() {
    expectTranscript(
      of: configuration(priority: 150),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.4140625s at 1s
      1s hear 80 from high
        = backup, Active_Down_Timer 1.4140625s at 1s, will preempt high
      1.1s priority 80                               # as if its advertisement at 1 s had been adopted
        = backup, Active_Down_Timer 4.6875s at 1s
      """)
  }

  @Test("immediate: we drop, but not below the holder, and still relieve it")
  func weDropLess() {
    expectTranscript(
      of: configuration(priority: 150),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.4140625s at 1s
      1s hear 80 from high
        = backup, Active_Down_Timer 1.4140625s at 1s, will preempt high
      1.1s priority 86                               # Skew_Time grows by 64/256 s
        = backup, Active_Down_Timer 1.6640625s at 1s, will preempt high
      """)
  }

  /// A partition that is not the same for all: `low` can not hear `high` and is Active too. Every advertisement of it
  /// would make us Active for a moment, once a second, for as long as that lasts.
  @Test("immediate, FSM-7: a third router's lower priority does not hurry us while the one that we follow is alive")
  func thirdRouter() {
    expectTranscript(
      of: configuration(priority: 240),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.0625s at 1s
      1s hear 250 from high
        = backup, Active_Down_Timer 4.0625s at 1s
      1.5s hear 230 from low
        = backup, Active_Down_Timer 4.0625s at 1s
      2s hear 250 from high
        = backup, Active_Down_Timer 5.0625s at 1s
      2.5s hear 230 from low
        = backup, Active_Down_Timer 5.0625s at 1s
      5.0625s deadline                               # high is gone: what the RFC allows, and no more
        send 240 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: silence of high (250) since 2s
        = active, Adver_Timer 6.0625s, announces 5.2625s
      """)
  }

  /// Three Active Routers at once, after a partition of all three: `high` wins over us, and we over `low`. The loser's
  /// last advertisement to us may come after we have ourselves yielded.
  @Test("immediate: a loser's farewell that finds us no longer Active changes nothing")
  func lateFarewell() {
    expectTranscript(
      of: configuration(priority: 240),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.0625s at 1s
      3.0625s deadline
        send 240 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: nobody heard
        = active, Adver_Timer 4.0625s, announces 3.2625s
      3.1s hear 250 from high
        retire 10.0.0.39/24
        send 240 every 1s of 10.0.0.39 to high at 10.0.0.3
        active → backup: superseded by high (250)
        = backup, Active_Down_Timer 6.1625s at 1s
      3.101s hear 230 from low
        = backup, Active_Down_Timer 6.1625s at 1s
      """)
  }

  @Test("rfc: the holder's drop is discarded, and Active_Down_Timer runs out")
  func rfc() {
    expectTranscript(
      of: configuration(priority: 150, preempt: .rfc),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.4140625s at 1s
      1s hear 200 from high
        = backup, Active_Down_Timer 4.4140625s at 1s
      2s hear 80 from high
        = backup, Active_Down_Timer 4.4140625s at 1s, will preempt high
      3s hear 80 from high
        = backup, Active_Down_Timer 4.4140625s at 1s, will preempt high
      4s hear 80 from high
        = backup, Active_Down_Timer 4.4140625s at 1s, will preempt high
      4.4140625s deadline
        send 150 every 1s of 10.0.0.39 to all
        forward connections to 10.0.0.39/24 to high
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: preemption of high (80)
        = active, Adver_Timer 5.4140625s, announces 4.6140625s
      """)
  }

  @Test("never: a healthy holder stays, however low its priority")
  func never() {
    expectTranscript(
      of: configuration(priority: 200, preempt: .never, healthy: ["high": 150]),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.21875s at 1s
      1s hear 150 from high
        = backup, Active_Down_Timer 4.21875s at 1s
      2s hear 150 from high
        = backup, Active_Down_Timer 5.21875s at 1s
      """)
  }

  @Test("never: a holder below its healthy priority is relieved all the same", arguments: ["never", "after"])
  func neverUnfit(mode: String) {
    expectTranscript(
      of: configuration(
        priority: 140, preempt: mode == "never" ? .never : .after(.seconds(30)), healthy: ["high": 150]),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.453125s at 1s
      1s hear 150 from high
        = backup, Active_Down_Timer 4.453125s at 1s
      1.5s hear 130 from high                        # 20 less than in good health, and less than ours
        = backup, Active_Down_Timer 1.953125s at 1s, will preempt high
      1.953125s deadline
        send 140 every 1s of 10.0.0.39 to all
        forward connections to 10.0.0.39/24 to high
        install 10.0.0.39/24
        announce 10.0.0.39/24
        backup → active: preemption of high (130)
        = active, Adver_Timer 2.953125s, announces 2.153125s
      """)
  }

  @Test("never: a holder that is unfit but still the best stays")
  func neverUnfitButBest() {
    expectTranscript(
      of: configuration(priority: 100, preempt: .never, healthy: ["high": 200]),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 150 from high
        = backup, Active_Down_Timer 4.609375s at 1s
      """)
  }

  @Test("never: a third router that is unfit does not cost the one that we follow its place")
  func neverThirdRouter() {
    expectTranscript(
      of: configuration(priority: 200, preempt: .never, healthy: ["high": 150, "low": 180]),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.21875s at 1s
      1s hear 150 from high
        = backup, Active_Down_Timer 4.21875s at 1s
      1.5s hear 60 from low
        = backup, Active_Down_Timer 4.21875s at 1s
      """)
  }

  @Test("after: endured for so long, then relieved within Skew_Time")
  func after() {
    expectTranscript(
      of: configuration(priority: 200, preempt: .after(.seconds(2))),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.21875s at 1s
      1s hear 150 from high                          # until 3 s
        = backup, Active_Down_Timer 4.21875s at 1s
      2s hear 150 from high
        = backup, Active_Down_Timer 5.21875s at 1s
      3s hear 150 from high
        = backup, Active_Down_Timer 3.21875s at 1s, will preempt high
      """)
  }

  @Test("after: the time starts anew once a better one was heard")
  func afterAnew() {
    expectTranscript(
      of: configuration(priority: 200, preempt: .after(.seconds(2))),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.21875s at 1s
      1s hear 150 from high
        = backup, Active_Down_Timer 4.21875s at 1s
      2s hear 210 from low
        = backup, Active_Down_Timer 5.21875s at 1s
      3s hear 150 from high                          # until 5 s
        = backup, Active_Down_Timer 6.21875s at 1s
      4s hear 150 from high
        = backup, Active_Down_Timer 7.21875s at 1s
      5s hear 150 from high
        = backup, Active_Down_Timer 5.21875s at 1s, will preempt high
      """)
  }
}

@Suite("A holder whose priority changes")
struct HolderPriorityTests {
  @Test("immediate and rfc: it says so at once, and goes on", arguments: ["immediate", "rfc"])
  func advertises(mode: String) {
    expectTranscript(
      of: configuration(preempt: mode == "rfc" ? .rfc : .immediate),
      active
        + """
        4s priority 40
          send 40 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 5s, announces 3.809375s
        4.1s priority 100
          send 100 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 5.1s, announces 3.809375s
        """)
  }

  @Test(
    "never and after: it resigns, goes on holding, and carries on after its own Skew_Time", arguments: [true, false])
  func resigns(isNever: Bool) {
    expectTranscript(
      of: configuration(preempt: isNever ? .never : .after(.seconds(30))),
      active
        + """
        3.809375s deadline
          announce 10.0.0.39/24
          = active, Adver_Timer 4.609375s, announces 4.809375s
        4s priority 64                               # (256 - 64) / 256 s
          send 0 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 4.75s, announces 4.809375s
        4.75s deadline                               # nobody fitter spoke
          send 64 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 5.75s, announces 4.809375s
        """)
  }

  @Test("never: it yields to the one that spoke, like any other")
  func resignsAndYields() {
    expectTranscript(
      of: configuration(preempt: .never),
      active
        + """
        4s priority 64
          send 0 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 4.75s, announces 3.809375s
        4.4s hear 90 from low
          retire 10.0.0.39/24
          send 64 every 1s of 10.0.0.39 to low at 10.0.0.1
          active → backup: superseded by low (90)
          = backup, Active_Down_Timer 8.15s at 1s
        """)
  }

  @Test("never: a holder that is better than it was, though not yet well, does not resign")
  func recovers() {
    expectTranscript(
      of: configuration(preempt: .never),
      active
        + """
        4s priority 64
          send 0 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 4.75s, announces 3.809375s
        4.2s priority 80
          send 80 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 5.2s, announces 3.809375s
        """)
  }

  @Test("never: a lower priority that the file asks for is no illness")
  func fileLowersPriority() {
    expectTranscript(
      of: configuration(preempt: .never), files: ["lower": configuration(priority: 60, preempt: .never)],
      active
        + """
        4s reconfigure lower
          = active, Adver_Timer 4.609375s, announces 3.809375s
        4s priority 60
          send 60 every 1s of 10.0.0.39 to all
          = active, Adver_Timer 5s, announces 3.809375s
        """)
  }

  @Test("Backup: the timer moves by what Skew_Time moves, and never says anything")
  func backup() {
    expectTranscript(
      of: configuration(),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s priority 228                                # Skew_Time shrinks by 128/256 s
        = backup, Active_Down_Timer 3.109375s at 1s
      2s hear 250 every 2s from high                 # 28/256 × 2 s
        = backup, Active_Down_Timer 8.21875s at 2s
      3s priority 100                                # grows by 128/256 × 2 s
        = backup, Active_Down_Timer 9.21875s at 2s
      3s priority 100
        = backup, Active_Down_Timer 9.21875s at 2s
      """)
  }

  @Test("Initialize: the priority is the one that it will start with")
  func initialize() {
    expectTranscript(
      of: configuration(),
      """
      0s priority 228
        = initialize
      1s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 4.109375s at 1s
      """)
  }

  private let active = """
    0s startup
      initialize → backup: startup
      = backup, Active_Down_Timer 3.609375s at 1s
    3.609375s deadline
      send 100 every 1s of 10.0.0.39 to all
      install 10.0.0.39/24
      announce 10.0.0.39/24
      backup → active: nobody heard
      = active, Adver_Timer 4.609375s, announces 3.809375s

    """
}
