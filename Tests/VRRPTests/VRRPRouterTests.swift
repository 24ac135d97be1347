// Several virtual routers on one node: who an event is for, and what trackers, obstacles and a new file mean to each.

import NetworkTypes
import Testing
import VRRP

@Suite("All virtual routers of a node")
struct VRRPRouterTests {
  private let first = vrid(12)
  private let second = vrid(13)

  @Test("Each virtual router has its own timers and hears its own advertisements")
  func independence() {
    var node = VRRPRouter(configurations: [
      configuration(vrid: first, priority: 100), configuration(vrid: second, priority: 200, every: 10),
    ])
    #expect(node.nextDeadline == nil)
    let started = node.handle(.startup, at: at(.zero))
    #expect(transitions(started) == ["12 initialize → backup", "13 initialize → backup"])
    #expect(node.nextDeadline == at(.microseconds(321_875)), "the earlier of the two: 300 ms + 56/256 × 100 ms")

    _ = node.handle(.advertisement(advertisement(250, vrid: first)), at: at(.milliseconds(100)))
    #expect(node[second]?.router.activeRouter == nil)

    let fired = node.handle(.deadline, at: at(.milliseconds(322)))
    #expect(transitions(fired) == ["13 backup → active"])
    #expect(states(node) == [.backup, .active])
  }

  @Test("A deadline that has not come changes nothing")
  func earlyDeadline() {
    var node = VRRPRouter(configurations: [configuration(vrid: first), configuration(vrid: second)])
    _ = node.handle(.startup, at: at(.zero))
    let before = node
    #expect(node.handle(.deadline, at: at(.seconds(1))) == [])
    #expect(node == before)
  }

  @Test("Startup and shutdown are for all; doing either twice is harmless")
  func startupAndShutdown() {
    var node = VRRPRouter(configurations: [configuration(vrid: first), configuration(vrid: second, priority: 255)])
    #expect(node.handle(.shutdown, at: at(.zero)) == [])
    _ = node.handle(.startup, at: at(.zero))
    #expect(states(node) == [.backup, .active])
    let before = node
    #expect(node.handle(.startup, at: at(.seconds(1))) == [])
    #expect(node == before)

    let stopped = node.handle(.shutdown, at: at(.seconds(1)))
    #expect(transitions(stopped) == ["12 backup → initialize"])
    #expect(sent(stopped) == [0])
    #expect(node.handle(.shutdown, at: at(.milliseconds(1100))) == [])
    #expect(!node.isIdle, "no successor was heard yet")
    #expect(transitions(node.handle(.deadline, at: at(.milliseconds(2020)))) == ["13 active → initialize"])
    #expect(states(node) == [.initialize, .initialize])
    #expect(node.nextDeadline == nil)
    #expect(node.isIdle)
  }

  @Test("Trackers: those not checked yet count as down, so that nobody starts with a claim it may not have")
  func unknownTrackers() {
    let own = configuration(priority: 200, trackers: [TrackerWeight(tracker: "docker", weight: -120)])
    var node = VRRPRouter(configurations: [own])
    _ = node.handle(.startup, at: at(.zero))
    #expect(node[first]?.router.priority == priority(80))

    #expect(node.handle(.tracker("docker", isUp: true), at: at(.seconds(1))) == [])
    #expect(node[first]?.router.priority == priority(200))
    #expect(node[first]?.fitness.adjustments == [])
  }

