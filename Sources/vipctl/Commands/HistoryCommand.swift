// vipctl history: what has moved, and why, across restarts of vipd.

import ArgumentParser
import ControlAPI

struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Show this node's last transitions, and why each happened.",
    discussion: "vipd remembers the last 1,000, across restarts and reboots. The newest is printed last.")

  @Option(name: [.customShort("n"), .long], help: "How many, counted from the newest.")
  var limit: Int?

  @Flag(help: "Print each as a line of JSON.")
  var json = false

  @OptionGroup var color: ColorOptions
  @OptionGroup var daemon: DaemonOptions

  func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1") }
  }

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      let transitions = try await daemon.client.history()
      for event in transitions.suffix(limit ?? transitions.count) { Terminal.write(line(for: event)) }
      if transitions.isEmpty { Terminal.complain("there has been no transition yet") }
    }
  }

  private func line(for event: ControlEvent) -> String {
    if json, let line = try? ControlJSON.compact(event) { return String(decoding: line, as: UTF8.self) + "\n" }
    return EventLine(event).text(color.style) + "\n"
  }
}
