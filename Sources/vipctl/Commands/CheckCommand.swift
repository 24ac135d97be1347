// vipctl check: what is wrong with a cluster file, and what it will do. Needs neither privileges nor a running vipd.

import ArgumentParser
import ClusterConfiguration

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check cluster files, and say in words what they do.",
    discussion: """
      Says what is wrong with file:line:column, and warns of what is allowed but probably not meant: a weight that can never \
      move an address, say. What it refuses, vipd refuses. Runs anywhere, as anybody.

      Exit codes: 0 all files are good; 1 at least one is not; 64 wrong usage.
      """)

  @Argument(
    help: ArgumentHelp(
      "The cluster files; - is standard input. Left out: \(ClusterFile.standardPath).", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var files: [String] = []

  @Flag(help: "Print an object of JSON for each file instead.")
  var json = false

  @Flag(help: "Take warnings for errors.")
  var strict = false

  @OptionGroup var color: ColorOptions

  func run() throws {
    var isGood = true
    for (index, file) in (files.isEmpty ? [ClusterFile.standardPath] : files).enumerated() {
      do throws(UnreadableFile) {
        let report = CheckReport(try ClusterFile.load(path: file))
        let separator = index > 0 && !json ? "\n" : ""
        Terminal.write(separator + (json ? report.json() : report.text(inColour: color.isColored)))
        isGood = isGood && report.exitCode(strict: strict) == 0
      } catch {
        Terminal.complain(error.description)
        isGood = false
      }
    }
    if !isGood { throw ExitCode.failure }
  }
}
