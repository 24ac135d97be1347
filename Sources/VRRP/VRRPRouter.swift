// All virtual routers of one node: who an advertisement is for, what the node's trackers and links mean for each.
//
// Still a value without clock and I/O. The daemon's driver and the simulator are two shells around it.

import NetworkTypes

/// A VRRP Router: this node's part in every virtual router of the cluster file. RFC 9568 §1.7
public struct VRRPRouter: Sendable, Hashable {
  public enum Event: Sendable, Hashable {
    /// Begin to take part in all virtual routers that nothing keeps us from.
    case startup
    /// The same, in some as the holder that this node was until just now (``VirtualRouter/Event/resume``).
    case resume(Set<VRID>)
    /// Stop taking part in all of them.
    case shutdown
    /// The time of ``VRRPRouter/nextDeadline`` has come.
    case deadline
    /// The driver runs, for whatever reason. Where it did not for long, what is held is let go of before that reason
    /// is looked into.
    case awake
    case advertisement(ReceivedAdvertisement)
    /// Another host has told the neighbours that this virtual router's addresses are its own.
    case contested(VRID)
    /// The driver is about to be away for a moment.
    case affirm
    /// A tracker changed, or was checked for the first time.
    ///
    /// - Parameter worth: what it adds to the priority in place of its weight, while it is up.
    case tracker(String, isUp: Bool, worth: Int? = nil)
    /// An admin has the node stay away from all virtual routers, forced or not, or (nil) come back.
    case drain(isForced: Bool?)
    /// The host's network keeps us from taking part in one virtual router, or (nil) no longer does.
    case obstacle(VRID, Obstacle?)
    /// The file was read again. Obstacles of the virtual routers that are new or stand on other addresses come along, and
    /// what is known of trackers, which may be new too.
    case reconfigured([VirtualRouterConfiguration], obstacles: [VRID: Obstacle] = [:], trackers: [String: Bool] = [:])
  }

  /// What the caller must do, in the order returned.
  public enum Directive: Sendable, Hashable {
    case perform(VRID, VirtualRouter.Action)
    /// The advertisement changed nothing: count it.
    case discard(DiscardReason, VRID)
  }

  /// In the file's order.
  public internal(set) var members: [Member]
  /// Which trackers are up. Those that were not checked yet are missing.
  public internal(set) var trackers: [String: Bool] = [:]
  /// What trackers add to the priority in place of their weights.
  public internal(set) var worths: [String: Int] = [:]
  var isStarted = false
  /// Set while the node shall stay away: whether at any price.
  var drain: Bool?

  public struct Member: Sendable, Hashable {
    public internal(set) var router: VirtualRouter
    public internal(set) var fitness: Fitness
    var hostObstacle: Obstacle?
    /// While it resumes: trackers that were not checked yet are taken for up, as they were when it became the holder. It
    /// would otherwise give away what it has, and take it back a moment later.
    var isResuming = false

    var drain: Bool?

    /// Why the node takes no part in this one; nil where it does.
    public var obstacle: Obstacle? { hostObstacle ?? fitness.obstacle ?? drain.map { .drained(isForced: $0) } }

    func isDue(at now: Instant) -> Bool { router.nextDeadline.map { $0 <= now } ?? false }

    init(_ configuration: VirtualRouterConfiguration, trackers: [String: Bool], hostObstacle: Obstacle?) {
      fitness = Fitness(of: configuration, trackers: trackers)
      router = VirtualRouter(configuration: configuration)
      self.hostObstacle = hostObstacle
    }
  }

  /// - Parameter configurations: each VRID at most once.
  public init(configurations: [VirtualRouterConfiguration]) {
    members = configurations.map { Member($0, trackers: [:], hostObstacle: nil) }
  }

  /// The earliest deadline of all virtual routers.
  public var nextDeadline: Instant? { members.lazy.compactMap(\.router.nextDeadline).min() }

  /// Whether it is still to be seen who takes over from this node.
  public var isLeaving: Bool {
    members.contains { member in
      if case .active(let active) = member.router.state { active.departure != nil } else { false }
    }
  }

