// The rules of version 2 that differ from version 3's: RFC 3768, and what keepalived's `auth_type PASS` asks for.

import NetworkTypes
import Testing
import VRRP

@Suite("Version 2")
struct Version2Tests {
  private func version2(password: String? = nil, every interval: Int = 100) -> VirtualRouterConfiguration {
    var own = configuration(every: interval)
    own.version = .v2
    own.password = password.flatMap { SimplePassword($0) }
    return own
  }

  @Test("RFC 3768 §6.1: Skew_Time is in 256ths of a second, whatever the interval")
  func skewTime() {
    expectTranscript(
      of: version2(every: 300),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 9.609375s at 3s   # 3 × 3 s + 156/256 s
      """)
  }

  @Test(
    "RX-11: authentication must be ours, in type and in data",
    arguments: [
      // theirs, ours, whether it counts
      (nil, nil, true), ("secret", "secret", true), ("secret12", "secret12", true), (nil, "secret", false),
      ("secret", nil, false), ("secret", "Secret", false), ("secret", "secre", false),
    ] as [(String?, String?, Bool)])
  func authentication(theirs: String?, ours: String?, counts: Bool) {
    var router = VRRPRouter(configurations: [version2(password: ours)])
    _ = router.handle(.startup, at: at(.zero))
    let before = router
    var received = advertisement(200)
    received.advertisement.version = .v2
    received.advertisement.authentication = theirs.flatMap { SimplePassword($0) }.map(Authentication.password) ?? .none
    let directives = router.handle(.advertisement(received), at: at(.seconds(1)))
    #expect(directives == (counts ? [] : [.discard(.authentication, vrid(12))]))
    #expect((router == before) == !counts)
  }

  @Test("What is sent carries our version and password")
  func sends() {
    var router = VirtualRouter(configuration: version2(password: "secret"))
    _ = router.handle(.startup, at: at(.zero))
    let actions = router.handle(.deadline, at: at(.seconds(4)))
    guard case .sendAdvertisement(let sent, _) = actions.first else {
      Issue.record("nothing was sent: \(actions)")
      return
    }
    #expect(sent.version == .v2)
    #expect(sent.authentication == SimplePassword("secret").map(Authentication.password))
  }

  @Test("A password is one to eight bytes of UTF-8, and never shows itself")
  func passwords() throws {
    #expect(SimplePassword("") == nil && SimplePassword("123456789") == nil && SimplePassword("pässwört") == nil)
    for text in ["x", "12345678", "pässwö"] {
      let password = try #require(SimplePassword(text))
      #expect(password.text == text)
      #expect(SimplePassword(field: password.field) == password)
      #expect(!"\(password) \(Authentication.password(password))".contains(text))
    }
    #expect(SimplePassword(field: 0x7800_0000_0000_0000).text == "x")
    #expect(SimplePassword(field: 0).text.isEmpty)
  }
}

@Suite("Disagreements")
struct DisagreementTests {
  @Test("The same file on both sides gives none")
  func none() {
    #expect(configuration().disagreements(with: advertisement(200)).isEmpty)
    #expect(configuration(families: [.ipv4, .ipv6]).disagreements(with: advertisement(0, over: .ipv6)).isEmpty)
  }

  @Test("Another interval, and addresses that only one side has; their order means nothing")
  func differences() {
    let own = configuration(addresses: ["10.0.0.39/24", "10.0.0.40/24"])
    var received = advertisement(200, every: 30)
    received.advertisement.addresses = [ip("10.0.0.41"), ip("10.0.0.39")]
    #expect(
      own.disagreements(with: received) == [
        .interval(every(30)), .addresses(missingThere: [ip("10.0.0.40")], missingHere: [ip("10.0.0.41")]),
      ])
    received = advertisement(200)
    received.advertisement.addresses = [ip("10.0.0.40"), ip("10.0.0.39")]
    #expect(own.disagreements(with: received).isEmpty)
  }

  @Test(
    "Erratum 8298: an address owner that hears another router says so",
    arguments: [(255, [.secondOwner]), (254, [.rivalOfOwner(priority(254))]), (0, [])] as [(UInt8, [Disagreement])])
  func owner(field: UInt8, expected: [Disagreement]) {
    #expect(configuration(priority: 255).disagreements(with: advertisement(field)) == expected)
    #expect(configuration(priority: 254).disagreements(with: advertisement(field)).isEmpty)
  }

  @Test("Erratum 8298: of two owners the greater address stays, and the other one is back when it falls silent")
  func twoOwners() {
    var router = VirtualRouter(configuration: configuration(priority: 255))
    _ = router.handle(.startup, at: at(.zero))
    #expect(router.state.name == .active)
    _ = router.handle(.advertisement(advertisement(255, from: "low")), at: at(.seconds(1)))
    #expect(router.state.name == .active)
    _ = router.handle(.advertisement(advertisement(255, from: "high")), at: at(.seconds(2)))
    #expect(router.state.name == .backup)
    _ = router.handle(.deadline, at: at(.seconds(5) + .milliseconds(4)))
    #expect(router.state.name == .active)
  }
}

@Suite("Multicast")
struct MulticastTests {
  /// Our side, whose IPv6 advertisements come from fe80::2.
  private func group(_ families: [IPFamily]) -> VirtualRouterConfiguration {
    var own = configuration(families: families, transport: .multicast)
    for index in own.families.indices where own.families[index].family == .ipv6 {
      own.families[index].primaryAddress = ip("fe80::2")
    }
    return own
  }

  private func heard(_ field: UInt8, from source: String) -> ReceivedAdvertisement {
    let family: IPFamily = source.contains(":") ? .ipv6 : .ipv4
    var received = advertisement(field, over: family)
    received.source = ip(source)
    received.destination = family.vrrpGroup
    return received
  }

  private func active(_ families: [IPFamily]) -> VirtualRouter {
    var router = VirtualRouter(configuration: group(families))
    _ = router.handle(.startup, at: at(.zero))
    _ = router.handle(.deadline, at: at(.seconds(4)))
    return router
  }

  @Test(
    "FSM-11: over IPv6 alone link-local addresses break the tie (TX-3), not the node's address in the file",
    arguments: [("fe80::1", false), ("fe80::3", true)])
  func tie(source: String, yields: Bool) {
    var router = active([.ipv6])
    _ = router.handle(.advertisement(heard(100, from: source)), at: at(.seconds(5)))
    #expect((router.state.name == .backup) == yields)
  }

  @Test("With both families only the first one breaks a tie: two nodes never yield to each other")
  func tieOfBothFamilies() {
    var router = active([.ipv4, .ipv6])
    let answer = router.handle(.advertisement(heard(100, from: "fe80::3")), at: at(.seconds(5)))
    #expect(router.state.name == .active)
    #expect(answer.contains { if case .sendAdvertisement = $0 { true } else { false } }, "FSM-12: it is answered")
    _ = router.handle(.advertisement(heard(100, from: "10.0.0.3")), at: at(.seconds(5)))
    #expect(router.state.name == .backup)
  }

  @Test("RX-10: our own packet, looped back, is known by the address that it comes from")
  func ownPacket() {
    var router = VRRPRouter(configurations: [group([.ipv6])])
    _ = router.handle(.startup, at: at(.zero))
    #expect(
      router.handle(.advertisement(heard(200, from: "fe80::2")), at: at(.seconds(1))) == [.discard(.peer, vrid(12))])
    #expect(router.handle(.advertisement(heard(200, from: "fe80::3")), at: at(.seconds(1))) == [])
  }

  /// Of the peers, low contends with 40 in good health and high with 80.
  private func backup(_ families: [IPFamily]) -> VirtualRouter {
    var own = configuration(
      preempt: .never, families: families, healthy: ["low": 40, "high": 80], transport: .multicast)
    for index in own.families.indices where own.families[index].family == .ipv6 {
      own.families[index].primaryAddress = ip("fe80::2")
    }
    var router = VirtualRouter(configuration: own)
    _ = router.handle(.startup, at: at(.zero))
    return router
  }

  private func preempts(_ router: VirtualRouter) -> Bool {
    guard case .backup(let backup) = router.state, case .preemption = backup.expectation else { return false }
    return true
  }

  @Test(
    "Over IPv6 alone a sender is fit that says what some node of the file says in good health, and any above all of them",
    arguments: [(39, true), (40, false), (79, true), (80, false), (81, false)])
  func unfit(priority: UInt8, isReplaced: Bool) {
    var router = backup([.ipv6])
    _ = router.handle(.advertisement(heard(priority, from: "fe80::3")), at: at(.seconds(1)))
    #expect(preempts(router) == isReplaced)
  }

  @Test("With both families the one that tells the node decides whether it is fit, whichever comes first")
  func unfitInBothFamilies() {
    let sources = ["fe80::3", "10.0.0.3"]  // of high, which is down to 40
    for order in [sources, sources.reversed()] {
      var router = backup([.ipv4, .ipv6])
      for source in order + order {
        _ = router.handle(.advertisement(heard(40, from: source)), at: at(.seconds(1)))
      }
      #expect(preempts(router), "\(order)")
    }
  }

  @Test("A link-local sender with the priority of the router that is followed is that router")
  func identity() {
    var router = VirtualRouter(configuration: group([.ipv4, .ipv6]))
    _ = router.handle(.startup, at: at(.zero))
    _ = router.handle(.advertisement(heard(200, from: "10.0.0.3")), at: at(.seconds(1)))
    _ = router.handle(.advertisement(heard(200, from: "fe80::77")), at: at(.seconds(1)))
    #expect(router.activeRouter?.address == ip("10.0.0.3"))
    // Its farewell over IPv6 alone, should the other one be lost, is a farewell.
    _ = router.handle(.advertisement(heard(0, from: "fe80::77")), at: at(.seconds(2)))
    #expect(router.nextDeadline == at(.seconds(2) + .seconds(1) * 156 / 256))
  }

  @Test("Another link-local address is another primary address: the node leaves the election, and begins anew")
  func newPrimaryAddress() {
    let old = group([.ipv6])
    var new = old
    new.families[0].primaryAddress = ip("fe80::22")
    #expect(!new.standsOnTheSame(as: old))
  }
}
