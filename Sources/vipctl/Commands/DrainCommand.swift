// vipctl drain and resume: take a node out for maintenance, and back in.

import ArgumentParser
import ControlAPI

struct DrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain",
    abstract: "Have this node hand its addresses over and stay away.",
    discussion: """
      Another node takes over first, and this one serves until it does. Where none does, this node goes on until one \
      does, and this command fails. A drain outlives a restart of vipd, but not the host's next boot.

      Exit codes: 0 this node holds nothing any more; 1 no other node has taken over, or it could not be done.
      """)

  @Option(name: .customLong("for"), help: "Come back by itself after so long, such as 90s, 30m or 2h.")
  var duration: TimeSpan?

  @Flag(help: "Let go even where no other node takes over.")
  var force = false

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      Terminal.write(printable(try await daemon.client.drain(for: duration?.duration, force: force)) + "\n")
    }
  }
}

struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Have this node take part again after a drain.")

  @OptionGroup var daemon: DaemonOptions

  func run() async throws {
    try await reportingFailure { () throws(ClientFailure) in
      Terminal.write(printable(try await daemon.client.resume()) + "\n")
    }
  }
}

/// `90s`, `30m`, `2h`, `1d`: a whole number and its unit.
struct TimeSpan: ExpressibleByArgument {
  var duration: Duration

  init?(argument: String) {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    guard let unit = argument.last.flatMap({ units[$0] }), let count = Int(argument.dropLast()), count > 0,
      count <= 365 * 86400 / unit
    else { return nil }
    duration = .seconds(count * unit)
  }
}
