import ArgumentParser

@main struct Vipctl: ParsableCommand {
  static let configuration = CommandConfiguration(subcommands: [StandInCommand.self])
}
