// vipctl trackers: what this node watches on itself, in full.

import ArgumentParser
import ControlAPI

struct TrackersCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trackers",
    abstract: "Show each tracker's last result, what it said, and what it costs.",
    discussion: "Exits with 0 whatever they say; `vipctl probe` is for monitoring.")

  @Flag(help: "Print JSON instead of a table.")
  var json = false

  @OptionGroup var color: ColorOptions
  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      let status = try await daemon.client.status()
      if json, let bytes = try? ControlJSON.pretty(status.trackers) {
        Terminal.write(String(decoding: bytes, as: UTF8.self) + "\n")
      } else {
        Terminal.write(TrackersPage(status, width: Terminal.columns, style: color.style).text)
      }
    }
  }
}
