// The daemon's heart: an actor on the VRRP thread that feeds what happens (packets, deadlines, links, trackers, the
// admin) to the protocol core, and performs what the core answers. It decides nothing about the protocol.
//
// One advertisement's way: the raw socket → `receive` reads the clock once → VRRPWire parses and checks →
// `VRRPRouter` finds the virtual router → its actions → `perform` (Performer.swift). Nothing else flows upward.

import ClusterConfiguration
import ControlAPI
import HealthProbes
import Logging
import NetworkTypes
import VRRP
import VRRPWire

/// A running node.
public actor FailoverAgent {
  /// What the node is given at start and keeps for life.
  public struct Setup: Sendable {
    /// The cluster file's path, for reloads.
    public var file: String
    public var configuration: LoadedConfiguration
    public var node: NodeName
    public var version: String
    public var logger: Logger
    /// Nil where nothing outlives the daemon.
    public var drainMemory: (any DrainMemory)?
    /// Nil where transitions are forgotten with the daemon.
    public var history: (any HistoryMemory)?
    /// Nil where nobody watches the daemon.
    public var watchdog: Watchdog?
    /// Nil where the program cannot be replaced while it runs.
    public var successor: (any Successor)?
    /// What the program before left to this one.
    public var inheritance: Inheritance?

    public init(
      file: String, configuration: LoadedConfiguration, node: NodeName, version: String, logger: Logger,
      drainMemory: (any DrainMemory)? = nil, history: (any HistoryMemory)? = nil, watchdog: Watchdog? = nil,
      successor: (any Successor)? = nil, inheritance: Inheritance? = nil
    ) {
      self.watchdog = watchdog
      self.drainMemory = drainMemory
      self.history = history
      self.successor = successor
      self.inheritance = inheritance
      self.file = file
      self.configuration = configuration
      self.node = node
      self.version = version
      self.logger = logger
    }
  }

  let setup: Setup
  let loop: VRRPLoop
  let host: any HostNetwork
  public nonisolated let events = EventBroadcaster()
  public nonisolated let history: TransitionHistory
  let startedAt: Instant
  var logger: Logger { setup.logger }

  // What is in force.
  var configuration: ClusterConfiguration
  var digest: String
  var clockSteps = ClockSteps()
  var loadedAt: Instant
  var lastRefusal: String?
  var reloading = false
  var reloadAgain = false
  /// During a reload: the configurations in force before it, for the farewells of those that end or begin anew.
  var leaving: [VRID: VirtualRouterConfiguration] = [:]

  // The protocol, and where it takes place.
  var router: VRRPRouter
  var interfaces: [NetworkInterface] = []
  var placements: [VRID: Placement] = [:]
  /// Where this node installed what; addresses that somebody else had put there are not among them.
  var installed: [VRID: [VirtualAddress: AddressPlacement]] = [:]
  /// How often another tool has removed them.
  var losses: [VRID: LossBook] = [:]
  /// What the kernel refused to install.
  var refusals: [VRID: Refusal] = [:]
  /// What the kernel would not let go of, and when to try again.
  var leftBehind: [AddressPlacement] = []
  var removalRetry: Instant?
  /// Planned moves of which connections are being seen to.
  var keeping: [VRID: Handover] = [:]
  var forwarding: [VRID: Handover] = [:]
  /// The groups that could not be joined, by the virtual routers that they matter to.
  var deafness: [VRID: HostNetworkFailure] = [:]
  var resync: Instant?
  var lastResync: Instant?

  // Trackers.
  var trackerTasks: [String: TrackerTask] = [:]
  /// During a reload: trackers that are being checked for the first time, and do not count yet.
  var candidates: [String: TrackerTask] = [:]
  /// How long a reload waits for them; cancelled when all have reported.
  var patience: Task<Void, any Error>?
  var lastGeneration = 0

  /// When the service manager wants to hear from the VRRP thread; nil before the first time.
  var nextFeed: Instant?

  // Those who are told of transitions.
  let hooks = HookRunner()
  var hookFailures = 0

  // The books.
  var ledgers: [VRID: VirtualRouterLedger] = [:]
  var peers: [IPAddress: PeerLedger] = [:]
  /// The checksum that was last heard for a virtual router, which a group is spoken to with.
  var groupForms: [VRID: ChecksumForm] = [:]
  var senderNotes: [Sender: SenderNotes] = [:]
  var strays: [DiscardReason: Int] = [:]
  var lastRejectionCount: Instant?
  var punctuality = PunctualityLedger()
  var discardLines = LineLimiter<DiscardKey>()
  var failureLines = LineLimiter<String>()
  var senderLines = LineLimiter<String>()
  var rivals = RivalBook()
  var attention = NeighborAttention()
  var drainOrder: DrainOrder?
  var drainEnd: Instant?
  var isStopping = false
  /// Set while a new program takes this one's place: when the loop has ended, it is time for exec.
  public internal(set) var isHandingOver = false
  /// How many times the running process has replaced its program.
  var upgrades = 0

  struct DiscardKey: Hashable, Sendable {
    var source: IPAddress
    var reason: DiscardReason
    var vrid: VRID?
  }

  /// - Parameter host: handed over for good; only the VRRP thread touches it from now on.
  public init(_ setup: Setup, loop: VRRPLoop, host: sending any HostNetwork) {
    self.setup = setup
    self.loop = loop
    self.host = host
    configuration = setup.configuration.cluster
    digest = setup.configuration.digest
    history = TransitionHistory(setup.history)
    let now = Instant.now()
    loadedAt = now
    startedAt = setup.inheritance?.startedAt ?? now
    router = VRRPRouter(configurations: setup.configuration.cluster.virtualRouters(for: setup.node))
  }

  /// Which node of the cluster this is.
  public nonisolated var node: NodeName { setup.node }

  public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
}

