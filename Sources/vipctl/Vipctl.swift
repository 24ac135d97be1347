// vipctl: how people see and steer vipd. Each command has a file of its own under Commands.

import ArgumentParser
import ControlAPI

@main
struct Vipctl: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vipctl",
    abstract: "See and steer vipd, which floats virtual IP addresses between hosts.",
    discussion: """
      Without a command, vipctl prints this node's status.

      Exit codes: 0 done; 1 failed, and standard error says why; 64 wrong usage. \
      `probe` has those of a monitoring plugin.
      """,
    version: "vipctl \(vipdVersion)",
    subcommands: [StandInCommand.self],
    groupedSubcommands: [
      CommandGroup(
        name: "Daemon",
        subcommands: [
          StatusCommand.self, TrackersCommand.self, HistoryCommand.self, WatchCommand.self, ProbeCommand.self,
          ReloadCommand.self, DrainCommand.self,
          ResumeCommand.self, UpgradeCommand.self,
        ]),
      CommandGroup(name: "Network and host", subcommands: [DoctorCommand.self, CaptureCommand.self]),
      CommandGroup(name: "Cluster file", subcommands: clusterFileCommands),
    ],
    defaultSubcommand: StatusCommand.self)

  /// Those that need no vipd to run.
  private static var clusterFileCommands: [any ParsableCommand.Type] {
    [CheckCommand.self, PlanCommand.self, ExplainCommand.self, RehearseCommand.self, ConvertCommand.self]
  }
}
