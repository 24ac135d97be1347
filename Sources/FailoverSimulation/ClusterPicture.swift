// What an observer who sees everything knows of the cluster: made from the stream of occurrences alone, with arithmetic
// of its own, so that checkers do not trust what they check.

import NetworkTypes
import VRRP

public struct ClusterPicture: Sendable {
  public private(set) var nodes: [Node]
  public let clients: [String]
  /// The node that each client's neighbour table leads to, by address.
  public private(set) var neighbors: [String: [IPAddress: String]] = [:]
  public private(set) var time = Instant(sinceBoot: .zero)
  /// The last time that something befell the cluster, or a node learned of it.
  public private(set) var lastDisturbance = Instant(sinceBoot: .zero)
  /// The last time that the network changed, or that a process or host stopped or went on.
  public private(set) var lastInterruption = Instant(sinceBoot: .zero)
  private var segment: Segment
  private var stalledUntil = Instant(sinceBoot: .zero)
  private var longestInterval: Duration
  private var longestDelay: Duration = .zero
  private var languages: [VRID: Set<Language>] = [:]
  private var vridsOfManyLanguages: [VRID] = []
  private var misunderstandings: [VRID: Instant] = [:]

  public struct Node: Sendable {
    public var name: String
    /// What vipd has read on this node.
    public var virtualRouters: [VirtualRouterConfiguration]
    public var hasPower = false
    public var isRunning = false
    /// vipd was told to end, and may still serve until a successor does.
    public var isStopping = false
    /// Where an admin has it stay away: whether at any price.
    public var drain: Bool?
    /// vipd ended without a word, and was not started again yet.
    public var wasKilled = false
    public var isFrozen = false
    public var lastThaw: Instant?
    public var hasLink = true
    /// Whether vipd knows of the link.
    public var knowsLink = true
    /// What the trackers told vipd.
    public var trackers: [String: Bool] = [:]
    /// Where it went on holding after a restart: there it takes trackers that were not checked yet for up.
    public var resumed: Set<VRID> = []
    /// Where it gives way to one that does not hear it: it wants its role back, nobody can tell when.
    public var defers: Set<VRID> = []
    /// Where it is Active, and since when.
    public var active: [VRID: Instant] = [:]
    /// When something other than an advertisement last reached this vipd.
    public var lastChange = Instant(sinceBoot: .zero)
    public var installed: [VRID: Set<VirtualAddress>] = [:]

    public func configuration(of vrid: VRID) -> VirtualRouterConfiguration? {
      virtualRouters.first { $0.vrid == vrid }
    }
  }

  public init(_ cluster: SimulatedCluster) {
    nodes = cluster.nodes.map { Node(name: $0.name, virtualRouters: $0.virtualRouters) }
    clients = cluster.clients
    segment = Segment(endpoints: cluster.nodes.map(\.name) + cluster.clients)
    longestInterval = .zero
    for node in nodes { note(node.virtualRouters) }
  }

  /// Every virtual router that some node takes part in, by its number.
  public var vrids: [VRID] { Set(nodes.flatMap { $0.virtualRouters.map(\.vrid) }).sorted() }

  public var worstLatency: Duration { segment.worstLatency }

  public subscript(name: String) -> Node? { nodes.first { $0.name == name } }

  /// Whether this node's vipd had no time yet to see what has become of its addresses.
  public func isAbsent(_ node: Node) -> Bool {
    node.wasKilled || node.isFrozen || node.lastThaw == time || time <= stalledUntil
  }

  /// The nodes that are Active, frozen ones included: as they stand on the wire, two are one too many.
  public func active(_ vrid: VRID) -> [String] { nodes.filter { $0.active[vrid] != nil }.map(\.name) }

  /// The nodes at which a client could reach an address of this virtual router.
  public func holders(_ vrid: VRID) -> [String] {
    nodes.filter { $0.hasPower && $0.hasLink && $0.installed[vrid]?.isEmpty == false }.map(\.name)
  }
}

// MARK: - The rules

