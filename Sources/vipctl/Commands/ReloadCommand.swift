// vipctl reload: have the daemon read its cluster file again.

import ArgumentParser
import ControlAPI

struct ReloadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload",
    abstract: "Have vipd read its cluster file again.",
    discussion: "What did not change is not touched. A file with errors is refused, and the old one stays in force.")

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      Terminal.write(printable(try await daemon.client.reload()) + "\n")
    }
  }
}
