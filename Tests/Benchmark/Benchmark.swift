// `benchmark`: what a failover costs, as a client sees it, beside what the protocol's arithmetic allows and beside
// keepalived in the same run; and what the daemon itself costs.
//
// Everything happens in a throw-away cluster of three nodes on this machine. Nothing is saved unless --output is given.

import ArgumentParser
import FaultTable
import Glibc
import Rehearsal

@main struct Benchmark: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Measures failovers, false transitions, and the daemon's footprint.",
    discussion: "Needs root, for network namespaces. Takes about two hours with 20 runs of each, and half of that with "
      + "--no-keepalived; --runs 3 gives an impression in a fraction of that.")

  @Option(help: "How often each failover is measured.") var runs = 20
  @Flag(inversion: .prefixedNo, help: "Measure keepalived too, side by side.") var keepalived = true
  @Option(help: "Advertisement intervals, in milliseconds.") var intervals = [1000, 100, 10]
  @Option(help: "Which failovers: host-death, stop, link-cut, tracker, script. All where left out.")
  var faults: [Fault] = Fault.allCases
  @Option(help: "How often each row of the fault table is measured, at the first of the intervals; 0 leaves it out.")
  var hardships = 0
  @Option(help: "For how many seconds false transitions are counted; 0 leaves that out.") var stability = 60
  @Option(help: "For how many seconds idle processor time is counted; 0 leaves that out.") var idle = 20
  @Option(help: "Of the random phases at which things happen.") var seed: UInt64 = 9568
  @Flag(help: "Print JSON instead of tables.") var json = false
  @Option(help: "Also write the JSON to this file.") var output: String?

  func validate() throws {
    guard runs >= 0, hardships >= 0, stability >= 0, idle >= 0 else {
      throw ValidationError("a number must not be negative")
    }
    guard intervals.allSatisfy({ (10...40950).contains($0) && $0 % 10 == 0 }) else {
      throw ValidationError("--intervals: 10 to 40950 ms, in steps of 10 (VRRPv3 counts centiseconds)")
    }
    guard geteuid() == 0 else { throw ValidationError("needs root, for network namespaces (sudo)") }
  }

  func run() async throws {
    let program = Program(
      contenders: keepalived ? [.vipd, .keepalived] : [.vipd], intervals: intervals, faults: faults, runs: runs,
      hardships: hardships,
      stability: .seconds(stability), idle: .seconds(idle), seed: seed)
    let report: Report
    do {
      report = try await Interruption.cancelling { try await program.perform() }
    } catch is CancellationError {
      throw ExitCode(130)  // as a shell has it for SIGINT
    }
    print(json ? try report.json() : report.text, terminator: "")
    if let output { try report.save(to: output) }
  }
}

/// What is measured, in order.
struct Program: Sendable {
  var contenders: [Contender]
  var intervals: [Int]
  var faults: [Fault]
  var runs: Int
  var hardships: Int
  var stability: Duration
  var idle: Duration
  var seed: UInt64

  func perform() async throws -> Report {
    var report = Report(seed: seed, runs: runs, stabilitySeconds: Int(stability.components.seconds))
    for contender in contenders { report.versions[contender.rawValue] = try contender.version() }
    let progress = Progress(total: contenders.count * intervals.count * faults.count * runs)
    defer { progress.end() }
    for interval in intervals {
      for fault in faults where runs > 0 {
        // The same phases for each.
        for contender in contenders {
          var series = FailoverSeries(contender: contender, fault: fault, interval: interval, seed: seed)
          try await series.measure(runs: runs, progress: progress)
          report.failovers.append(series.result)
        }
      }
    }
    try await measureHardships(&report)
    for contender in contenders where stability > .zero {
      for isBusy in [false, true] {
        progress.say("\(contender.rawValue): ten virtual routers at 10 ms\(isBusy ? ", processors busy" : "")")
        report.stability.append(try await StabilityMeasurement(contender, for: stability, isBusy: isBusy))
      }
    }
    for contender in contenders where idle > .zero {
      progress.say("\(contender.rawValue): footprint")
      report.footprints += try await Footprint.measure(contender, for: idle)
    }
    return report
  }

  private func measureHardships(_ report: inout Report) async throws {
    guard hardships > 0, let interval = intervals.first else { return }
    let progress = Progress(total: contenders.count * Hardship.allCases.count * hardships)
    defer { progress.end() }
    for hardship in Hardship.allCases {
      for contender in contenders {
        let series = HardshipSeries(contender: contender, hardship: hardship, interval: interval)
        report.hardships.append(try await series.measure(runs: hardships, progress: progress))
      }
    }
  }
}
