// vipctl rehearse: a throw-away copy of the cluster on this machine, and all that can happen to it.

import ArgumentParser
import ClusterConfiguration
import FailoverSimulation
import Glibc
import Rehearsal

struct RehearseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract: "Play the failures of a cluster on this machine, with the real vipd, and measure them.",
    discussion: """
      Each node of the file becomes a network namespace with the node's own addresses, in which the real vipd runs; a client
      asks each virtual address every millisecond. Then whoever holds it loses its proxy, its dockerd, its vipd, its power
      and its link, one after another, and gets each back. Nothing of it touches the host's own network, and nothing of it
      stays. Needs root and the `ip` program.

      Beside each measurement stands what `vipctl plan` says of it, from a simulation.

      Exit codes: 0 everything moved as planned; 1 something did not, or it could not be done.
      """)

  @Argument(help: ArgumentHelp("The cluster file.", valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
  var file: String

  @Option(help: ArgumentHelp("The vipd to run; the one beside vipctl if left out.", valueName: "path"))
  var vipd: String?

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Only this virtual router; may be given several times.", valueName: "name"))
  var virtualRouter: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Only this: \(RehearsalFault.Keyword.allCases.map(\.rawValue).joined(separator: ", ")); may be given several times.",
      valueName: "what"))
  var only: [RehearsalFault.Keyword] = []

  @Option(help: ArgumentHelp("Do each thing so many times.", valueName: "count"))
  var runs = 1

  @Option(
    help: ArgumentHelp(
      "Where the picture goes; rehearsal-CLUSTER.svg in this directory if left out.", valueName: "path"))
  var svg: String?

  @Flag(help: "Print the report as JSON.")
  var json = false

  @Flag(help: "Leave the cluster up afterwards, to look around in it, until Ctrl-C.")
  var keep = false

  @OptionGroup var color: ColorOptions

  mutating func validate() throws {
    guard (1...1000).contains(runs) else { throw ValidationError("--runs \(runs): give a number from 1 to 1000") }
  }

  func run() async throws {
    do {
      let configuration = try readConfiguration()
      let routers = configuration.virtualRouters.map(\.name)
        .filter { virtualRouter.isEmpty || virtualRouter.contains($0.rawValue) }
      let plan = FailoverPlan(of: configuration, routers: Set(routers))
      let report = try await rehearse(
        RehearsalPlan(configuration, text: try RehearsalFiles.read(file), path: file), beside: plan)
      if !report.isAsPredicted { throw ExitCode.failure }
    } catch is CancellationError {
      Terminal.complain("interrupted; everything that was built is gone again")
      throw ExitCode(130)
    } catch let error as TestbedError {
      Terminal.complain(error.description)
      throw ExitCode.failure
    }
  }

  private func readConfiguration() throws -> ClusterConfiguration {
    let outcome: ClusterFile.Outcome
    do throws(UnreadableFile) {
      outcome = try ClusterFile.load(path: file)
    } catch {
      Terminal.complain(error.description)
      throw ExitCode.failure
    }
    for diagnostic in outcome.diagnostics { Terminal.tell(diagnostic.rendered(inColour: color.isColored)) }
    guard let configuration = outcome.configuration else {
      Terminal.complain("\(file): not rehearsed, since vipd would refuse this file")
      throw ExitCode.failure
    }
    for name in virtualRouter where !configuration.virtualRouters.contains(where: { $0.name.rawValue == name }) {
      let names = configuration.virtualRouters.map(\.name.rawValue).joined(separator: ", ")
      Terminal.complain("\(file): there is no virtual router \(name) (there are: \(names))")
      throw ExitCode.failure
    }
    return configuration
  }

  private func rehearse(_ plan: RehearsalPlan, beside figures: FailoverPlan) async throws -> RehearsalReport {
    var options = RehearsalRun.Options()
    options.routers = Set(virtualRouter)
    options.faults = Set(only)
    options.runs = runs
    options.keep = keep
    let executable = try vipd.map(RehearsalFiles.absolutePath) ?? Programs.beside("vipd")
    let daemon = DaemonUnderTest.vipd(file: plan.file, named: plan.fileName, executable: executable)
    let progress = RehearsalProgress(isTerminal: isatty(STDERR_FILENO) == 1)
    let run = RehearsalRun(plan, options: options, daemon: daemon) { progress.tell($0) }
    defer { progress.end() }
    return try await Interruption.cancelling { [self] in
      try await run.perform { report in
        progress.end()
        try publish(report.beside(figures))
      }
    }.beside(figures)
  }

  private func publish(_ report: RehearsalReport) throws {
    let picture = svg ?? "rehearsal-\(report.cluster).svg"
    try RehearsalFiles.write(report.picture(), to: picture)
    let style: RehearsalReport.TableStyle = color.isColored ? .colored : .plain
    Terminal.write(json ? try report.json() : report.text(style: style) + "Timeline: \(picture)\n")
  }
}

extension RehearsalFault.Keyword: ExpressibleByArgument {}
