// The receive checks that need to know what is configured: RX-1, RX-2, RX-6, RX-10, RX-11. A discarded packet changes
// no state and no timer, so each test compares the whole value before and after.

import NetworkTypes
import Testing
import VRRP

@Suite("Receive checks")
struct ReceiveCheckTests {
  /// A change of one field of an advertisement that would otherwise be acted on in every state.
  struct Flaw: Sendable, CustomTestStringConvertible {
    var id: String
    var reason: DiscardReason
    var transport = Transport.unicast
    var change: @Sendable (inout ReceivedAdvertisement) -> Void
    var testDescription: String { id }
  }

  private static let flaws = [
    Flaw(id: "RX-1: TTL 254", reason: .ttl) { $0.hopLimit = 254 },
    Flaw(id: "RX-1: TTL 0", reason: .ttl) { $0.hopLimit = 0 },
    Flaw(id: "RX-2: VRRPv2 where v3 is spoken", reason: .version) { $0.advertisement.version = .v2 },
    Flaw(id: "RX-6: another VRID", reason: .vrid) { $0.advertisement.vrid = vrid(13) },
    Flaw(id: "RX-6: a family without addresses here", reason: .vrid) {
      $0.source = ip("fd00::3")
      $0.destination = ip("fd00::2")
      $0.advertisement.addresses = [ip("fe80::39")]
    },
    Flaw(id: "RX-10: a stranger", reason: .peer) { $0.source = ip("10.0.0.66") },
    Flaw(id: "RX-10: ourselves", reason: .peer) { $0.source = ip("10.0.0.2") },
    Flaw(id: "RX-10: the group, where unicast is spoken", reason: .destination) { $0.destination = ip("224.0.0.18") },
    Flaw(id: "RX-10: another address of ours", reason: .destination) { $0.destination = ip("10.0.0.39") },
    Flaw(id: "RX-10: unicast, where the group is spoken to", reason: .destination, transport: .multicast) { _ in },
    Flaw(id: "RX-10: another group", reason: .destination, transport: .multicast) { $0.destination = ip("224.0.0.1") },
    Flaw(id: "RX-10: the broadcast address", reason: .destination, transport: .multicast) {
      $0.destination = ip("255.255.255.255")
    },
    Flaw(id: "RX-10: our own copy, looped back", reason: .peer, transport: .multicast) {
      $0.source = ip("10.0.0.2")
      $0.destination = ip("224.0.0.18")
    },
  ]

  @Test("A flaw is named, and changes nothing in any state", arguments: flaws, StateName.allCases)
  func flaw(_ flaw: Flaw, state: StateName) throws {
    var router = try router(in: state, transport: flaw.transport)
    let before = router
    for field: UInt8 in [0, 1, 100, 255] {
      var received = advertisement(field)
      flaw.change(&received)
      let directives = router.handle(.advertisement(received), at: at(.seconds(7)))
      #expect(directives == [.discard(flaw.reason, received.advertisement.vrid)])
    }
    #expect(router == before)
  }

  @Test("RX-11: VRRPv2 discards another interval than ours")
  func version2Interval() {
    var own = configuration()
    own.version = .v2
    var router = VRRPRouter(configurations: [own])
    _ = router.handle(.startup, at: at(.zero))
    var received = advertisement(200, every: 200)
    received.advertisement.version = .v2
    let before = router
    #expect(router.handle(.advertisement(received), at: at(.seconds(1))) == [.discard(.intervalMismatch, vrid(12))])
    #expect(router == before)
  }

  @Test("RX-1: a lowered bound is a bound", arguments: [(UInt8(63), false), (64, true), (255, true)])
  func loweredHopLimit(hopLimit: UInt8, accepted: Bool) {
    var own = configuration()
    own.minimumHopLimit = 64
    var router = VRRPRouter(configurations: [own])
    _ = router.handle(.startup, at: at(.zero))
    var received = advertisement(200)
    received.hopLimit = hopLimit
    let directives = router.handle(.advertisement(received), at: at(.seconds(1)))
    #expect(directives == (accepted ? [] : [.discard(.ttl, vrid(12))]))
    #expect((router[vrid(12)]?.router.activeRouter != nil) == accepted)
  }

  @Test("Not discarded: another interval, another list of addresses, and 255 heard by an owner")
  func accepted() {
    var router = VRRPRouter(configurations: [configuration(priority: 255)])
    _ = router.handle(.startup, at: at(.zero))
    var received = advertisement(255, every: 30)
    received.advertisement.addresses = [ip("10.0.0.77")]
    let directives = router.handle(.advertisement(received), at: at(.seconds(1)))
    #expect(router[vrid(12)]?.router.state.name == .backup, "erratum 8298: it is processed")
    #expect(directives.last.map { if case .perform = $0 { true } else { false } } == true)
  }

  /// The one address that a group's members may not share with us is our own: a stranger there may take part.
  @Test("RX-10: in a group any router may take part")
  func group() {
    var router = VRRPRouter(configurations: [configuration(transport: .multicast)])
    _ = router.handle(.startup, at: at(.zero))
    var received = advertisement(200)
    received.source = ip("10.0.0.66")
    received.destination = ip("224.0.0.18")
    #expect(router.handle(.advertisement(received), at: at(.seconds(1))) == [])
    #expect(router[vrid(12)]?.router.activeRouter?.address == ip("10.0.0.66"))
  }

  private func router(in state: StateName, transport: Transport) throws -> VRRPRouter {
    var router = VRRPRouter(configurations: [configuration(transport: transport)])
    if state != .initialize { _ = router.handle(.startup, at: at(.zero)) }
    if state == .active { _ = router.handle(.deadline, at: at(.seconds(5))) }
    try #require(router[vrid(12)]?.router.state.name == state)
    return router
  }
}