  /// Whether nothing is left to do after ``Event/shutdown``: every successor has been heard, or was waited for in vain.
  public var isIdle: Bool { members.allSatisfy { $0.router.state == .initialize } }

  public subscript(vrid: VRID) -> Member? { members.first { $0.router.configuration.vrid == vrid } }

  /// Takes in one event that happened at `now`, and returns what is to be done about it, in order.
  public mutating func handle(_ event: Event, at now: Instant) -> [Directive] {
    switch event {
    case .startup:
      isStarted = true
      return members.indices.flatMap { settle($0, at: now) }
    case .resume(let resuming):
      isStarted = true
      for index in members.indices where resuming.contains(members[index].router.configuration.vrid) {
        members[index].isResuming = true
      }
      return members.indices.flatMap { resume($0, at: now) + settle($0, at: now) }
    case .shutdown:
      isStarted = false
      return members.indices.flatMap { settle($0, at: now) }
    case .deadline:
      // Only those whose time has come: there may be hundreds, and each has a timer of its own.
      return members.indices.flatMap { members[$0].isDue(at: now) ? pass(.deadline, to: $0, at: now) : [] }
    case .affirm:
      return members.indices.flatMap { pass(.affirm, to: $0, at: now) }
    case .contested(let vrid):
      return index(of: vrid).map { pass(.contested, to: $0, at: now) } ?? []
    case .awake:
      return members.indices.flatMap { index in
        let vrid = members[index].router.configuration.vrid
        return members[index].router.fence(at: now).map { Directive.perform(vrid, $0) }
      }
    case .advertisement(let received):
      return receive(received, at: now)
    case .tracker(let name, let isUp, let worth):
      trackers[name] = isUp
      worths[name] = worth
      return members.indices.flatMap { settle($0, at: now) }
    case .drain(let isForced):
      drain = isForced
      return members.indices.flatMap { settle($0, at: now) }
    case .obstacle(let vrid, let obstacle):
      guard let index = index(of: vrid) else { return [] }
      members[index].hostObstacle = obstacle
      return settle(index, at: now)
    case .reconfigured(let configurations, let obstacles, let known):
      trackers.merge(known) { _, new in new }
      return reconfigure(configurations, obstacles, at: now)
    }
  }
}

// MARK: - Receiving (RFC 9568 §7.1)

extension VRRPRouter {
  /// Why an advertisement would be discarded now; nil where it would not. For those that are only counted.
  public func discardReason(for received: ReceivedAdvertisement) -> DiscardReason? {
    guard let member = self[received.advertisement.vrid] else { return .vrid }
    return member.router.configuration.discards(received)
  }

  /// The checks that need to know what is configured; those of the message alone were made when it was parsed.
  private mutating func receive(_ received: ReceivedAdvertisement, at now: Instant) -> [Directive] {
    let vrid = received.advertisement.vrid
    guard let index = index(of: vrid) else { return [.discard(.vrid, vrid)] }  // RX-6
    let configuration = members[index].router.configuration
    if let reason = configuration.discards(received) { return [.discard(reason, vrid)] }
    return pass(.advertisement(received), to: index, at: now)
  }
}

extension VirtualRouterConfiguration {
  /// Why this virtual router must not act on an advertisement; nil where it must.
  func discards(_ received: ReceivedAdvertisement) -> DiscardReason? {
    if received.hopLimit < minimumHopLimit { return .ttl }  // RX-1
    if received.advertisement.version != version { return .version }  // RX-2
    guard let family = family(received.family) else { return .vrid }  // RX-6: not configured for this family
    switch transport {  // RX-10
    case .unicast:
      if peer(at: received.source) == nil { return .peer }
      if received.destination != family.localAddress { return .destination }
    case .multicast:
      if received.source == family.primaryAddress { return .peer }
      if received.destination != received.family.vrrpGroup { return .destination }
    }
    if version == .v2 {  // RX-11
      if received.advertisement.interval != interval { return .intervalMismatch }
      if received.advertisement.authentication != authentication { return .authentication }
    }
    return nil
  }
}