// MARK: - Life

extension FailoverAgent {
  /// Begins to take part. On the VRRP thread, once.
  ///
  /// - Throws: where a descriptor cannot be watched, or the kernel refuses the packet filter or the list of interfaces.
  public func start() throws {
    for descriptor in host.receptionDescriptors {
      try loop.watch(descriptor) { self.assumeIsolated { $0.receiveAndRearm() } }
    }
    for descriptor in host.neighborDescriptors {
      try loop.watch(descriptor) { self.assumeIsolated { $0.neighborsHeard() } }
    }
    try loop.watch(host.changeDescriptor) { self.assumeIsolated { $0.networkChanged() } }
    loop.onDeadline { self.assumeIsolated { $0.deadlineReached() } }
    try host.setReceptionFilter(receptionFilter(of: router.members.map(\.router.configuration)))

    interfaces = try host.interfaces()
    feedWatchdog(at: Instant.now())
    if let inheritance = setup.inheritance { goOn(with: inheritance) } else { begin() }
    rearm()
  }

  private func begin() {
    router = VRRPRouter(configurations: grounded(router.members.map(\.router.configuration)))
    let now = Instant.now()
    openLedgers(at: now)
    for (vrid, obstacle) in place() { process(.obstacle(vrid, obstacle), at: now) }
    let held = adoptLeftovers(at: now)
    warnOfForeigners(at: now)
    watchNeighbors(at: now)
    startTrackers()
    recallDrain(at: now)
    process(.resume(held), at: now)
    for vrid in held where router[vrid]?.router.state.name != .active {
      remove(Array((installed[vrid] ?? [:]).keys), vrid, at: now)
    }
    tell(.daemon, "vipd \(setup.version) started as \(setup.node) of \(configuration.name)")
  }

  /// In the middle of everything, as if nothing had been in between.
  private func goOn(with inheritance: Inheritance) {
    router = VRRPRouter(
      configurations: grounded(router.members.map(\.router.configuration)), remembering: inheritance.memory)
    let now = Instant.now()
    openLedgers(at: now)
    let obstacles = place()
    inherit(inheritance, at: now)
    for (vrid, obstacle) in obstacles { process(.obstacle(vrid, obstacle), at: now) }
    guardAddresses(at: now)
    warnOfForeigners(at: now)
    watchNeighbors(at: now)
    startTrackers()
    recallDrain(at: now)
    logger.notice("vipd \(setup.version) goes on as \(setup.node), in place of the program before")
    tell(.daemon, "vipd \(setup.version) goes on as \(setup.node), in place of the program before")
  }

