// One virtual router with addresses of both families: two VRRP Virtual Routers on the wire, one election here.

import NetworkTypes
import Testing
import VRRP

@Suite("Both families")
struct TwoFamilyTests {
  private let both = configuration(families: [.ipv4, .ipv6])

  @Test("FSM-4, FSM-9, FSM-8 over IPv6 alone")
  func ipv6() {
    expectTranscript(
      of: configuration(families: [.ipv6]),
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      3.609375s deadline
        send 100 every 1s of fe80::39 fd00::39 to all
        install fe80::39/64 fd00::39/64
        announce fe80::39/64 fd00::39/64
        backup → active: nobody heard
        = active, Adver_Timer 4.609375s, announces 3.809375s
      4.609375s deadline
        send 100 every 1s of fe80::39 fd00::39 to all
        announce fe80::39/64 fd00::39/64
        = active, Adver_Timer 5.609375s, announces 5.609375s
      5s lose eth0
        send 0 every 1s of fe80::39 fd00::39 to all
        remove fe80::39/64 fd00::39/64
        active → initialize: eth0 is down
        = initialize
      """)
  }

  @Test("FSM-11 over IPv6: the tie is broken by the IPv6 addresses")
  func ipv6Tie() {
    var router = VirtualRouter(configuration: configuration(families: [.ipv6]))
    _ = router.handle(.startup, at: at(.zero))
    _ = router.handle(.deadline, at: at(.seconds(4)))
    _ = router.handle(.advertisement(advertisement(100, from: "high", over: .ipv6)), at: at(.seconds(5)))
    #expect(router.state.name == .active, "fd00::1 is less than our fd00::2")
    _ = router.handle(.advertisement(advertisement(100, from: "low", over: .ipv6)), at: at(.seconds(5)))
    #expect(router.state.name == .backup, "fd00::3 is greater")
  }

  @Test("Both families move in one step, and either advertisement counts for both")
  func together() {
    expectTranscript(
      of: both,
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 200 from high
        = backup, Active_Down_Timer 4.609375s at 1s
      2s hear 200 from high over ipv6                # IPv4 is lost for a while: no reason to part
        = backup, Active_Down_Timer 5.609375s at 1s
      2.5s hear 99 from high over ipv6               # still the one that we follow
        = backup, Active_Down_Timer 3.109375s at 1s, will preempt high
      3.109375s deadline
        send 100 every 1s of 10.0.0.39 to all
        send 100 every 1s of fe80::39 fd00::39 to all
        forward connections to 10.0.0.39/24 fe80::39/64 fd00::39/64 to high
        install 10.0.0.39/24 fe80::39/64 fd00::39/64
        announce 10.0.0.39/24 fe80::39/64 fd00::39/64
        backup → active: preemption of high (99)
        = active, Adver_Timer 4.109375s, announces 3.309375s
      3.5s hear 200 from high over ipv6
        retire 10.0.0.39/24 fe80::39/64 fd00::39/64
        send 100 every 1s of fe80::39 fd00::39 to high at fd00::1
        active → backup: superseded by high (200)
        = backup, Active_Down_Timer 7.109375s at 1s
      """)
  }

