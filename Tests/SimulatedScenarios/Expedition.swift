// A scenario that chance has made: a small cluster and a short run of incidents, after which everything is made whole.

import FailoverSimulation
import NetworkTypes
import VRRP

/// Draws scenarios. The same seed draws the same one.
package struct Expedition {
  private var random: SplitMix64
  private var scenario: Scenario
  private var now: Duration = .zero
  private let interval: AdvertisementInterval
  /// The longest that any file has said so far.
  private var longest: AdvertisementInterval
  private var frozen: Set<String> = []
  /// A change of the file that some nodes have read and these have not yet.
  private var rollout: [Scenario.Happening] = []

  /// - Parameter seed: draws the scenario, and is the seed of its run.
  package static func scenario(seed: UInt64) -> Scenario {
    var expedition = Expedition(seed: seed)
    expedition.drawSchedule()
    return expedition.scenario
  }

  private init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    let centiseconds = [100, 100, 10, 10, 1, 3, 300, 4000, 1 + random.below(4000)]
    interval = given(AdvertisementInterval(centiseconds: centiseconds[random.below(centiseconds.count)]))
    longest = interval
    scenario = Scenario(seed: seed)
    drawCluster()
  }

  private mutating func chance(_ perMille: Int) -> Bool { random.happens(perMille: perMille) }
  private mutating func one<Element>(of elements: [Element]) -> Element { elements[random.below(elements.count)] }
}

// MARK: - The cluster

extension Expedition {
  private mutating func drawCluster() {
    let families: [IPFamily] = one(of: [[.ipv4], [.ipv4], [.ipv6], [.ipv4, .ipv6]])
    // Addresses in an order of their own in each family, so that a tie could be broken two ways.
    let count = 2 + random.below(4)
    let shift = random.below(count)
    scenario.blueprint.nodes = (0..<count).map { index in
      let addresses = families.map { family in
        let number = 31 + (family == .ipv4 ? index : (count - index + shift) % count)
        return given(IPAddress(family == .ipv4 ? "10.0.10.\(number)" : "fd10::\(number)"))
      }
      return Blueprint.Node(name: "n\(index + 1)", addresses: addresses)
    }
    scenario.blueprint.clients = ["laptop"]
    let trackers = ["docker", "proxy", "quorum"].prefix(random.below(4))
    for index in 0..<(1 + random.below(2)) {
      scenario.blueprint.routers.append(drawRouter(index, families, Array(trackers)))
    }
  }

  private mutating func drawRouter(_ index: Int, _ families: [IPFamily], _ trackers: [String]) -> Blueprint.Router {
    let addresses = families.flatMap { family in
      family == .ipv4
        ? ["10.0.10.\(39 + index)/24"] : ["fe80::\(12 + index)/64", "fd10::\(39 + index)/64"]
    }
    let ties = chance(200)
    let nodes = scenario.blueprint.nodes.map(\.name)
    let members = nodes.map { node in
      let number = ties ? 100 : chance(30) ? 254 : 1 + random.below(254)
      return Blueprint.Member(node: node, priority: Priority(clamping: number))
    }
    var router = Blueprint.Router(
      name: "r\(index + 1)", vrid: given(VRID(rawValue: UInt8(12 + index))),
      addresses: addresses.map { given(InterfaceAddress($0)) }, members: members, interval: interval)
    router.preemption = drawPreemption()
    if chance(350) { router.transport = .multicast }
    // Most hold: who has given way waits for so long that little else happens.
    router.givesWay = chance(250)
    if families == [.ipv4], interval.centiseconds.isMultiple(of: 100), chance(600) {
      router.version = .v2
      if chance(500) { router.password = given(SimplePassword("s3cret")) }
    }
    for tracker in trackers {
      let weight = chance(150) ? 0 : chance(300) ? 1 + random.below(120) : -1 - random.below(253)
      router.trackers.append(TrackerWeight(tracker: tracker, weight: weight))
    }
    router.releasesWhenUnfit = chance(150)
    if chance(30) { router.members[random.below(nodes.count)].priority = .addressOwner }
    return router
  }

  private mutating func drawPreemption() -> Preemption {
    switch random.below(8) {
    case 0...3: .immediate
    case 4: .rfc
    case 5, 6: .never
    default: .after(interval.duration * random.below(5))
    }
  }
}

