// vipctl status: who holds what, since when, and why not me.

import ArgumentParser
import ControlAPI

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show who holds which address, since when, and why not this node.",
    discussion: """
      Ages are as this node sees them. A Backup Router sends nothing, so "never" heard is normal for a peer that has not \
      been Active since this daemon started.
      """)

  @Flag(help: "Print the daemon's own JSON object instead of a table.")
  var json = false

  @OptionGroup var color: ColorOptions
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      if json {
        // As it came, so that nothing is lost that a newer daemon says.
        Terminal.write(String(decoding: try await daemon.client.statusJSON(), as: UTF8.self))
      } else {
        let status = try await daemon.client.status()
        Terminal.write(StatusPage(status, width: Terminal.columns, style: color.style).text)
      }
    }
  }
}

/// Runs a command's work; a failure is told on standard error in one sentence, and the command exits with 1.
func reportingFailure(_ work: () async throws(ClientFailure) -> Void) async throws {
  do throws(ClientFailure) {
    try await work()
  } catch {
    Terminal.complain(error.description)
    throw ExitCode.failure
  }
}
