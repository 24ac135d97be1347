// A whole cluster in virtual time. Every node is a VRRPRouter, driven as the daemon drives it, and every message goes
// through VRRPWire; only the kernel and the network are made up. The same cluster, incidents and seed give the same run,
// bit for bit.

import NetworkTypes
import VRRP
import VRRPWire

/// Advances from one thing that happens to the next; whoever calls ``next(until:)`` sees all that came of it.
public struct Simulation: Sendable {
  public private(set) var now = Instant(sinceBoot: .zero)
  var hosts: [Host]
  var clients: [Client]
  var segment: Segment
  var queue = EventQueue()
  var random: SplitMix64
  var occurrences: [Occurrence] = []
  /// Which host a datagram to this address reaches.
  var owners: [IPAddress: Int] = [:]

  /// From vipd's start to the first answer of its trackers.
  static let firstCheckDelay: Duration = .milliseconds(10)

  /// A cluster in which nothing runs yet.
  /// - Parameter random: every draw of the run is made from it.
  public init(_ cluster: SimulatedCluster, random: SplitMix64) {
    hosts = cluster.nodes.enumerated().map { index, node in
      Host(name: node.name, hardwareAddress: .simulated(index), configurations: node.virtualRouters)
    }
    clients = cluster.clients.map(Client.init)
    segment = Segment(endpoints: cluster.nodes.map(\.name) + cluster.clients)
    self.random = random
    for index in hosts.indices { learnAddresses(of: index) }
  }

  /// Has something befall the cluster at a time that is not past. What is scheduled first happens first.
  public mutating func schedule(_ incident: Incident, at time: Instant) {
    precondition(time >= now, "\(incident) at \(time), but it is \(now) already")
    queue.add(.incident(incident), at: time)
  }

  /// Advances to the next thing that happens, or to `limit` where nothing does before or at it.
  public mutating func next(until limit: Instant) -> Step? {
    let event = queue.nextTime ?? limit + .seconds(1)
    let deadline = hosts.indices.compactMap { index in hosts[index].nextDeadline.map { (time: $0, host: index) } }
      .min { ($0.time, $0.host) < ($1.time, $1.host) }
    // At the same time the event first: before a deadline, an overdue one too, the daemon drains what has arrived.
    if let deadline, max(deadline.time, now) < event, deadline.time <= limit {
      now = max(now, deadline.time)
      serveDeadline(of: deadline.host)
    } else if event <= limit, let first = queue.removeFirst() {
      now = event
      take(first)
    } else {
      now = limit
      return nil
    }
    defer { occurrences = [] }
    return Step(time: now, occurrences: occurrences)
  }
}

// MARK: - What happens to hosts

extension Simulation {
  private mutating func take(_ event: EventQueue.Event) {
    switch event {
    case .incident(let incident):
      occurrences.append(.incident(incident))
      segment.apply(incident)
      happen(incident)
    case .datagram(let datagram, let node):
      guard hosts[node].isOnNetwork else { return }
      deliver(.datagram(datagram), to: node)
    case .backlog(let input, let node):
      hosts[node].backlog -= 1
      hand(input, to: node)
    case .frame(let frame, let client):
      guard let (address, link) = clients[client].see(frame),
        let node = hosts.first(where: { $0.hardwareAddress == link })
      else { return }
      occurrences.append(.learned(client: clients[client].name, address, at: node.name))
    case .firstCheck(let tracker, let node):
      deliver(.tracker(tracker, isUp: hosts[node].trackers[tracker] ?? true), to: node)
    case .leaseEnd(let vrid, let node):
      checkLease(vrid, on: node)
    }
  }

  private mutating func happen(_ incident: Incident) {
    switch incident {
    case .start(let name): start(segment.number(of: name))
    case .crash(let name): hosts[segment.number(of: name)].losePower()
    case .kill(let name): hosts[segment.number(of: name)].loseProcess()
    case .stop(let name): deliver(.terminate, to: segment.number(of: name))
    case .drain(let name, let isForced): deliver(.drain(isForced: isForced), to: segment.number(of: name))
    case .resume(let name): deliver(.drain(isForced: nil), to: segment.number(of: name))
    case .upgrade(let name): deliver(.upgrade, to: segment.number(of: name))
    case .freeze(let name): hosts[segment.number(of: name)].isFrozen = true
    case .thaw(let name):
      thaw(segment.number(of: name))
    case .stall(let name, let duration): hosts[segment.number(of: name)].stalledUntil = now + duration
    case .linkDown(let name): setLink(of: segment.number(of: name), isUp: false)
    case .linkUp(let name): setLink(of: segment.number(of: name), isUp: true)
    case .tracker(let tracker, let name, let isUp):
      let node = segment.number(of: name)
      hosts[node].trackers[tracker] = isUp
      deliver(.tracker(tracker, isUp: isUp), to: node)
    case .reload(let name, let configurations):
      let node = segment.number(of: name)
      hosts[node].configurations = configurations
      learnAddresses(of: node)
      deliver(.reload, to: node)
    case .cut, .partition, .heal, .quality, .linkQuality: break  // The segment's
    }
  }

