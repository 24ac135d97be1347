// vipctl check: is this cluster file good, and what will it do? Needs no privileges and no vipd, so it runs on a laptop.

import ArgumentParser
import ClusterConfiguration
import ControlAPI

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a cluster file, and say in words what it does.",
    discussion: """
      Every complaint comes with its line and column. Warnings tell what is allowed and hardly meant: a weight that can \
      never move an address, say. The daemon refuses what this refuses.

      Exit codes: 0 good; 1 refused, or with --strict not free of warnings; 2 not readable.
      """)

  @Argument(help: "Cluster files.", completion: .file(extensions: ["yaml", "yml"]))
  var files: [String] = [ClusterFile.standardPath]

  @Flag(help: "Take warnings for errors.")
  var strict = false

  @Flag(help: "Print a JSON array with an object for each file.")
  var json = false

  @OptionGroup var color: ColorOptions

  func run() throws {
    var worst: Int32 = 0
    var reports: [CheckReport] = []
    for file in files {
      do throws(UnreadableFile) {
        let report = CheckReport(try ClusterFile.load(path: file))
        reports.append(report)
        worst = max(worst, report.exitCode(strict: strict))
      } catch {
        Terminal.complain(error.description)
        worst = max(worst, 2)
      }
    }
    Terminal.write(
      try json ? object(reports) : reports.map { $0.text(inColour: color.isColored) }.joined(separator: "\n"))
    guard worst == 0 else { throw ExitCode(worst) }
  }

  private func object(_ reports: [CheckReport]) throws -> String {
    String(decoding: try ControlJSON.pretty(reports.map(CheckedFile.init)), as: UTF8.self) + "\n"
  }
}

/// What `vipctl check --json` prints of a file.
struct CheckedFile: Codable {
  var file: String
  /// Whether the daemon would take it.
  var good: Bool
  var errors: Int
  var warnings: Int
  var diagnostics: [Complaint]

  struct Complaint: Codable {
    var severity: String
    var line: Int
    var column: Int
    var message: String
    var details: [String]
    var hint: String?
  }

  init(_ report: CheckReport) {
    file = report.fileName
    good = report.errorCount == 0
    errors = report.errorCount
    warnings = report.warningCount
    diagnostics = report.diagnostics.map { diagnostic in
      Complaint(
        severity: diagnostic.severity.rawValue, line: diagnostic.line, column: diagnostic.column,
        message: diagnostic.message, details: diagnostic.details, hint: diagnostic.hint)
    }
  }
}
