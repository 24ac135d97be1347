// Ten virtual routers at the shortest interval: how often a node takes over from one that is well.

import ControlAPI
import Rehearsal

struct StabilityMeasurement: Sendable, Codable {
  var contender: Contender
  /// Whether other processes wanted every processor, and much memory, all the time.
  var isBusy: Bool
  /// On all three nodes together, beyond the election's.
  var falseTransitions: Int
  /// How often a processor of this machine stood still for as long as the strongest Backup waits, and the longest time in
  /// milliseconds: what no program on it can do anything about.
  var standstills: Int
  var longestStandstill: Double
  /// Of one core, of the busiest node's daemon.
  var processorShare: Double

  enum CodingKeys: String, CodingKey {
    case contender
    case isBusy = "processors_busy"
    case falseTransitions = "false_transitions"
    case standstills
    case longestStandstill = "longest_standstill_ms"
    case processorShare = "processor_share"
  }

  init(_ contender: Contender, for duration: Duration, isBusy: Bool) async throws {
    let cluster = try await BenchmarkCluster(contender, .init(interval: 10, virtualRouters: 10))
    defer { cluster.testbed.close() }
    if isBusy { try cluster.testbed.client.startHogs(memory: "500M") }
    let before = try Self.transitions(cluster, contender)
    let watch = try StandstillWatch(longerThan: .milliseconds(30))
    let shares = try await ProcessFamily.processorShares(of: cluster.daemons, during: duration)
    self.contender = contender
    self.isBusy = isBusy
    falseTransitions = try Self.transitions(cluster, contender) - before
    processorShare = shares.values.max() ?? 0
    let stood = watch.stop()
    standstills = stood.count
    longestStandstill = stood.longest / .milliseconds(1)
  }

  private static func transitions(_ cluster: BenchmarkCluster, _ contender: Contender) throws -> Int {
    switch contender {
    case .vipd:
      return try cluster.testbed.nodes.reduce(0) { sum, node in
        let status = try ControlJSON.decode(NodeStatus.self, from: node.ask("/v1/status").body)
        return sum + status.virtualRouters.map(\.transitions).reduce(0, +)
      }
    case .keepalived:
      // Its log has a line for each.
      return cluster.daemons.values.reduce(0) { sum, daemon in
        sum
          + daemon.log.split(separator: "\n").count {
            $0.contains("Entering MASTER STATE") || $0.contains("Entering BACKUP STATE")
          }
      }
    }
  }
}