  private mutating func start(_ node: Int) {
    hosts[node].hasPower = true
    guard hosts[node].router == nil else {
      hosts[node].startsAgain = hosts[node].isStopping
      return
    }
    hosts[node].router = VRRPRouter(configurations: hosts[node].configurations)
    hosts[node].isSpinning = false
    occurrences.append(.noticed(hosts[node].name, .started(hosts[node].configurations)))
    if let obstacle = hosts[node].obstacle { tell(node, obstacle) }
    if let drain = hosts[node].drain { take(.drain(isForced: drain), on: node) }
    let resuming = takeStock(of: node)
    handle(.resume(resuming), on: node)
    for vrid in resuming.sorted() where hosts[node].router?[vrid]?.router.state.name != .active {
      letGo(of: vrid, on: node)
    }
    for tracker in hosts[node].configurations.trackerNames {
      queue.add(.firstCheck(tracker, node: node), at: now + Self.firstCheckDelay)
    }
  }

  /// What has waited is taken in first, and in order: a deadline at the same time comes after it.
  private mutating func thaw(_ node: Int) {
    hosts[node].isFrozen = false
    for input in hosts[node].inbox { lineUp(input, for: node) }
    hosts[node].inbox = []
  }

  private mutating func lineUp(_ input: Host.Input, for node: Int) {
    hosts[node].backlog += 1
    queue.add(.backlog(input, node: node), at: now)
  }

  mutating func letGo(of vrid: VRID, on node: Int) {
    guard let holding = hosts[node].held.removeValue(forKey: vrid) else { return }
    occurrences.append(.removed(hosts[node].name, vrid, holding.addresses))
  }

  private mutating func setLink(of node: Int, isUp: Bool) {
    guard hosts[node].linkIsUp != isUp else { return }
    hosts[node].linkIsUp = isUp
    deliver(.link(isUp: isUp), to: node)
  }

  private mutating func learnAddresses(of node: Int) {
    for family in hosts[node].configurations.flatMap(\.families) { owners[family.localAddress] = node }
  }
}

// MARK: - vipd, as its driver works

extension Simulation {
  /// What comes while older things wait comes after them.
  private mutating func deliver(_ input: Host.Input, to node: Int) {
    if hosts[node].backlog > 0 { lineUp(input, for: node) } else { hand(input, to: node) }
  }

  private mutating func hand(_ input: Host.Input, to node: Int) {
    guard hosts[node].hasPower, hosts[node].router != nil else { return }
    if hosts[node].isFrozen { hosts[node].inbox.append(input) } else { take(input, on: node) }
  }

  private mutating func take(_ input: Host.Input, on node: Int) {
    let name = hosts[node].name
    switch input {
    case .datagram(let datagram):
      receive(datagram, on: node)
    case .tracker(let tracker, let isUp):
      occurrences.append(.noticed(name, .tracker(tracker, isUp: isUp)))
      handle(.tracker(tracker, isUp: isUp), on: node)
    case .link(let isUp):
      occurrences.append(.noticed(name, .link(isUp: isUp)))
      tell(node, isUp ? nil : .interfaceDown("eth0"))
    case .reload:
      let configurations = hosts[node].configurations
      occurrences.append(.noticed(name, .reloaded(configurations)))
      checkNewTrackers(on: node)
      reconfigure(node, to: configurations)
    case .drain(let isForced):
      hosts[node].drain = isForced
      occurrences.append(.noticed(name, .drained(isForced: isForced)))
      handle(.drain(isForced: isForced), on: node)
    case .upgrade:
      handle(.affirm, on: node)
      guard let router = hosts[node].router else { return }
      hosts[node].router = VRRPRouter(
        configurations: router.members.map(\.router.configuration), remembering: router.memory)
    case .terminate:
      occurrences.append(.noticed(name, .stopped))
      hosts[node].isStopping = true
      handle(.shutdown, on: node)
    }
  }

