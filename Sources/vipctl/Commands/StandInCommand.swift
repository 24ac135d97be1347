// `vipctl stand-in …`: what a rehearsal starts in its nodes in place of a proxy, a dockerd, a check. Not for people.

import ArgumentParser
import Rehearsal

struct StandInCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stand-in", abstract: "Stands in for a program in a rehearsal.", shouldDisplay: false)

  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

  func run() throws {
    throw ExitCode(StandIn.main(arguments))
  }
}
