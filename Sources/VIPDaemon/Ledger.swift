// What the daemon has counted and seen. It decides nothing; status, metrics and the log are made of it.

import ControlAPI
import NetworkTypes
import VRRP
import VRRPWire

/// One virtual router's books in one family.
struct TrafficLedger: Sendable, Hashable, Codable {
  /// Advertisements of which at least one copy left the host.
  var sent = 0
  /// Those that passed all checks.
  var received = 0
  var announcements = 0
  /// Why the last copy did not leave; nil where it did.
  var sendFailure: String?
  var discarded: [DiscardReason: Int] = [:]
}

/// One virtual router's story.
struct VirtualRouterLedger: Sendable, Codable {
  var families: [IPFamily: TrafficLedger] = [:]
  /// Since when it is in its state.
  var since: Instant
  var transitions = 0
  /// The last change of state; nil before the first.
  var lastTransition: Transition?
  var conflicts = ConflictLedger()
  var chorus = Chorus()

  init(since: Instant) { self.since = since }

  subscript(family: IPFamily) -> TrafficLedger {
    get { families[family] ?? TrafficLedger() }
    set { families[family] = newValue }
  }
}

/// What was heard from one address.
struct PeerLedger: Sendable, Codable {
  var lastHeard: Instant
  var received = 0
  /// Of version 3 over IPv4, where there is a choice: for each virtual router the last that was heard.
  var checksumForms: [VRID: ChecksumForm] = [:]
  var hopLimit: UInt8
  /// What it said last.
  var advertisement: Advertisement
  /// The virtual routers that it was heard for.
  var vrids: Set<VRID>

  /// Whoever is on the network may speak to a group: no more strangers than this are remembered.
  static let strangers = 32
}

extension PeerLedger {
  /// The form that it uses, or the forms where its virtual routers differ; nil where there is no choice.
  var checksumWords: String? {
    let forms = Set(checksumForms.values.map(\.rawValue)).sorted()
    return forms.isEmpty ? nil : forms.joined(separator: ", ")
  }
}

/// How punctual the loop is.
struct PunctualityLedger: Sendable {
  var deadlines = 0
  var latenessLast = Duration.zero
  var latenessMaximum = Duration.zero
  private(set) var latenessSum = Duration.zero
  /// By the first bound that was kept; beyond the last one they are only in `deadlines`.
  private var counts = [Int](repeating: 0, count: bounds.count)

  /// Doubled or so from step to step, from what a real-time thread keeps to what costs the role.
  private static let bounds: [Duration] =
    [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 500_000]
    .map { .microseconds($0) } + [.seconds(1)]

  mutating func record(_ lateness: Duration) {
    deadlines += 1
    latenessLast = max(lateness, .zero)
    latenessSum += latenessLast
    latenessMaximum = max(latenessMaximum, latenessLast)
    if let index = Self.bounds.firstIndex(where: { latenessLast <= $0 }) { counts[index] += 1 }
  }

  var buckets: [LatenessBucket] {
    var sum = 0
    return zip(Self.bounds, counts).map { bound, count in
      sum += count
      return LatenessBucket(within: bound.inSeconds, deadlines: sum)
    }
  }
}

/// Says of something that may recur with every packet whether it is worth a line now: the first time, and then at most
/// once a minute with the number of those that were kept quiet.
struct LineLimiter<Key: Hashable & Sendable>: Sendable {
  private var quiet: [Key: (until: Instant, suppressed: Int)] = [:]
  private let distance: Duration
  /// Keys may come from the network: no more than this many are remembered.
  private let capacity = 256

  init(distance: Duration = .seconds(60)) { self.distance = distance }

  /// How many like it were not mentioned since the last line, or nil where this one shall not be mentioned either.
  mutating func suppressed(_ key: Key, at now: Instant) -> Int? {
    if let entry = quiet[key], now < entry.until {
      quiet[key]?.suppressed += 1
      return nil
    }
    if quiet[key] == nil, quiet.count >= capacity {
      quiet = quiet.filter { now < $0.value.until }
      guard quiet.count < capacity else { return nil }
    }
    defer { quiet[key] = (now + distance, 0) }
    return quiet[key]?.suppressed ?? 0
  }
}

/// Addresses that the kernel refused, and when to ask again.
struct Refusal: Sendable {
  /// The kernel's words for each.
  var words: [VirtualAddress: String]
  /// How long to wait this time; each refusal in a row doubles it, since each try takes the role from a healthy node.
  var pause = Duration.seconds(5)
  /// Nil while a try is under way.
  var retry: Instant?

  static let longestPause = Duration.seconds(300)

  /// The first of the words, for a sentence.
  var summary: String { words.sorted { $0.key.address < $1.key.address }.first?.value ?? "" }
}

extension Duration {
  /// To the microsecond.
  var inSeconds: Double { Double(self / .microseconds(1)) / 1e6 }
}