  @Test("Trackers: each virtual router has its own weight, and a holder tells at once")
  func weights() {
    var node = VRRPRouter(configurations: [
      configuration(vrid: first, priority: 200, trackers: [TrackerWeight(tracker: "docker", weight: -120)]),
      configuration(vrid: second, priority: 100, trackers: [TrackerWeight(tracker: "proxy", weight: 20)]),
    ])
    _ = node.handle(.tracker("docker", isUp: true), at: at(.zero))
    _ = node.handle(.startup, at: at(.zero))
    _ = node.handle(.deadline, at: at(.seconds(4)))
    #expect(states(node) == [.active, .active])

    #expect(sent(node.handle(.tracker("docker", isUp: false), at: at(.seconds(5)))) == [80])
    #expect(sent(node.handle(.tracker("docker", isUp: false), at: at(.seconds(6)))) == [], "no news")
    #expect(sent(node.handle(.tracker("proxy", isUp: true), at: at(.seconds(7)))) == [120])
    #expect(sent(node.handle(.tracker("nobody's", isUp: true), at: at(.seconds(8)))) == [])
  }

  @Test("Trackers: weight 0 releases the addresses, and takes part again when it is up")
  func release() {
    let own = configuration(priority: 200, trackers: [TrackerWeight(tracker: "docker", weight: 0)])
    var node = VRRPRouter(configurations: [own])
    #expect(node.handle(.startup, at: at(.zero)) == [])
    #expect(node[first]?.obstacle == .trackerUnchecked("docker"))

    let joined = node.handle(.tracker("docker", isUp: true), at: at(.seconds(1)))
    #expect(transitions(joined) == ["12 initialize → backup"])
    _ = node.handle(.deadline, at: at(.seconds(5)))
    let left = node.handle(.tracker("docker", isUp: false), at: at(.seconds(6)))
    #expect(sent(left) == [0])
    #expect(
      left.last
        == .perform(
          first,
          .transition(Transition(from: .active, to: .initialize, reason: .obstacle(.trackerDown("docker"))))))
  }

  @Test("Trackers: the priority is set before taking part, so that the timers are right")
  func priorityBeforeStartup() {
    let own = configuration(
      priority: 228,
      trackers: [TrackerWeight(tracker: "docker", weight: -128), TrackerWeight(tracker: "gate", weight: 0)])
    var node = VRRPRouter(configurations: [own])
    _ = node.handle(.startup, at: at(.zero))
    _ = node.handle(.tracker("gate", isUp: true), at: at(.zero))
    #expect(node.nextDeadline == at(.microseconds(3_609_375)), "as priority 100")
  }

  @Test("Obstacles: one virtual router leaves, and comes back by itself")
  func obstacles() {
    var node = VRRPRouter(configurations: [configuration(vrid: first, priority: 255), configuration(vrid: second)])
    _ = node.handle(.obstacle(first, .interfaceDown("eth0")), at: at(.zero))
    _ = node.handle(.startup, at: at(.zero))
    #expect(states(node) == [.initialize, .backup])
    #expect(node[first]?.obstacle == .interfaceDown("eth0"))

    #expect(node.handle(.obstacle(first, .interfaceMissing("eth0")), at: at(.seconds(1))) == [], "another reason")
    #expect(transitions(node.handle(.obstacle(first, nil), at: at(.seconds(2)))) == ["12 initialize → active"])
    #expect(sent(node.handle(.obstacle(first, .interfaceDown("eth0")), at: at(.seconds(3)))) == [0])
    #expect(node.handle(.obstacle(vrid(99), .interfaceDown("eth9")), at: at(.seconds(4))) == [], "no such one")
    #expect(states(node) == [.initialize, .backup])
  }

  @Test("Obstacles: the host's counts before a tracker's, and both must go")
  func bothObstacles() {
    let own = configuration(trackers: [TrackerWeight(tracker: "docker", weight: 0)])
    var node = VRRPRouter(configurations: [own])
    _ = node.handle(.startup, at: at(.zero))
    _ = node.handle(.obstacle(first, .interfaceDown("eth0")), at: at(.zero))
    #expect(node[first]?.obstacle == .interfaceDown("eth0"))
    _ = node.handle(.obstacle(first, nil), at: at(.zero))
    #expect(node[first]?.obstacle == .trackerUnchecked("docker"))
    #expect(states(node) == [.initialize])
    _ = node.handle(.tracker("docker", isUp: true), at: at(.zero))
    #expect(states(node) == [.backup])
  }

  @Test("Before startup and after shutdown nothing moves: trackers and obstacles are only noted")
  func stopped() {
    var node = VRRPRouter(configurations: [
      configuration(priority: 200, trackers: [TrackerWeight(tracker: "docker", weight: -120)])
    ])
    for event: VRRPRouter.Event in [
      .tracker("docker", isUp: true), .obstacle(first, .interfaceDown("eth0")), .obstacle(first, nil), .deadline,
      .advertisement(advertisement(200)), .tracker("docker", isUp: false),
    ] {
      #expect(node.handle(event, at: at(.zero)) == [])
      #expect(states(node) == [.initialize])
    }
  }

  // MARK: - Helpers

  private func states(_ node: VRRPRouter) -> [StateName] { node.members.map(\.router.state.name) }
}