extension ClusterPicture {
  /// The priority that a node contends with, by the cluster file's arithmetic; nil where it takes no part.
  public func effectivePriority(_ node: Node, _ vrid: VRID) -> Int? {
    guard node.isRunning, node.knowsLink, let configuration = node.configuration(of: vrid) else { return nil }
    if let isForced = node.drain { return !isForced && node.active[vrid] != nil ? 1 : nil }
    let base = Int(configuration.priority.rawValue)
    if base == 255 { return base }
    var sum = base
    for tracker in configuration.trackers {
      let isUp = node.trackers[tracker.tracker] ?? node.resumed.contains(vrid)
      if !isUp, tracker.weight == 0 || tracker.weight < 0 && configuration.releasesWhenUnfit { return nil }
      if (tracker.weight > 0) == isUp { sum += tracker.weight }
    }
    return Swift.min(Swift.max(sum, 1), 254)
  }

  /// The nodes of which each, once Active, remains so: nobody who takes part may preempt it. Empty where nobody can hold
  /// the addresses, several where Preempt_Mode or a tie leave it to history.
  public func lawfulHolders(_ vrid: VRID) -> [String] {
    let contenders = nodes.compactMap { node in effectivePriority(node, vrid).map { (node: node, priority: $0) } }
    return contenders.filter { holder in
      !contenders.contains {
        speakAlike($0.node, holder.node, vrid)
          && mayPreempt($0.node, $0.priority, holder.node, holder.priority, vrid)
      }
    }
    .map(\.node.name)
  }

  /// Whether `node` replaces `holder` in the end, if that is all there is.
  private func mayPreempt(_ node: Node, _ priority: Int, _ holder: Node, _ theirs: Int, _ vrid: VRID) -> Bool {
    guard priority > theirs, let configuration = node.configuration(of: vrid) else { return false }
    switch configuration.preemption {
    case .immediate, .rfc, .after: return true
    case .never: return !isHealthy(holder, at: theirs, for: configuration)
    }
  }

  /// Whether a node that contends with this priority does so in good health, by a reader of this file.
  ///
  /// Over multicast IPv6 alone the reader cannot tell which of the file's nodes it hears.
  public func isHealthy(_ node: Node, at priority: Int, for reader: VirtualRouterConfiguration) -> Bool {
    let peers = reader.families.flatMap(\.peers)
    if reader.transport == .multicast, reader.families.allSatisfy({ $0.family == .ipv6 }) {
      let healthy = peers.compactMap { $0.healthyPriority.map { Int($0.rawValue) } }
      return healthy.contains(priority) || healthy.allSatisfy { priority > $0 }
    }
    let healthy = peers.first { $0.node == node.name }?.healthyPriority
    return healthy.map { priority >= Int($0.rawValue) } ?? true
  }
}

// MARK: - Who understands whom

extension ClusterPicture {
  /// Whether two nodes count each other's advertisements for this virtual router. While a cluster goes over to another
  /// version or transport one node after the other, they do not; each side then elects for itself, and until all have
  /// gone over two holders are what the files ask for.
  public func speakAlike(_ one: Node, _ other: Node, _ vrid: VRID) -> Bool {
    guard let mine = one.configuration(of: vrid), let theirs = other.configuration(of: vrid) else { return false }
    return mine.language == theirs.language
  }

  /// The nodes that take part, by whom each understands.
  public func electorates(_ vrid: VRID) -> [[String]] {
    var electorates: [[Node]] = []
    for node in nodes where effectivePriority(node, vrid) != nil {
      if let index = electorates.firstIndex(where: { speakAlike($0[0], node, vrid) }) {
        electorates[index].append(node)
      } else {
        electorates.append([node])
      }
    }
    return electorates.map { $0.map(\.name) }
  }

  /// Whether an advertisement may be arriving now whose sender and receiver are, or were when it was sent, told by their
  /// files not to understand each other.
  public func mayMisunderstand(_ vrid: VRID) -> Bool { misunderstandings[vrid].map { time <= $0 } ?? false }

