// vipctl plan: what every failure would do to the addresses, by simulation. Needs neither privileges nor a running vipd.

import ArgumentParser
import ClusterConfiguration
import FailoverSimulation
import Glibc

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show which failure moves which address where, and for how long nobody has it.",
    discussion: """
      Plays every fault on every node in a simulated cluster, with vipd's own rules and messages, at twelve moments between two \
      advertisements; times are the least and the most. "Nobody has it" is the time without any holder; "moves after" \
      counts from the fault to the new holder, a check's detection included. A script that hangs is noticed later by its \
      timeout. Runs anywhere, as anybody.

      Marked are faults that leave nobody, checks that can never move the address, and failures one after another that \
      leave the address on an unfit node although a fit one is there.

      Exit codes: 0 nothing is marked; 1 something is, or the file cannot be read; 2 the file is refused; 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp("The cluster file; - is standard input.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var file: String = ClusterFile.standardPath

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Only faults on this node; may be given several times.", valueName: "name"))
  var node: [String] = []

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp("Only this virtual router; may be given several times.", valueName: "name"))
  var virtualRouter: [String] = []

  @Flag(help: "Print an object of JSON instead.")
  var json = false

  @OptionGroup var color: ColorOptions

  func run() throws {
    let configuration = try load()
    let nodes = try chosen(node, "node", configuration.nodes.map(\.name))
    let routers = try chosen(virtualRouter, "virtual router", configuration.virtualRouters.map(\.name))
    let progress = PlanProgress(count: routers?.count ?? configuration.virtualRouters.count)
    let plan = FailoverPlan(of: configuration, routers: routers, nodes: nodes) { progress.begin($0.rawValue) }
    progress.end()
    let page = PlanPage(plan, fileName: file, width: Terminal.columns, style: color.style)
    Terminal.write(json ? try PlanDocument(plan).json() : page.text)
    if plan.markCount > 0 { throw ExitCode.failure }
  }

  /// - Throws: the exit code, after the complaint was printed.
  private func load() throws -> ClusterConfiguration {
    let outcome: ClusterFile.Outcome
    do throws(UnreadableFile) {
      outcome = try ClusterFile.load(path: file)
    } catch {
      Terminal.complain(error.description)
      throw ExitCode.failure
    }
    for diagnostic in outcome.diagnostics { Terminal.tell(diagnostic.rendered(inColour: color.isColored)) }
    guard let configuration = outcome.configuration else {
      Terminal.complain("\(file): no plan, since vipd would refuse this file")
      throw ExitCode(2)
    }
    return configuration
  }

  /// Nil where all are meant.
  private func chosen<Named>(_ texts: [String], _ what: String, _ names: [Name<Named>]) throws -> Set<Name<Named>>? {
    for text in texts where !names.contains(where: { $0.rawValue == text }) {
      let list = names.map(\.rawValue).joined(separator: ", ")
      Terminal.complain("\(file): there is no \(what) \(text) (there are: \(list))")
      throw ExitCode.failure
    }
    return texts.isEmpty ? nil : Set(names.filter { texts.contains($0.rawValue) })
  }
}

/// One line on a terminal that says how far it is, once it has taken a second.
private struct PlanProgress {
  private let count: Int
  private let start = ContinuousClock.now
  private let state = State()
  private let isTerminal = isatty(STDERR_FILENO) == 1

  private final class State {
    var number = 0
    var isShown = false
  }

  init(count: Int) { self.count = count }

  func begin(_ name: String) {
    state.number += 1
    guard isTerminal, ContinuousClock.now - start > .seconds(1) else { return }
    state.isShown = true
    write("\r\u{1b}[Kvirtual router \(state.number) of \(count): \(name)")
  }

  func end() {
    if state.isShown { write("\r\u{1b}[K") }
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
