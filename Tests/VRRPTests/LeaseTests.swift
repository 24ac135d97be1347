// A holder that is no longer itself: what the kernel is told, and what is done on coming back. Timers of a holder that
// leaves are in LeavingTests.

import NetworkTypes
import Testing

@testable import VRRP

@Suite("Leases")
struct LeaseTests {
  @Test(
    "A lease ends before the strongest peer takes over, where the kernel's whole seconds allow",
    arguments: [
      // interval in centiseconds, version, lease in seconds
      (1, VRRPVersion.v3, 1), (10, .v3, 1), (46, .v3, 1), (50, .v3, 1), (80, .v3, 2), (100, .v3, 2), (100, .v2, 2),
      (200, .v3, 5), (1000, .v3, 29), (4095, .v3, 122),
    ])
  func duration(interval: Int, version: VRRPVersion, seconds: Int) throws {
    var own = configuration(every: interval, isLeased: true)
    own.version = version
    let lease = try #require(own.lease)
    #expect(lease == .seconds(seconds))
    if interval >= 50 { #expect(lease + .milliseconds(400) < own.shortestActiveDownInterval) }
    own.isLeased = false
    #expect(own.lease == nil)
  }

  @Test("The lease is renewed with the advertisements, but no more than sixteen times in its length")
  func renewal() {
    for (interval, expected) in [(100, 10), (10, 100), (1, 142)] {
      var router = VirtualRouter(configuration: configuration(priority: 255, every: interval, isLeased: true))
      _ = router.handle(.startup, at: at(.zero))
      var renewals = 0
      while let due = router.nextDeadline, due <= at(.seconds(10)) {
        renewals += router.handle(.deadline, at: due).count { if case .renewAddresses = $0 { true } else { false } }
      }
      #expect(renewals == expected, "at \(interval) centiseconds")
    }
  }

  @Test("Every word to the peers renews: a rival that speaks without end does not let the lease run out")
  func renewalInConflict() {
    var router = VirtualRouter(configuration: configuration(priority: 200, isLeased: true))
    _ = router.handle(.resume, at: at(.zero))
    var renewed = at(.zero)
    for step in 1...50 {
      let now = at(.milliseconds(100 * step))
      // FSM-10 sets Adver_Timer anew each time, so that it never fires.
      for case .renewAddresses in router.handle(.advertisement(advertisement(0)), at: now) { renewed = now }
      #expect(now - renewed <= .milliseconds(200))
    }
  }
}

@Suite("Fencing")
struct FencingTests {
  @Test("What counts is when the kernel was last told, though the peers were told later")
  func leaseOverBeforeAbsence() throws {
    var router = VirtualRouter(configuration: configuration(priority: 200, every: 4000, isLeased: true))
    _ = router.handle(.resume, at: at(.zero))
    // An answer, too soon after the start to renew.
    let answer = router.handle(.advertisement(advertisement(100, every: 4000)), at: at(.seconds(5)))
    #expect(!answer.contains(.renewAddresses(router.configuration.addresses)))
    let lease = try #require(router.configuration.lease)
    let actions = router.handle(.contested, at: at(lease))
    #expect(actions.first == .removeAddresses(router.configuration.addresses))
    #expect(router.state.name == .backup)
  }

  private func holder(isLeased: Bool = true) -> VirtualRouter {
    var router = VirtualRouter(configuration: configuration(priority: 200, isLeased: isLeased))
    _ = router.handle(.resume, at: at(.zero))
    return router
  }

  @Test("Whatever wakes a holder that was away for longer than its lease, it lets go first")
  func letsGoFirst() {
    let events: [VirtualRouter.Event] = [
      .deadline, .advertisement(advertisement(100)), .priorityChanged(priority(150)), .startup,
    ]
    for event in events {
      var router = holder()
      let actions = router.handle(event, at: at(.milliseconds(2000)))
      #expect(actions.first == .removeAddresses(router.configuration.addresses), "\(event)")
      #expect(router.state.name == .backup)
    }
    var punctual = holder()
    #expect(
      punctual.handle(.deadline, at: at(.milliseconds(1999))).contains {
        if case .removeAddresses = $0 { true } else { false }
      } == false)
  }

  @Test(
    "Its farewell spares the others their waiting, but does not bother one that may have taken over",
    arguments: [
      (2000, true), (3003, true), (3004, false), (9000, false),
    ])
  func farewell(milliseconds: Int, speaks: Bool) {
    var router = holder()
    let actions = router.handle(.deadline, at: at(.milliseconds(milliseconds)))
    let spoken = actions.compactMap { if case .sendAdvertisement(let sent, _) = $0 { sent.priority } else { nil } }
    #expect(spoken == (speaks ? [.relinquishing] : []))
    #expect(
      actions.last
        == .transition(Transition(from: .active, to: .backup, reason: .absence(.milliseconds(milliseconds)))))
  }

  @Test("Without a lease a holder lets go when it may have been given up")
  func withoutLease() {
    var router = holder(isLeased: false)
    _ = router.handle(.deadline, at: at(.milliseconds(3003)))
    #expect(router.state.name == .active)
    router = holder(isLeased: false)
    _ = router.handle(.deadline, at: at(.milliseconds(3004)))
    #expect(router.state.name == .backup)
  }
}