  /// Leaves every election: calls for successors, serves until they do, and makes the loop return.
  public func stop(because reason: String) {
    guard !isStopping else { return }
    isStopping = true
    logger.notice("stopping: \(reason)")
    tell(.daemon, "vipd is stopping: \(reason)")
    for tracker in Array(trackerTasks.values) + Array(candidates.values) { tracker.task.cancel() }
    process(.shutdown, at: Instant.now())
    rearm()
  }

  func openLedgers(at now: Instant) {
    for member in router.members {
      let vrid = member.router.configuration.vrid
      if ledgers[vrid] == nil { ledgers[vrid] = VirtualRouterLedger(since: now) }
    }
    ledgers = ledgers.filter { router[$0.key] != nil }
    placements = placements.filter { router[$0.key] != nil }
    refusals = refusals.filter { router[$0.key] != nil }
  }
}

// MARK: - What happens

extension FailoverAgent {
  /// Hands one event to the core and performs the answer.
  func process(_ event: VRRPRouter.Event, at now: Instant) {
    perform(router.handle(event, at: now), at: now)
  }

  private func receiveAndRearm() {
    receive()
    let now = Instant.now()
    countRejectionsSometimes(at: now)
    watchClock()
    rearm()
  }

  /// Takes in what has arrived, up to a bound that keeps a flood from starving the deadlines: in time, for what a datagram
  /// costs depends on the machine and the build; and in number, for a thread that was held up in between has not read much.
  private func receive() {
    let begin = Instant.now()
    for count in 1...512 {
      guard let datagram = host.nextDatagram() else { return }
      let now = Instant.now()
      receive(datagram, at: now)
      if count >= 64, now - begin >= .milliseconds(10) { return }
    }
  }

  private func receive(_ datagram: ReceivedDatagram, at now: Instant) {
    do throws(DiscardedMessage) {
      let (received, form) = try read(datagram)
      let vrid = received.advertisement.vrid
      ledgers[vrid]?[received.family].received += 1
      record(received, form, at: now)
      overhear(received, at: now)
      let isContested = isContested(by: received, at: now)
      perform(router.handle(.advertisement(received), at: now), at: now)
      if isContested { noteConflict(with: received, at: now) }
      noteDeafLink(of: vrid, at: now)
    } catch {
      discard(error, datagram, at: now)
    }
  }

  /// All receive checks. RFC 9568 §7.1
  private func read(_ datagram: ReceivedDatagram) throws(DiscardedMessage) -> (ReceivedAdvertisement, ChecksumForm) {
    let decoded = try Advertisement.decode(
      datagram.payload, source: datagram.source, destination: datagram.destination)
    let received = ReceivedAdvertisement(
      decoded.advertisement, source: datagram.source, destination: datagram.destination, hopLimit: datagram.hopLimit)
    let vrid = received.advertisement.vrid
    if let reason = router.discardReason(for: received) { throw DiscardedMessage(reason: reason, vrid: vrid) }
    // RX-6: the VRID must be configured on the interface that the packet came in on. For unicast too: whoever speaks
    // VRRP on a private network does not want to hear of it from the public one, whatever source address it bears.
    if let interface = placements[vrid]?.speaking[received.family], interface.index != datagram.interfaceIndex {
      throw DiscardedMessage(reason: .vrid, vrid: vrid)
    }
    return (received, decoded.checksumForm)
  }

  /// A firewall's or a migration's mistakes show in what is thrown away, so that is looked at without being asked for;
  /// but not so often that a flood would cost anything.
  private func countRejectionsSometimes(at now: Instant) {
    guard lastRejectionCount.map({ now - $0 >= .seconds(1) }) ?? true else { return }
    countRejections(at: now, atMost: 32)
  }

  /// Counts what the kernel's filter kept away. Nothing of it is acted upon: it may have lain there for long.
  func countRejections(at now: Instant, atMost limit: Int = 512) {
    lastRejectionCount = now
    for _ in 0..<limit {
      guard let datagram = host.nextRejectedDatagram() else { return }
      do throws(DiscardedMessage) {
        _ = try read(datagram)
      } catch {
        discard(error, datagram, at: now)
      }
    }
  }