  /// When two running nodes last did not understand each other; nil where they always did.
  public func lastMisunderstanding(_ vrid: VRID) -> Instant? { misunderstandings[vrid] }

  /// What was so until now: what was sent meanwhile may be on its way, or wait for a node that is frozen.
  private mutating func noteMisunderstandings(until now: Instant) {
    let isAnyFrozen = nodes.contains(where: \.isFrozen)
    for vrid in vridsOfManyLanguages {
      let running = nodes.filter { ($0.isRunning || $0.isStopping) && $0.configuration(of: vrid) != nil }
      let isDivided = running.dropFirst().contains { !speakAlike($0, running[0], vrid) }
      if isDivided || (isAnyFrozen && mayMisunderstand(vrid)) { misunderstandings[vrid] = now + worstLatency }
    }
  }

  /// What reaches a node that now speaks otherwise may come from one that has left since.
  private mutating func noteChangedLanguages(_ name: String, _ notice: Occurrence.Notice) {
    guard case .reloaded(let configurations) = notice, let node = self[name] else { return }
    for new in configurations {
      guard let old = node.configuration(of: new.vrid), old.language != new.language else { continue }
      misunderstandings[new.vrid] = time + worstLatency
    }
  }

  /// Few clusters have any, and looking at each step is dear.
  private mutating func noteLanguages(of configurations: [VirtualRouterConfiguration]) {
    for configuration in configurations {
      languages[configuration.vrid, default: []].insert(configuration.language)
    }
    vridsOfManyLanguages = languages.filter { $0.value.count > 1 }.keys.sorted()
  }
}

/// What two routers must have in common to hear each other: RX-2, RX-10, RX-11.
private struct Language: Sendable, Hashable {
  var version: VRRPVersion
  var transport: Transport
  /// Version 2's.
  var interval: AdvertisementInterval?
  var password: SimplePassword?
}

extension VirtualRouterConfiguration {
  fileprivate var language: Language {
    switch version {
    case .v2: Language(version: version, transport: transport, interval: interval, password: password)
    case .v3: Language(version: version, transport: transport)
    }
  }
}

// MARK: - Quiet

extension ClusterPicture {
  /// Since when the network is whole, every process runs, and nothing has befallen the cluster; nil while that is not so.
  public var quietSince: Instant? {
    guard segment.isWhole, time >= stalledUntil, !nodes.contains(where: { $0.isFrozen || !$0.defers.isEmpty })
    else { return nil }
    return max(lastDisturbance, stalledUntil)
  }

  /// Whether advertisements went through, and were listened to, for long enough that every node has heard every Active
  /// Router that was there all along.
  public func hasHeard(since begin: Instant) -> Bool {
    quietSince != nil && time > max(begin, lastInterruption, stalledUntil) + longestInterval + worstLatency
  }

  /// Whether all has arrived that was on its way when quiet began.
  public var hasDelivered: Bool { quietSince.map { time > $0 + worstLatency } ?? false }

  /// So long after quiet began the election is over, whatever came before.
  ///
  /// The worst road: an Active Router far down the list has to fall silent and be noticed (Active_Down_Interval: less than
  /// four intervals), the next that takes over is not yet the right one, which has to hear it (one interval), may have to
  /// endure it for a while (`preempt: {after: …}`), hears it again (one more), and waits its Skew_Time (less than one).
  public var settlingTime: Duration { longestInterval * 7 + longestDelay + worstLatency * 4 }

  /// Whether the rules must have been obeyed by now.
  public var isSettled: Bool { quietSince.map { time >= $0 + settlingTime } ?? false }

  private mutating func note(_ configurations: [VirtualRouterConfiguration]) {
    noteTimes(of: configurations)
    noteLanguages(of: configurations)
  }

  private mutating func noteTimes(of configurations: [VirtualRouterConfiguration]) {
    for configuration in configurations {
      longestInterval = max(longestInterval, configuration.interval.duration)
      if case .after(let delay) = configuration.preemption { longestDelay = max(longestDelay, delay) }
    }
  }
}

// MARK: - Watching