@Suite("A changed file, for a whole node")
struct VRRPRouterReconfigurationTests {
  private let first = vrid(12)
  private let second = vrid(13)

  @Test("The same file again changes nothing at all")
  func unchanged() {
    let own = [configuration(vrid: first, priority: 255), configuration(vrid: second)]
    var node = started(own)
    let before = node
    #expect(node.handle(.reconfigured(own, obstacles: [:]), at: at(.seconds(1))) == [])
    #expect(node == before)
  }

  @Test("A new one starts, a removed one leaves, and the one between is not touched")
  func addedAndRemoved() {
    var node = started([configuration(vrid: first, priority: 255), configuration(vrid: second, priority: 255)])
    let kept = node[second]
    let third = vrid(14)

    let directives = node.handle(
      .reconfigured([configuration(vrid: third), configuration(vrid: second, priority: 255)], obstacles: [:]),
      at: at(.seconds(1)))

    #expect(transitions(directives) == ["12 active → initialize", "14 initialize → backup"])
    #expect(sent(directives) == [0])
    #expect(node.members.map(\.router.configuration.vrid) == [third, second], "in the new file's order")
    #expect(node[second] == kept)
    #expect(node[first] == nil)
  }

  @Test("A new one may have an obstacle, which keeps it out")
  func newWithObstacle() {
    var node = started([configuration(vrid: first)])
    let directives = node.handle(
      .reconfigured(
        [configuration(vrid: first), configuration(vrid: second)], obstacles: [second: .interfaceMissing("eth1")]),
      at: at(.seconds(1)))
    #expect(directives == [])
    #expect(node[second]?.obstacle == .interfaceMissing("eth1"))
    #expect(transitions(node.handle(.obstacle(second, nil), at: at(.seconds(2)))) == ["13 initialize → backup"])
  }

  @Test("An obstacle that is known stays, whatever the file says of the others")
  func keptObstacle() {
    var node = started([configuration(vrid: first)])
    _ = node.handle(.obstacle(first, .interfaceDown("eth0")), at: at(.seconds(1)))
    _ = node.handle(.reconfigured([configuration(vrid: first, priority: 120)], obstacles: [:]), at: at(.seconds(2)))
    #expect(node[first]?.obstacle == .interfaceDown("eth0"))
    #expect(node[first]?.router.priority == priority(120))
  }

  @Test("Another name is told to nobody")
  func renamed() {
    var node = started([configuration(name: "ingress", priority: 255)])
    let directives = node.handle(
      .reconfigured([configuration(name: "front", priority: 255)], obstacles: [:]), at: at(.seconds(1)))
    #expect(directives == [])
    #expect(node[first]?.router.configuration.name == "front")
    #expect(node[first]?.router.state.name == .active)
  }

  @Test("Another priority is told at once, without leaving")
  func otherPriority() {
    var node = started([configuration(priority: 100)])
    _ = node.handle(.deadline, at: at(.seconds(4)))
    let directives = node.handle(.reconfigured([configuration(priority: 150)], obstacles: [:]), at: at(.seconds(5)))
    #expect(sent(directives) == [150])
    #expect(node[first]?.router.state.name == .active)
  }