// MARK: - The schedule

extension Expedition {
  private mutating func drawSchedule() {
    if chance(500) { happen(.quality(drawQuality(isClean: true))) }
    for node in scenario.blueprint.nodes.map(\.name) {
      happen(.start(node))
      if chance(300) { now += random.duration(upTo: interval.duration * 4) }
    }
    for _ in 0..<(2 + random.below(6)) {
      drawPause()
      if !rollout.isEmpty, chance(600) { rollOut() } else { drawIncident() }
    }
    drawPause()
    while !rollout.isEmpty {
      rollOut()
      drawPause()
    }
    // Made whole, and given the time that it may take.
    happen(.heal)
    happen(.quality(drawQuality(isClean: true)))
    for node in frozen.sorted() { happen(.thaw(node)) }
    for node in scenario.blueprint.nodes.map(\.name) where chance(300) {
      happen(.linkUp(node))
      happen(.start(node))
    }
    scenario.end = now + settling + deference
  }

  private mutating func happen(_ incident: Incident) { happen(.incident(incident)) }

  private mutating func happen(_ happening: Scenario.Happening) {
    scenario.script.append(Scenario.Entry(time: now, happening: happening))
  }

  /// The next node reads the new file.
  private mutating func rollOut() { happen(rollout.removeFirst()) }

  /// The checkers' bound, with `preempt` delayed for four intervals, and what announcing takes.
  private var settling: Duration { longest.duration * 9 + interval.duration * 4 + .milliseconds(600) }

  /// For how long one gives way the first time to a rival that does not hear it.
  private var deference: Duration {
    scenario.blueprint.routers.contains(where: \.givesWay) ? max(.seconds(10), longest.duration * 10) : .zero
  }

  /// From none at all to long enough for everything to settle.
  private mutating func drawPause() {
    switch random.below(6) {
    case 0: break
    case 1: now += random.duration(upTo: .milliseconds(1))
    case 2, 3: now += random.duration(upTo: interval.duration * 4)
    default: now += settling + random.duration(upTo: interval.duration * 2)
    }
  }

  private mutating func drawQuality(isClean: Bool) -> LinkQuality {
    var quality = LinkQuality(
      latency: .microseconds(50 + random.below(400)), jitter: .microseconds(random.below(300)))
    guard !isClean else { return quality }
    if chance(700) { quality.lossPerMille = random.below(400) }
    if chance(300) { quality.duplicationPerMille = random.below(300) }
    if chance(300) {
      quality.reorderingPerMille = random.below(300)
      quality.reorderingDelay = .microseconds(1 + random.below(20_000))
    }
    return quality
  }

  private mutating func drawIncident() {
    let nodes = scenario.blueprint.nodes.map(\.name)
    let node = one(of: nodes)
    let trackers = scenario.blueprint.routers.flatMap(\.trackers).map(\.tracker)
    switch random.below(28) {
    case 0: happen(.crash(node))
    case 22: happen(.kill(node))
    case 24: happen(.drain(node, isForced: chance(300)))
    case 25, 26: happen(.resume(node))
    case 27: happen(.upgrade(node))
    case 23:
      happen(.kill(node))
      now += random.duration(upTo: interval.duration * 2)
      happen(.start(node))
    case 1: happen(.stop(node))
    case 2, 3: happen(.start(node))
    case 4: happen(.freeze(node)); frozen.insert(node)
    case 5:
      for node in frozen.sorted() { happen(.thaw(node)) }
      frozen = []
    case 6: happen(.stall(node, random.duration(upTo: interval.duration * 5)))
    case 7: happen(.linkDown(node))
    case 8: for node in nodes { happen(.linkUp(node)) }
    case 9, 10, 11, 12:
      guard !trackers.isEmpty else { return }
      happen(.tracker(one(of: trackers), on: node, isUp: chance(400)))
    case 13:
      guard !trackers.isEmpty else { return }
      drawFlaps(of: one(of: trackers), on: node)
    case 14, 15: drawReload(on: node)
    case 16: happen(.cut(from: node, to: one(of: nodes + ["laptop"]), one(of: [nil, .ipv4, .ipv6])))
    case 17: drawOneWayPartition(of: node)
    case 18: drawPartition()
    case 19: happen(.heal)
    case 20: happen(.linkQuality(drawQuality(isClean: false), from: node, to: one(of: nodes + ["laptop"])))
    default: happen(.quality(drawQuality(isClean: chance(300))))
    }
  }

