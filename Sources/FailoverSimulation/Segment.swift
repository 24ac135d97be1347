// The network between the hosts: for each direction of each link, whether a frame arrives, how often, and when.

import NetworkTypes

/// What one direction of a link does to frames.
public struct LinkQuality: Sendable, Hashable {
  public var latency: Duration
  /// Added to the latency, by chance: zero up to this. Frames of one link still keep their order.
  public var jitter: Duration
  public var lossPerMille: Int
  /// So many frames arrive twice.
  public var duplicationPerMille: Int
  /// So many frames are held back by up to `reorderingDelay`, and others overtake them.
  public var reorderingPerMille: Int
  public var reorderingDelay: Duration

  public init(
    latency: Duration = .microseconds(300), jitter: Duration = .zero, lossPerMille: Int = 0,
    duplicationPerMille: Int = 0, reorderingPerMille: Int = 0, reorderingDelay: Duration = .milliseconds(20)
  ) {
    self.latency = latency
    self.jitter = jitter
    self.lossPerMille = lossPerMille
    self.duplicationPerMille = duplicationPerMille
    self.reorderingPerMille = reorderingPerMille
    self.reorderingDelay = reorderingDelay
  }

  /// Every frame arrives once, and in order.
  public var isClean: Bool { lossPerMille == 0 && duplicationPerMille == 0 && reorderingPerMille == 0 }

  /// No frame is on its way for longer.
  public var worstLatency: Duration { latency + jitter + (isClean ? .zero : reorderingDelay) }
}

/// What becomes of one frame on one link.
public enum Passage: Sendable, Hashable {
  case arrives
  /// By chance.
  case lost
  /// There is no way, now.
  case cut
}

/// One broadcast domain. Its endpoints are numbered: nodes first, then clients.
struct Segment: Sendable {
  private let endpoints: [String]
  /// One for each direction of each link: sender's number times the count of endpoints, plus the receiver's.
  private var links: [Link]
  private var groups: [Int?]
  /// Whether every frame reaches everyone, once and in order.
  private(set) var isWhole = true
  /// The longest that a frame may have been on its way so far.
  private(set) var worstLatency: Duration

  private struct Link: Sendable {
    var quality = LinkQuality()
    var cutFamilies: Set<IPFamily> = []
    /// When the last frame that keeps its order arrives.
    var lastArrival = Instant(sinceBoot: .zero)
  }

  init(endpoints: [String]) {
    self.endpoints = endpoints
    links = Array(repeating: Link(), count: endpoints.count * endpoints.count)
    groups = Array(repeating: nil, count: endpoints.count)
    worstLatency = LinkQuality().worstLatency
  }

  func number(of name: String) -> Int {
    guard let number = endpoints.firstIndex(of: name) else { preconditionFailure("no host is called \(name)") }
    return number
  }

  /// Takes in the incidents that concern the network; the others leave it as it is.
  mutating func apply(_ incident: Incident) {
    switch incident {
    case .cut(let from, let to, let family):
      links[link(from, to)].cutFamilies.formUnion(family.map { [$0] } ?? IPFamily.allCases)
    case .partition(let parts):
      groups = endpoints.map { name in parts.firstIndex { $0.contains(name) } }
    case .heal:
      groups = groups.map { _ in nil }
      for index in links.indices { links[index].cutFamilies = [] }
    case .quality(let quality):
      for index in links.indices { set(quality, index) }
    case .linkQuality(let quality, let from, let to):
      set(quality, link(from, to))
    case .start, .crash, .kill, .stop, .drain, .resume, .upgrade, .freeze, .thaw, .stall, .linkDown, .linkUp, .tracker,
      .reload:
      return
    }
    isWhole = groups.allSatisfy { $0 == nil } && links.allSatisfy { $0.cutFamilies.isEmpty && $0.quality.isClean }
  }

  private func link(_ from: String, _ to: String) -> Int { number(of: from) * endpoints.count + number(of: to) }

  private mutating func set(_ quality: LinkQuality, _ index: Int) {
    links[index].quality = quality
    worstLatency = max(worstLatency, quality.worstLatency)
  }

  /// Sends one frame off at `now`.
  /// - Returns: what becomes of it, and when it arrives: once or twice, or not at all.
  mutating func carry(
    from sender: Int, to receiver: Int, _ family: IPFamily, at now: Instant, _ random: inout SplitMix64
  ) -> (Passage, arrivals: [Instant]) {
    let index = sender * endpoints.count + receiver
    let quality = links[index].quality
    if let mine = groups[sender], let other = groups[receiver], mine != other { return (.cut, []) }
    if links[index].cutFamilies.contains(family) { return (.cut, []) }
    if random.happens(perMille: quality.lossPerMille) { return (.lost, []) }
    var arrivals = [arrival(on: index, quality, now, &random)]
    if random.happens(perMille: quality.duplicationPerMille) {
      arrivals.append(arrival(on: index, quality, now, &random))
    }
    return (.arrives, arrivals)
  }

  private mutating func arrival(
    on index: Int, _ quality: LinkQuality, _ now: Instant, _ random: inout SplitMix64
  ) -> Instant {
    let arrival = now + quality.latency + random.duration(upTo: quality.jitter)
    if random.happens(perMille: quality.reorderingPerMille) {
      return arrival + random.duration(upTo: quality.reorderingDelay)
    }
    links[index].lastArrival = max(arrival, links[index].lastArrival)
    return links[index].lastArrival
  }
}