  @Test("The Active Router is known by one address, whichever family it was heard in", arguments: IPFamily.allCases)
  func identity(family: IPFamily) {
    var router = VirtualRouter(configuration: both)
    _ = router.handle(.startup, at: at(.zero))
    _ = router.handle(.advertisement(advertisement(200, from: "high", over: family)), at: at(.seconds(1)))
    #expect(
      router.activeRouter
        == ActiveRouter(address: ip("10.0.0.3"), priority: .contending(priority(200)), heard: at(.seconds(1))))
  }

  @Test("A family's priority 0 leaves Skew_Time for both")
  func relinquished() {
    expectTranscript(
      of: both,
      """
      0s startup
        initialize → backup: startup
        = backup, Active_Down_Timer 3.609375s at 1s
      1s hear 200 from high
        = backup, Active_Down_Timer 4.609375s at 1s
      2s hear 0 from high
        = backup, Active_Down_Timer 2.609375s at 1s, high relinquished
      2s hear 0 from high over ipv6
        = backup, Active_Down_Timer 2.609375s at 1s, high relinquished
      """)
  }

  /// Both Active, equal priorities. By IPv4 `high` outranks us; by IPv6 we outrank it. Were each family's own pair
  /// compared, each side would yield to the other's advertisement, or neither.
  @Test("FSM-11: both sides of a tie agree, whichever family's advertisement arrives", arguments: IPFamily.allCases)
  func tie(family: IPFamily) {
    let high = mirrored(both, as: "high")
    for (us, them, yields) in [(both, we, true), (high, "high", false)] {
      let other = them == we ? "high" : we
      var router = VirtualRouter(configuration: us)
      _ = router.handle(.startup, at: at(.zero))
      _ = router.handle(.deadline, at: at(.seconds(4)))
      #expect(router.state.name == .active)
      var received = advertisement(100, from: other, over: family)
      received.destination = primaryAddress(of: them, family)
      _ = router.handle(.advertisement(received), at: at(.seconds(5)))
      #expect((router.state.name == .backup) == yields, "\(them) hears \(other) over \(family)")
    }
  }

  /// The same cluster file, read by another node.
  private func mirrored(_ ours: VirtualRouterConfiguration, as node: String) -> VirtualRouterConfiguration {
    var theirs = ours
    theirs.families = ours.families.map { family in
      var mirrored = family
      mirrored.localAddress = primaryAddress(of: node, family.family)
      mirrored.peers = primaryAddresses.keys.filter { $0 != node }.map {
        Peer(node: $0, address: primaryAddress(of: $0, family.family))
      }
      return mirrored
    }
    return theirs
  }
}

@Suite("Breaking a tie")
struct TieTests {
  @Test(
    "FSM-11: addresses are compared as unsigned numbers in network order",
    arguments: [
      // theirs, ours, whether we yield
      ("10.0.0.3", "10.0.0.2", true),
      ("10.0.0.1", "10.0.0.2", false),
      ("10.0.0.2", "10.0.0.2", false),  // greater, not equal: two nodes with one address, by mistake
      ("200.0.0.1", "100.0.0.1", true),  // the sign bit is no sign
      ("100.0.0.1", "200.0.0.1", false),
      ("10.0.1.0", "10.0.0.255", true),  // the first byte counts most
      ("9.255.255.255", "10.0.0.0", false),
      ("10.0.0.10", "10.0.0.9", true),  // numbers, not text
      ("fe80::2", "fe80::1", true),
      ("fe80::1", "fe80::1:0:0:0", false),
      ("fe80::ffff:ffff:ffff:ffff", "fe80::7fff:ffff:ffff:ffff", true),
    ])
  func comparison(theirs: String, ours: String, yields: Bool) throws {
    let own = VirtualRouterConfiguration(
      name: "tie", vrid: vrid(1), priority: priority(100),
      families: [
        FamilyConfiguration(
          localAddress: ip(ours), peers: [Peer(node: "other", address: ip(theirs))],
          addresses: [virtual(ip(ours).family == .ipv4 ? "10.0.0.39/24" : "fe80::39/64")])
      ])
    // An unknown sender in a group is compared just the same.
    for transport in [Transport.unicast, .multicast] {
      var known = own
      known.transport = transport
      if transport == .multicast { known.families[0].peers = [] }
      var router = VirtualRouter(configuration: known)
      _ = router.handle(.startup, at: at(.zero))
      _ = router.handle(.deadline, at: at(.seconds(4)))
      let received = ReceivedAdvertisement(
        Advertisement(
          vrid: vrid(1), priority: .contending(priority(100)), interval: .oneSecond,
          addresses: known.addresses.map(\.address.address)),
        source: ip(theirs), destination: ip(ours))
      _ = router.handle(.advertisement(received), at: at(.seconds(5)))
      #expect((router.state.name == .backup) == yields)
    }
  }
}