@Suite("Resuming")
struct ResumingTests {
  @Test(
    "It may resume while nobody can have taken over, and only with a lease that says so",
    arguments: [
      (100, 1990, true), (100, 2000, false), (10, 290, true), (10, 300, false), (1, 29, true), (1, 30, false),
    ])
  func proof(interval: Int, milliseconds: Int, mayResume: Bool) {
    let leased = configuration(every: interval, isLeased: true)
    #expect(leased.mayResume(after: .milliseconds(milliseconds)) == mayResume)
    #expect(!configuration(every: interval).mayResume(after: .zero))
  }

  @Test("Who resumes is Active at once, in words and in deed")
  func resumes() {
    expectTranscript(
      of: configuration(),
      """
      0s resume
        send 100 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: resumption
        = active, Adver_Timer 1s, announces 0.2s
      """)
  }

  @Test("Trackers that were not checked yet are taken for up until they are, by that virtual router alone")
  func trackers() {
    let weights = [TrackerWeight(tracker: "docker", weight: -50), TrackerWeight(tracker: "quorum", weight: 0)]
    var node = VRRPRouter(configurations: [
      configuration(vrid: vrid(12), trackers: weights, isLeased: true),
      configuration(vrid: vrid(13), trackers: weights, isLeased: true),
    ])
    let started = node.handle(.resume([vrid(12)]), at: at(.zero))
    #expect(node.members.map(\.router.state.name) == [.active, .initialize])
    #expect(node.members.map(\.fitness.priority) == [priority(100), priority(50)])
    #expect(started.contains { if case .perform(vrid(12), .sendAdvertisement) = $0 { true } else { false } })

    _ = node.handle(.tracker("quorum", isUp: true), at: at(.milliseconds(5)))
    #expect(node.members.map(\.fitness.priority) == [priority(100), priority(50)])
    _ = node.handle(.tracker("docker", isUp: false), at: at(.milliseconds(9)))
    #expect(node.members.map(\.fitness.priority) == [priority(50), priority(50)])
  }
}

@Suite("Draining")
struct DrainingTests {
  @Test("Where nobody answers a holder that was asked to leave goes on as the least of all, until anybody takes over")
  func reluctance() {
    expectTranscript(
      of: configuration(),
      """
      0s resume
        send 100 every 1s of 10.0.0.39 to all
        install 10.0.0.39/24
        announce 10.0.0.39/24
        initialize → active: resumption
        = active, Adver_Timer 1s, announces 0.2s
      0.1s drain
        send 0 every 1s of 10.0.0.39 to all
        = active, leaves at 1.12s
      0.2s drain
        = active, leaves at 1.12s
      1.12s deadline
        send 1 every 1s of 10.0.0.39 to all
        announce 10.0.0.39/24
        = active, reluctantly, Adver_Timer 2.12s
      1.5s priority 90
        = active, reluctantly, Adver_Timer 2.12s
      2.12s deadline
        send 1 every 1s of 10.0.0.39 to all
        announce 10.0.0.39/24
        = active, reluctantly, Adver_Timer 3.12s
      2.5s hear 2 from low
        retire 10.0.0.39/24
        send 0 every 1s of 10.0.0.39 to low at 10.0.0.1
        active → initialize: drained
        = initialize
      """)
  }

  private func reluctant() -> TranscriptPlayer {
    var player = TranscriptPlayer(router: VirtualRouter(configuration: configuration()))
    for line in ["0s resume", "0.1s drain", "1.12s deadline"] { _ = player.play(line) }
    return player
  }

  @Test("Forced it lets go all the same")
  func forced() {
    var player = reluctant()
    #expect(player.play("1.3s drain forced").last == "= active, leaves at 2.32s")
    #expect(player.play("2.32s deadline").last == "= initialize")
  }

  @Test("Asked to stay, it does, with all that it has")
  func stays() {
    var player = reluctant()
    #expect(player.play("1.3s startup").first == "send 100 every 1s of 10.0.0.39 to all")
    #expect(player.play("2.3s deadline").first == "send 100 every 1s of 10.0.0.39 to all")
  }

  @Test("A node that is drained takes part in nothing until that ends, whatever its trackers say")
  func wholeNode() {
    var node = VRRPRouter(configurations: [
      configuration(vrid: vrid(12), trackers: [TrackerWeight(tracker: "docker", weight: -50)]),
      configuration(vrid: vrid(13)),
    ])
    _ = node.handle(.startup, at: at(.zero))
    _ = node.handle(.drain(isForced: false), at: at(.seconds(1)))
    #expect(node.members.map(\.obstacle) == [.drained(isForced: false), .drained(isForced: false)])
    _ = node.handle(.tracker("docker", isUp: true), at: at(.seconds(2)))
    _ = node.handle(.reconfigured([configuration(vrid: vrid(14))]), at: at(.seconds(2)))
    #expect(node.members.map(\.router.state) == [.initialize])
    #expect(node.nextDeadline == nil && !node.isLeaving)
    _ = node.handle(.drain(isForced: nil), at: at(.seconds(3)))
    #expect(node.members.map(\.router.state.name) == [.backup])
  }
}
