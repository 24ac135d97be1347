// The rehearsal itself: builds the cluster, waits until it has settled, does one thing after another to whoever holds the
// addresses, and holds what happens against what the protocol's arithmetic says.

import Glibc

public struct RehearsalRun: Sendable {
  public var plan: RehearsalPlan
  public var options: Options
  private let daemon: DaemonUnderTest
  private let tell: @Sendable (News) -> Void

  public struct Options: Sendable {
    /// Only these virtual routers; all where empty.
    public var routers: Set<String> = []
    /// Only these faults; all where empty.
    public var faults: Set<RehearsalFault.Keyword> = []
    /// How often each thing is done.
    public var runs = 1
    /// Leaves the cluster up at the end, until the task is cancelled.
    public var keep = false

    public init() {}
  }

  /// What is going on, for whoever waits for it.
  public enum News: Sendable {
    /// A step has begun: so many of so many.
    case step(Int, of: Int, String)
    /// Where the step stands; changes several times a second.
    case live(String)
    case row(RehearsalReport.Row)
    /// The cluster stays up: how to enter each node.
    case kept([(node: String, command: String)])
  }

  /// - Parameter tell: called from any thread.
  public init(
    _ plan: RehearsalPlan, options: Options = Options(), daemon: DaemonUnderTest,
    tell: @escaping @Sendable (News) -> Void = { _ in }
  ) {
    self.plan = plan
    self.options = options
    self.daemon = daemon
    self.tell = tell
  }

  /// Performs it, and leaves nothing behind: not at the end, nor after an error, nor when the task is cancelled.
  ///
  /// - Parameter publish: gets the report as soon as it is complete: where the cluster is kept, while it is still up.
  @discardableResult
  public func perform(
    _ publish: @Sendable (RehearsalReport) throws -> Void = { _ in }
  ) async throws -> RehearsalReport {
    let routers = plan.virtualRouters.filter { options.routers.isEmpty || options.routers.contains($0.name) }
    let stages = routers.map { router in
      (router, plan.faults(of: router).filter { options.faults.isEmpty || options.faults.contains($0.keyword) })
    }
    let steps = 1 + stages.map { $0.1.count * 2 * options.runs }.reduce(0, +)
    tell(.step(1, of: steps, "building \(plan.nodes.count) nodes"))
    return try await Testbed.with(plan.layout) { testbed in
      let cluster = try RehearsalCluster(plan, testbed, daemon: daemon)
      try await cluster.start()
      tell(
        .step(1, of: steps, "waiting until the addresses are held"))
      var report = RehearsalReport(cluster: plan.cluster)
      var counter = StepCounter(done: 1, of: steps)
      for (router, faults) in stages {
        let stage = RouterRehearsal(plan: plan, router: router, cluster: cluster, options: options, tell: tell)
        let result = try await stage.perform(faults, &counter)
        report.routers.append(result)
        if result.longestHiccup > .milliseconds(20) {
          report.notes.append(
            """
            \(router.name): up to \(result.longestHiccup.brief) without an answer although the address stayed where it was: \
            this machine is busy, and can not measure more precisely than that
            """)
        }
        for note in stage.notes(cluster.failedTrackers()) where !report.notes.contains(note) {
          report.notes.append(note)
        }
      }
      report.notes = await cluster.notes + report.notes
      if cluster.watch.hasGaps { report.notes.append("the kernel told of more changes than could be followed") }
      try publish(report)
      if options.keep { try await keep(testbed) }
      return report
    }
  }

  private func keep(_ testbed: Testbed) async throws {
    let commands = (testbed.nodes + [testbed.client]).compactMap { node in
      (try? node.living()).map { (node.name, "nsenter -t \($0.process) -n -m -u -i -p") }
    }
    tell(.kept(commands))
    while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
  }
}

struct StepCounter {
  var done: Int
  let of: Int
}