  /// Ends where it began, or not.
  private mutating func drawFlaps(of tracker: String, on node: String) {
    for flap in 0..<(2 + random.below(4)) {
      happen(.tracker(tracker, on: node, isUp: !flap.isMultiple(of: 2)))
      now += random.duration(upTo: interval.duration)
    }
  }

  /// The node is heard by nobody, or hears nobody.
  private mutating func drawOneWayPartition(of node: String) {
    let speaks = chance(500)
    for other in scenario.blueprint.nodes.map(\.name) where other != node {
      happen(.cut(from: speaks ? node : other, to: speaks ? other : node, nil))
    }
  }

  private mutating func drawPartition() {
    var groups: [[String]] = [[], []]
    for name in scenario.blueprint.nodes.map(\.name) + ["laptop"] {
      // A host that is in neither reaches both.
      if !chance(100) { groups[random.below(2)].append(name) }
    }
    happen(.partition(groups))
  }
}

// MARK: - Reloads

extension Expedition {
  /// One node reads a new file; often the others do too, one after another and with whatever happens between.
  private mutating func drawReload(on first: String) {
    guard rollout.isEmpty else { return rollOut() }
    let router = one(of: scenario.blueprint.routers)
    let change = drawChange(of: router)
    happen(.reload(first, router: router.name, change))
    if chance(200) {
      // Others have to notice, by what they have heard and not by their own file, that it leaves.
      now += settling
      happen(one(of: [.stop(first), .crash(first)]))
    }
    guard chance(600) else { return }
    for node in shuffled(scenario.blueprint.nodes.map(\.name)) where node != first {
      rollout.append(.reload(node, router: router.name, change))
    }
  }

  private mutating func drawChange(of router: Blueprint.Router) -> Scenario.Change {
    switch random.below(12) {
    case 0, 1: .interval(drawInterval(of: router))
    case 2: .preemption(drawPreemption())
    case 3: .addresses(Array(router.addresses.dropLast(router.addresses.count > 1 ? 1 : 0)))
    case 4: .addresses(router.addresses + [anotherAddress(for: router)])
    case 5: .priority(drawPriority())
    case 6: .priorities(router.members.map { Blueprint.Member(node: $0.node, priority: drawPriority()) })
    case 7, 8: .weight(tracker: one(of: ["docker", "proxy"]), chance(200) ? 0 : random.below(400) - 254)
    case 9: .version(router.version == .v2 ? .v3 : versionTwo(for: router) ?? .v3)
    case 10: .transport(router.transport == .unicast ? .multicast : .unicast)
    default: .removal
    }
  }

  private mutating func drawPriority() -> Priority { Priority(clamping: 1 + random.below(254)) }

  /// Version 2 knows whole seconds only. Its routers do not hear each other until all have the new interval (RX-11).
  private mutating func drawInterval(of router: Blueprint.Router) -> AdvertisementInterval {
    let unit = interval.centiseconds.isMultiple(of: 100) ? 100 : 1
    let part = 1 + random.below(3)
    let centiseconds = chance(500) ? interval.centiseconds / part : interval.centiseconds * part
    let drawn = given(AdvertisementInterval(centiseconds: min(max(centiseconds / unit, 1) * unit, 4095 / unit * unit)))
    longest = max(longest, drawn)
    return drawn
  }

  /// One of its own: two virtual routers with the same address no file may have.
  private func anotherAddress(for router: Blueprint.Router) -> InterfaceAddress {
    let number = 60 + Int(router.vrid.rawValue)
    return given(
      InterfaceAddress(
        router.addresses.last?.family == .ipv6 ? "fd10::\(number)/64" : "10.0.10.\(number)/24"))
  }

  /// Where it can be spoken: IPv4 alone, and whole seconds.
  private func versionTwo(for router: Blueprint.Router) -> VRRPVersion? {
    router.addresses.allSatisfy { $0.family == .ipv4 } && interval.centiseconds.isMultiple(of: 100) ? .v2 : nil
  }

  private mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var rest = elements
    return elements.map { _ in rest.remove(at: random.below(rest.count)) }
  }
}