// MARK: - Taking part

extension VRRPRouter {
  private func index(of vrid: VRID) -> Int? { members.firstIndex { $0.router.configuration.vrid == vrid } }

  private mutating func pass(_ event: VirtualRouter.Event, to index: Int, at now: Instant) -> [Directive] {
    let vrid = members[index].router.configuration.vrid
    return members[index].router.handle(event, at: now).map { .perform(vrid, $0) }
  }

  /// Brings one virtual router in line with what is wanted of it: taking part or not, and with which priority.
  private mutating func settle(_ index: Int, at now: Instant) -> [Directive] {
    let configuration = members[index].router.configuration
    let unchecked = configuration.trackers.map(\.tracker).filter { trackers[$0] == nil }
    let event: VirtualRouter.Event = members[index].isResuming ? .resume : .startup
    let assumed = members[index].isResuming ? unchecked.map { ($0, true) } : []
    if unchecked.isEmpty { members[index].isResuming = false }
    let known = trackers.merging(assumed) { known, _ in known }
    members[index].fitness = Fitness(of: configuration, trackers: known, worths: worths)
    members[index].drain = drain
    if let obstacle = isStarted ? members[index].obstacle : .stopped {
      return pass(.shutdown(obstacle), to: index, at: now) + setPriority(index, at: now)
    }
    // The priority first: a node must not start with a claim that its trackers have already taken away.
    return setPriority(index, at: now) + pass(event, to: index, at: now)
  }

  /// One that is drained holds on as before, so that it can leave in good order; unless it was to let go at any price.
  private mutating func resume(_ index: Int, at now: Instant) -> [Directive] {
    guard members[index].isResuming, drain == false else { return [] }
    defer { drain = false }
    drain = nil
    return settle(index, at: now)
  }

  private mutating func setPriority(_ index: Int, at now: Instant) -> [Directive] {
    let priority = members[index].fitness.priority
    guard members[index].router.priority != priority else { return [] }
    return pass(.priorityChanged(priority), to: index, at: now)
  }

  private mutating func reconfigure(
    _ configurations: [VirtualRouterConfiguration], _ obstacles: [VRID: Obstacle], at now: Instant
  ) -> [Directive] {
    var directives: [Directive] = []
    var next: [Member] = []
    for index in members.indices {
      let old = members[index].router.configuration
      let new = configurations.first { $0.vrid == old.vrid }
      if new.map({ !$0.standsOnTheSame(as: old) }) ?? true {
        directives += pass(.shutdown(.reconfigured), to: index, at: now)
      }
    }
    for configuration in configurations {
      guard let index = index(of: configuration.vrid),
        configuration.standsOnTheSame(as: members[index].router.configuration)
      else {
        next.append(Member(configuration, trackers: trackers, hostObstacle: obstacles[configuration.vrid]))
        continue
      }
      directives += pass(.reconfigured(configuration), to: index, at: now)
      next.append(members[index])
    }
    members = next
    // A tracker that comes back with a later file must be checked anew.
    let tracked = Set(configurations.flatMap { $0.trackers.map(\.tracker) })
    trackers = trackers.filter { tracked.contains($0.key) }
    worths = worths.filter { tracked.contains($0.key) }
    return directives + members.indices.flatMap { settle($0, at: now) }
  }
}

extension VirtualRouterConfiguration {
  /// Whether a change from `old` to this can be made while taking part: the wire and the node's addresses are the same.
  public func standsOnTheSame(as old: VirtualRouterConfiguration) -> Bool {
    version == old.version && transport == old.transport
      && (priority == .addressOwner) == (old.priority == .addressOwner)
      && families.map(\.localAddress) == old.families.map(\.localAddress)
      && families.map(\.primaryAddress) == old.families.map(\.primaryAddress)
      && families.map(\.interface) == old.families.map(\.interface)
  }
}
