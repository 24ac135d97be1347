// What decides whether a node is fit: a check that runs on every node, and what its answer is worth.

import VRRP

extension ClusterConfiguration {
  /// A check that is run on every node by itself.
  public struct Tracker: Sendable, Hashable {
    public var name: TrackerName
    public var kind: TrackerKind
    /// -253…253; nil where the file leaves it to us, which means: a node with a failed tracker ranks below every node
    /// with fewer failed ones. What that comes to in numbers depends on the virtual router: see
    /// `VirtualRouter.trackers`.
    public var weight: Int?
    /// The time from one check's start to the next one's.
    public var interval: Duration
    /// When a check that has not answered counts as failed. Left out it is `interval`, at most 5 s.
    public var timeout: Duration
    /// So many successes in a row turn a failed tracker good: at least 1.
    public var rise: Int
    /// So many failures in a row turn a good tracker failed: at least 1.
    public var fall: Int

    public init(
      name: TrackerName, kind: TrackerKind, weight: Int? = nil, interval: Duration? = nil,
      timeout: Duration? = nil, rise: Int = 1, fall: Int = 1
    ) {
      let interval = interval ?? kind.standardInterval
      self.name = name
      self.kind = kind
      self.weight = weight
      self.interval = interval
      self.timeout = timeout ?? Tracker.standardTimeout(interval: interval)
      self.rise = rise
      self.fall = fall
    }

    /// The interval itself, so that checks do not overlap; not more than 5 s, so that a rare check does not hang for
    /// long.
    public static func standardTimeout(interval: Duration) -> Duration { min(interval, .seconds(5)) }
  }
}