  @Test(
    "What it stands on is another: it leaves with priority 0, and starts anew",
    arguments: ["local address", "interface", "transport", "version", "families", "owner"])
  func otherGround(what: String) throws {
    var own = configuration(priority: what == "owner" ? 254 : 100)
    if what == "interface" { own.families[0].interface = "eth0" }
    var new = own
    switch what {
    case "local address": new.families[0].localAddress = ip("10.0.0.9")
    case "interface": new.families[0].interface = "eth1"
    case "transport": new.transport = .multicast
    case "version": new.version = .v2
    case "families": new.families = configuration(families: [.ipv4, .ipv6]).families
    default: new.priority = .addressOwner
    }
    var node = started([own])
    _ = node.handle(.deadline, at: at(.seconds(4)))
    try #require(node[first]?.router.state.name == .active)

    let directives = node.handle(.reconfigured([new], obstacles: [:]), at: at(.seconds(5)))

    #expect(sent(directives.prefix(1)) == [0], "the farewell is in the old configuration's words")
    #expect(directives.dropFirst().first == .perform(first, .removeAddresses(own.addresses)))
    let next = what == "owner" ? "active" : "backup"
    #expect(transitions(directives) == ["12 active → initialize", "12 initialize → \(next)"])
    #expect(node[first]?.router.configuration == new)
  }

  @Test("Other trackers count from now on; one that was dropped must be checked anew if it comes back")
  func otherTrackers() {
    let docker = TrackerWeight(tracker: "docker", weight: -20)
    let proxy = TrackerWeight(tracker: "proxy", weight: -50)
    var node = VRRPRouter(configurations: [configuration(trackers: [docker])])
    _ = node.handle(.tracker("docker", isUp: true), at: at(.zero))
    _ = node.handle(.startup, at: at(.zero))
    #expect(node[first]?.router.priority == priority(100))

    // A daemon that checks the new one first, and then takes the new file, sees no dip.
    _ = node.handle(.tracker("proxy", isUp: true), at: at(.seconds(1)))
    _ = node.handle(.reconfigured([configuration(trackers: [docker, proxy])], obstacles: [:]), at: at(.seconds(1)))
    #expect(node[first]?.router.priority == priority(100))

    _ = node.handle(.reconfigured([configuration(trackers: [proxy])], obstacles: [:]), at: at(.seconds(2)))
    #expect(node.trackers == ["proxy": true])
    _ = node.handle(.reconfigured([configuration(trackers: [docker])], obstacles: [:]), at: at(.seconds(3)))
    #expect(node[first]?.router.priority == priority(80))
  }

  @Test("Before startup a new file only takes the old one's place")
  func beforeStartup() {
    var node = VRRPRouter(configurations: [configuration(vrid: first)])
    #expect(node.handle(.reconfigured([configuration(vrid: second)], obstacles: [:]), at: at(.zero)) == [])
    #expect(node == VRRPRouter(configurations: [configuration(vrid: second)]))
  }

  private func started(_ configurations: [VirtualRouterConfiguration]) -> VRRPRouter {
    var node = VRRPRouter(configurations: configurations)
    _ = node.handle(.startup, at: at(.zero))
    return node
  }
}

/// `12 backup → active` for each transition.
private func transitions(_ directives: [VRRPRouter.Directive]) -> [String] {
  directives.compactMap { directive in
    guard case .perform(let vrid, .transition(let transition)) = directive else { return nil }
    return "\(vrid) \(transition.from.rawValue) → \(transition.to.rawValue)"
  }
}

/// The priority fields of what is sent.
private func sent(_ directives: some Sequence<VRRPRouter.Directive>) -> [UInt8] {
  directives.compactMap { directive in
    guard case .perform(_, .sendAdvertisement(let advertisement, to: .everyone)) = directive else { return nil }
    return advertisement.priority.fieldValue
  }
}