extension ClusterPicture {
  /// Takes in what happened.
  public mutating func take(_ step: Step) {
    noteMisunderstandings(until: step.time)
    time = step.time
    for occurrence in step.occurrences { take(occurrence) }
  }

  private mutating func take(_ occurrence: Occurrence) {
    switch occurrence {
    case .incident(.upgrade): break
    case .incident(let incident):
      lastDisturbance = time
      if incident.isInterruption { lastInterruption = time }
      segment.apply(incident)
      take(incident)
    case .noticed(let name, let notice):
      lastDisturbance = time
      let now = time
      noteChangedLanguages(name, notice)
      change(name) { $0.take(notice, at: now) }
      for node in nodes where node.name == name { note(node.virtualRouters) }
    case .transition(let name, let vrid, let transition):
      let now = time
      if self[name]?.defers.contains(vrid) == true { lastDisturbance = now }
      change(name) { node in
        switch transition.to {
        case .active:
          node.active[vrid] = now
          if transition.reason == .resumption { node.resumed.insert(vrid) }
        case .initialize, .backup: node.active[vrid] = nil
        }
        if case .unheard = transition.reason { node.defers.insert(vrid) } else { node.defers.remove(vrid) }
      }
    case .installed(let name, let vrid, let addresses):
      change(name) { $0.installed[vrid, default: []].formUnion(addresses) }
    case .removed(let name, let vrid, let addresses), .expired(let name, let vrid, let addresses):
      change(name) { $0.installed[vrid, default: []].subtract(addresses) }
    case .learned(let client, let address, let node):
      neighbors[client, default: [:]][address] = node
    case .sent, .unreadable, .discarded, .announced, .spinning:
      break
    }
  }

  private mutating func take(_ incident: Incident) {
    switch incident {
    case .start(let name): change(name) { $0.hasPower = true }
    case .crash(let name): change(name) { $0.losePower() }
    case .kill(let name):
      change(name) {
        $0.wasKilled = $0.wasKilled || $0.isRunning || $0.isStopping
        $0.loseProcess()
      }
    case .freeze(let name): change(name) { $0.isFrozen = true }
    case .thaw(let name):
      let now = time
      change(name) {
        $0.isFrozen = false
        $0.lastThaw = now
      }
    case .linkDown(let name): change(name) { $0.hasLink = false }
    case .linkUp(let name): change(name) { $0.hasLink = true }
    case .stall(_, let duration): stalledUntil = max(stalledUntil, time + duration)
    case .stop, .drain, .resume, .upgrade, .tracker, .reload, .cut, .partition, .heal, .quality, .linkQuality: break
    }
  }

  private mutating func change(_ name: String, _ body: (inout Node) -> Void) {
    for index in nodes.indices where nodes[index].name == name { body(&nodes[index]) }
  }
}

extension ClusterPicture.Node {
  fileprivate mutating func take(_ notice: Occurrence.Notice, at now: Instant) {
    lastChange = now
    switch notice {
    case .started(let configurations):
      isRunning = true
      isStopping = false
      wasKilled = false
      virtualRouters = configurations
      knowsLink = hasLink
      trackers = [:]
      resumed = []
      drain = nil
    case .stopped:
      isRunning = false
      isStopping = true
    case .tracker(let tracker, let isUp): trackers[tracker] = isUp
    case .link(let isUp): knowsLink = isUp
    case .reloaded(let configurations): virtualRouters = configurations
    case .drained(let isForced): drain = isForced
    }
  }

  fileprivate mutating func losePower() {
    hasPower = false
    wasKilled = false
    installed = [:]
    loseProcess()
  }

  fileprivate mutating func loseProcess() {
    isRunning = false
    isStopping = false
    isFrozen = false
    active = [:]
    defers = []
  }
}

extension Incident {
  fileprivate var isInterruption: Bool {
    switch self {
    case .start, .crash, .kill, .stop, .drain, .resume, .upgrade, .tracker, .reload: false
    case .freeze, .thaw, .stall, .linkDown, .linkUp, .cut, .partition, .heal, .quality, .linkQuality: true
    }
  }
}
