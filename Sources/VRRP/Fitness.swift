// From what the trackers say to the priority that a node contends with.

import NetworkTypes

/// A node's fitness for one virtual router.
public struct Fitness: Sendable, Hashable {
  /// The priority to contend with: the configured one and all adjustments, within 1–254. 255 is never changed.
  public var priority: Priority
  /// What each tracker that matters now adds or takes away, in the file's order.
  public var adjustments: [TrackerWeight]
  /// The first tracker of weight 0 that is not up: while there is one, the node takes no part.
  public var obstacle: Obstacle?

  /// - Parameter trackers: whether each is up; one that has not been checked yet is missing and counts as down, so that
  ///   a node that has just started does not claim what it may be unfit to hold.
  public init(of configuration: VirtualRouterConfiguration, trackers: [String: Bool]) {
    adjustments = []
    guard configuration.priority != .addressOwner else {
      priority = .addressOwner
      return
    }
    for tracker in configuration.trackers {
      let isUp = trackers[tracker.tracker] ?? false
      if tracker.weight == 0, !isUp, obstacle == nil { obstacle = .trackerDown(tracker.tracker) }
      if tracker.weight > 0 && isUp || tracker.weight < 0 && !isUp { adjustments.append(tracker) }
    }
    priority = Priority(clamping: Int(configuration.priority.rawValue) + adjustments.reduce(0) { $0 + $1.weight })
  }
}

extension VirtualRouterConfiguration {
  /// The priority that this node contends with while every tracker is up.
  public var healthyPriority: Priority {
    Fitness(
      of: self, trackers: Dictionary(trackers.map { ($0.tracker, true) }, uniquingKeysWith: { first, _ in first })
    )
    .priority
  }

  /// All virtual addresses, in the order of the families.
  public var addresses: [VirtualAddress] { families.flatMap(\.addresses) }

  public func family(_ family: IPFamily) -> FamilyConfiguration? { families.first { $0.family == family } }

  /// The peer with this address.
  public func peer(at address: IPAddress) -> Peer? {
    family(address.family)?.peers.first { $0.address == address }
  }
}
