// When gratuitous ARP and unsolicited neighbour advertisements are repeated. PROTOCOL.md, "Announcing"

import NetworkTypes
import Testing
import VRRP

@Suite("Announcements")
struct AnnouncementTests {
  @Test(
    "FSM-12: announcements after becoming Active at 0 ms, with a weaker rival heard at these times",
    arguments: [
      // rivals, announcements (both in ms)
      ([], [0, 200, 1_200, 6_200]),  // each after the one before: 200 ms, 1 s, 5 s
      ([60_000], [0, 200, 1_200, 6_200, 60_000, 60_200, 61_200, 66_200]),  // an occasion to say it all again
      ([300], [0, 200, 300, 500, 1_500, 6_500]),
      ([50], [0, 50, 250, 1_250, 6_250]),
      ([10, 20, 40], [0, 50, 250, 1_250, 6_250]),  // not more often than every 50 ms, and none is forgotten
      ([220], [0, 200, 250, 450, 1_450, 6_450]),
    ])
  func schedule(rivals: [Int], expected: [Int]) {
    var router = VirtualRouter(configuration: configuration(priority: 255, every: 4_095))
    var made: [Int] = []
    func note(_ actions: [VirtualRouter.Action], _ time: Int) {
      for case .announceAddresses in actions { made.append(time) }
    }
    note(router.handle(.startup, at: at(.zero)), 0)
    for time in stride(from: 0, through: 70_000, by: 10) {
      if rivals.contains(time) {
        note(router.handle(.advertisement(advertisement(100)), at: at(.milliseconds(time))), time)
      }
      note(router.handle(.deadline, at: at(.milliseconds(time))), time)
    }
    #expect(made == expected)
  }

  @Test("A late announcement puts off those that follow it")
  func late() {
    expectTranscript(
      of: configuration(priority: 255, every: 4_095),
      """
      0s startup
        send 255 every 40950ms of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: address owner
        = active, Adver_Timer 40.95s, announces 0.2s
      3s deadline
        announce 10.0.0.39/24
        = active, Adver_Timer 40.95s, announces 4s
      """)
  }

  @Test(
    "FSM-12: a rival that advertises every 10 ms for a second gets an answer each time, the neighbours one each 50 ms")
  func flood() {
    var router = VirtualRouter(configuration: configuration(priority: 255))
    _ = router.handle(.startup, at: at(.zero))
    var answers = 0
    var announcements = 0
    func count(_ actions: [VirtualRouter.Action]) {
      for action in actions {
        switch action {
        case .sendAdvertisement: answers += 1
        case .announceAddresses: announcements += 1
        case .installAddresses, .renewAddresses, .removeAddresses, .retireAddresses, .forwardConnections,
          .commendAddresses, .transition:
          Issue.record("\(action)")
        }
      }
    }
    for step in 1...99 {
      let now = at(.milliseconds(10 * step))
      if let due = router.nextDeadline, due <= now { count(router.handle(.deadline, at: now)) }
      count(router.handle(.advertisement(advertisement(100, every: 1)), at: now))
    }
    #expect(answers == 99)
    #expect((17...20).contains(announcements), "\(announcements)")
  }

  @Test("FSM-12: what the transcript of a won conflict looks like")
  func transcript() {
    expectTranscript(
      of: configuration(priority: 255),
      """
      0s startup
        send 255 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: address owner
        = active, Adver_Timer 1s, announces 0.2s
      0.01s hear 100 from high                       # too soon to announce again: put off to 50 ms
        send 255 every 1s of 10.0.0.39 to all
        = active, Adver_Timer 1s, announces 0.05s
      0.05s deadline
        announce 10.0.0.39/24
        = active, Adver_Timer 1s, announces 0.25s
      0.25s deadline
        announce 10.0.0.39/24
        = active, Adver_Timer 1s, announces 1.25s
      """)
  }
}
