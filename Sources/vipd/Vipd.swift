// The command line of the daemon. Everything else is in Daemon.swift: closures written in the `main` of an `@main` type
// would belong to the main actor, and trap on any other thread.

import ArgumentParser
import ClusterConfiguration
import ControlAPI
import Logging
import VIPDaemon

@main
struct Vipd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vipd",
    abstract: "Float virtual IP addresses between hosts with VRRPv3.",
    discussion: """
      Runs in the foreground, logs to standard error, and takes part in the elections of the cluster file. \
      SIGTERM hands the addresses over and ends it; SIGHUP reads the file again. `vipctl status` shows what it does.
      """,
    version: "vipd \(vipdVersion)")

  @Option(name: [.short, .long], help: "The cluster file, the same on every node.")
  var config = ClusterFile.standardPath

  @Option(
    name: [.short, .long], help: "Which node of the file this is (default: the one whose address this host holds).")
  var node: String?

  @Option(help: "The path of the control socket (default: what the file says under 'control').")
  var control: String?

  @Option(help: "The least important messages to log: trace, debug, info, notice, warning, error or critical.")
  var logLevel = Logger.Level.notice

  @Flag(help: .hidden)
  var trial = false

  func run() throws {
    throw ExitCode(Daemon(self).run())
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