  /// Before the new file counts: a tracker that was never checked would count as down, and move what is well.
  private mutating func checkNewTrackers(on node: Int) {
    let known = hosts[node].router?.trackers ?? [:]
    for tracker in hosts[node].configurations.trackerNames where known[tracker] == nil {
      take(.tracker(tracker, isUp: hosts[node].trackers[tracker] ?? true), on: node)
    }
  }

  /// First all that ends or must begin anew, so that its farewells go the old way; then what begins.
  private mutating func reconfigure(_ node: Int, to configurations: [VirtualRouterConfiguration]) {
    let known = hosts[node].router?.trackers ?? [:]
    let old = hosts[node].router?.members.map(\.router.configuration) ?? []
    let staying = configurations.filter { new in
      old.contains { $0.vrid == new.vrid && new.standsOnTheSame(as: $0) }
    }
    let obstacles = configurations.compactMap { new in hosts[node].obstacle.map { (new.vrid, $0) } }
    handle(.reconfigured(staying, trackers: known), on: node)
    handle(
      .reconfigured(configurations, obstacles: Dictionary(uniqueKeysWithValues: obstacles), trackers: known), on: node)
  }

  private mutating func tell(_ node: Int, _ obstacle: Obstacle?) {
    for member in hosts[node].router?.members ?? [] {
      handle(.obstacle(member.router.configuration.vrid, obstacle), on: node)
    }
  }

  private mutating func receive(_ datagram: ReceivedDatagram, on node: Int) {
    do throws(DiscardedMessage) {
      let decoded = try Advertisement.decode(
        datagram.payload, source: datagram.source, destination: datagram.destination)
      let received = ReceivedAdvertisement(
        decoded.advertisement, source: datagram.source, destination: datagram.destination, hopLimit: datagram.hopLimit)
      handle(.advertisement(received), on: node)
    } catch {
      occurrences.append(.unreadable(hosts[node].name, error))
    }
  }

  private mutating func serveDeadline(of node: Int) {
    handle(.deadline, on: node)
    if let next = hosts[node].router?.nextDeadline, next <= now {
      hosts[node].isSpinning = true
      occurrences.append(.spinning(hosts[node].name))
    }
  }

  private mutating func handle(_ event: VRRPRouter.Event, on node: Int) {
    if event != .deadline { hosts[node].isSpinning = false }
    // What leaves with a reload is still said farewell to its peers, so its configuration is looked up as it was.
    let before = hosts[node].router?.members.map(\.router.configuration) ?? []
    let directives = hosts[node].router?.handle(event, at: now) ?? []
    let isRoutine = event == .deadline && !directives.contains(where: \.isTransition)
    for directive in directives { perform(directive, on: node, before, isRoutine: isRoutine) }
    guard hosts[node].isStopping, hosts[node].router?.isIdle ?? true else { return }
    let startsAgain = hosts[node].startsAgain
    hosts[node].loseProcess()
    if startsAgain { start(node) }
  }

  private mutating func perform(
    _ directive: VRRPRouter.Directive, on node: Int, _ before: [VirtualRouterConfiguration], isRoutine: Bool
  ) {
    let name = hosts[node].name
    switch directive {
    case .discard(let reason, let vrid):
      occurrences.append(.discarded(name, reason, vrid))
    case .perform(let vrid, .sendAdvertisement(let advertisement, let recipients)):
      guard
        let configuration = hosts[node].router?[vrid]?.router.configuration ?? before.first(where: { $0.vrid == vrid })
      else { return }
      send(advertisement, to: recipients, configuration, from: node, isRoutine: isRoutine)
    case .perform(let vrid, .installAddresses(let addresses)):
      hold(addresses, vrid, on: node)
      occurrences.append(.installed(name, vrid, addresses))
    case .perform(let vrid, .renewAddresses(let addresses)):
      hold(addresses, vrid, on: node)
    case .perform(let vrid, .removeAddresses(let addresses)), .perform(let vrid, .retireAddresses(let addresses)):
      release(addresses, vrid, on: node)
      occurrences.append(.removed(name, vrid, addresses))
    case .perform(_, .forwardConnections):
      break  // No connections here.
    case .perform(let vrid, .announceAddresses(let addresses)):
      for address in addresses { announce(address.address.address, of: vrid, at: node, from: node) }
    case .perform(let vrid, .commendAddresses(let addresses, let peer)):
      guard let holder = owners[peer] else { return }
      for address in addresses { announce(address.address.address, of: vrid, at: holder, from: node) }
    case .perform(let vrid, .transition(let transition)):
      occurrences.append(.transition(name, vrid, transition))
    }
  }
}

extension VRRPRouter.Directive {
  fileprivate var isTransition: Bool {
    if case .perform(_, .transition) = self { true } else { false }
  }
}
