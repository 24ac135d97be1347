// One kind of failover, measured again and again at random phases.

import ArgumentParser
import FailoverSimulation
import Rehearsal

/// What happens to the holder, n1; n2 takes over.
enum Fault: String, Sendable, CaseIterable, Codable, ExpressibleByArgument {
  case hostDeath = "host-death"
  case stop
  case linkCut = "link-cut"
  case tracker
  case script

  var words: String {
    switch self {
    case .hostDeath: "host death"
    case .stop: "planned stop"
    case .linkCut: "link cut"
    case .tracker: "service dies, process tracker"
    case .script: "service dies, script every 1 s"
    }
  }

  var check: Contender.Setup.Check {
    switch self {
    case .hostDeath, .stop, .linkCut: .none
    case .tracker: .process
    case .script: .script
    }
  }

  /// Whether a daemon has anything of this kind. keepalived's process tracking works in the initial namespaces only.
  func isKnown(to contender: Contender) -> Bool { contender == .vipd || self != .tracker }

  /// Of all that goes round and round and may be anywhere when it happens, in milliseconds.
  func longestCycle(interval: Int) -> Int {
    switch self {
    case .hostDeath, .stop, .linkCut, .tracker: interval
    case .script: max(interval, 1000)
    }
  }

  /// The shortest and the longest outage that the protocol's timers give, in milliseconds.
  func bound(interval: Int) -> ClosedRange<Double> {
    let interval = Double(interval)
    let skew = interval * Double(256 - Contender.Setup.priorities[1]) / 256
    return switch self {
    case .hostDeath, .linkCut: 2 * interval + skew...3 * interval + skew
    // Who serves until the successor does loses nothing of it.
    case .stop: 0...skew
    case .tracker: skew...skew
    // The last check may have been made just before, or almost a second ago.
    case .script: skew...1000 + skew
    }
  }
}

/// The runs of one fault, for one contender at one interval.
struct FailoverSeries {
  let contender: Contender
  let fault: Fault
  /// In milliseconds.
  let interval: Int
  private var chance: SplitMix64
  private(set) var result: Report.Failover

  init(contender: Contender, fault: Fault, interval: Int, seed: UInt64) {
    self.contender = contender
    self.fault = fault
    self.interval = interval
    // The same phases for each contender, others for each fault and interval.
    chance = SplitMix64(seed: seed ^ UInt64(interval) << 8 ^ UInt64(Fault.allCases.firstIndex(of: fault) ?? 0))
    result = Report.Failover(contender: contender, fault: fault, interval: interval)
  }

  mutating func measure(runs: Int, progress: Progress) async throws {
    guard fault.isKnown(to: contender) else { return progress.advance(by: runs) }
    var cluster: BenchmarkCluster?
    defer { cluster?.testbed.close() }
    for run in 1...runs {
      progress.say("\(contender.rawValue): \(fault.words) at \(interval) ms, run \(run) of \(runs)")
      do {
        let current: BenchmarkCluster
        if let cluster {
          current = cluster
        } else {
          current = try await BenchmarkCluster(contender, .init(interval: interval, check: fault.check))
          cluster = current
        }
        var outage = Duration.zero
        try await ExclusiveMeasurement.run { outage = try await measure(on: current) }
        result.outages.append(outage.inMilliseconds)
        try await undo(on: current)
      } catch let error as TestbedError {
        // Told in the report; the next run begins with a cluster of its own.
        result.failures.append("\(error)")
        cluster?.testbed.close()
        cluster = nil
      }
      progress.advance(by: 1)
    }
  }

  private mutating func measure(on cluster: BenchmarkCluster) async throws -> Duration {
    let testbed = cluster.testbed
    // At an interval of 10 ms a millisecond is a tenth of all there is to measure.
    let period: Duration = interval < 100 ? .microseconds(500) : .milliseconds(1)
    let client = try TrafficClient(
      from: testbed.client, to: cluster.setup.address(), period: period, noticed: .milliseconds(2))
    try await client.waitForAnswer(from: "n1", for: .milliseconds(100))
    try await Task.sleep(for: chance.duration(upTo: .milliseconds(fault.longestCycle(interval: interval))))
    let begin = Moment.now()
    try happen(to: testbed["n1"], in: cluster)
    try await client.waitForAnswer(from: "n2", for: .milliseconds(100), within: .seconds(15))
    let record = client.stop()
    result.longestBlindness = max(result.longestBlindness, record.longestBlindness.inMilliseconds)
    return record.longestOutage(since: begin)
  }

  private func happen(to node: TestbedNode, in cluster: BenchmarkCluster) throws {
    switch fault {
    case .hostDeath: try cluster.testbed.killHost(node)
    case .stop: cluster.daemons[node.name]?.terminate()
    case .linkCut: try cluster.testbed.cutLink(of: node)
    case .tracker, .script: cluster.services[node.name]?.kill()
    }
  }

  private func undo(on cluster: BenchmarkCluster) async throws {
    let node = cluster.testbed["n1"]
    switch fault {
    case .hostDeath:
      try cluster.testbed.bootHost(node)
      try await cluster.startService(on: node)
      try cluster.startDaemon(on: node)
    case .stop:
      try await cluster.daemons[node.name]?.wait()
      try cluster.startDaemon(on: node)
    case .linkCut:
      try cluster.testbed.restoreLink(of: node)
    case .tracker, .script:
      try await cluster.services[node.name]?.wait()
      try await cluster.startService(on: node)
    }
    try await cluster.settle()
  }
}