  private func record(_ received: ReceivedAdvertisement, _ form: ChecksumForm, at now: Instant) {
    let vrid = received.advertisement.vrid
    let known = peers[received.source]
    if known == nil { makeRoomForStranger(received.source) }
    var ledger = PeerLedger(
      lastHeard: now, received: (known?.received ?? 0) + 1, checksumForms: known?.checksumForms ?? [:],
      hopLimit: received.hopLimit, advertisement: received.advertisement, vrids: (known?.vrids ?? []).union([vrid]))
    if received.advertisement.version == .v3, received.family == .ipv4 {
      ledger.checksumForms[vrid] = form
      // A stranger's word counts in a group only as long as there is no other.
      if groupForms[vrid] == nil || isConfigured(received.source) { groupForms[vrid] = form }
    }
    peers[received.source] = ledger
    compare(received, at: now)
    logger.trace("from \(received.source): \(received.advertisement)")
  }

  /// The one that was silent for longest makes room.
  private func makeRoomForStranger(_ address: IPAddress) {
    guard !isConfigured(address) else { return }
    let strangers = peers.filter { !isConfigured($0.key) }
    guard strangers.count >= PeerLedger.strangers,
      let oldest = strangers.min(by: { $0.value.lastHeard < $1.value.lastHeard })?.key
    else { return }
    peers[oldest] = nil
    senderNotes = senderNotes.filter { $0.key.address != oldest }
  }

  /// Whether a node of the file speaks from this address.
  func isConfigured(_ address: IPAddress) -> Bool {
    router.members.contains { $0.router.configuration.peer(at: address) != nil }
  }

  private func discard(_ message: DiscardedMessage, _ datagram: ReceivedDatagram, at now: Instant) {
    let reason = message.reason
    if let vrid = message.vrid, ledgers[vrid] != nil {
      ledgers[vrid]?[datagram.source.family].discarded[reason, default: 0] += 1
    } else {
      strays[reason, default: 0] += 1
    }
    if let vrid = message.vrid { remember(reason, of: datagram, vrid, at: now) }
    let key = DiscardKey(source: datagram.source, reason: reason, vrid: message.vrid)
    guard let suppressed = discardLines.suppressed(key, at: now) else { return }
    let more = suppressed > 0 ? ", and \(suppressed) more like it" : ""
    let vrid = message.vrid.map { " for VRID \($0)" } ?? ""
    let interface = interfaces.first { $0.index == datagram.interfaceIndex }.map { " on \($0.name)" } ?? ""
    let words =
      message.vrid.flatMap { router[$0]?.router.configuration }
      .map { Narration(configuration: $0, now: now).words(for: reason, of: datagram) } ?? reason.words
    logger.warning("discarded a packet\(vrid) from \(datagram.source)\(interface): \(words)\(more)")
  }

  private func deadlineReached() {
    let now = Instant.now()
    feedWatchdog(at: now)
    if let due = router.nextDeadline, due <= now { record(lateness: now - due, at: now) }
    // What has arrived comes before what is due: a stall of ours must not look like silence of theirs.
    receive()
    process(.deadline, at: Instant.now())
    endDrainInTime(at: now)
    retryRefused(at: now)
    retryRemovals(at: now)
    endHandovers(at: now)
    countRejectionsSometimes(at: now)
    reviewRivals(at: now)
    reviewConflicts(at: now)
    watchClock()
    if let resync, resync <= now { synchronize(at: now) }
    rearm()
  }

  /// A thread that comes late by more than an interval is on its way to losing its role.
  private func record(lateness: Duration, at now: Instant) {
    punctuality.record(lateness)
    guard let shortest = router.members.map(\.router.configuration.interval.duration).min(), lateness > shortest else {
      return
    }
    sayOnceInAWhile("the VRRP thread came late by more than an interval: too little processor time", at: now)
  }

  /// Sets the loop's timer to whatever is due next.
  func rearm() {
    if isStopping, router.isIdle, keeping.isEmpty { return loop.stop() }
    prepareHandovers()
    let retry = refusals.values.compactMap(\.retry).min()
    let mine = [
      retry, removalRetry, resync, rivals.nextDeadline, attention.nextDeadline, drainEnd, conflictDeadline,
      nextHandoverEnd, nextFeed,
    ]
    loop.setDeadline((mine + [router.nextDeadline]).compactMap { $0 }.min())
  }
}
