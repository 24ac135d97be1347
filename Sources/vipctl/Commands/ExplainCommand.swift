// vipctl explain: what a key of the cluster file means, without leaving the terminal.

import ArgumentParser
import ClusterConfiguration
import ControlAPI

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what a key of the cluster file means.",
    discussion: """
      A key is named by its path: `virtual_routers.lease`, `trackers.http.body`. Without one, all keys are listed.

      Exit codes: 0 done; 1 there is no such key; 64 wrong usage.
      """)

  @Argument(help: ArgumentHelp("Which key; left out: all.", valueName: "path"))
  var path: String?

  @Option(
    help: ArgumentHelp("The whole reference as a document: markdown, or man for vipd.yaml(5).", valueName: "format"))
  var document: Document?

  enum Document: String, ExpressibleByArgument, CaseIterable, Sendable {
    case markdown
    case man
  }

  @Option(help: ArgumentHelp("The date that a manual page bears.", visibility: .hidden))
  var date = "$Mdocdate$"

  @OptionGroup var color: ColorOptions

  func run() throws {
    let reference = ClusterFileReference()
    switch document {
    case .markdown?: return Terminal.write(reference.markdown)
    case .man?: return Terminal.write(reference.manual(date: date, version: vipdVersion))
    case nil: break
    }
    guard let path else { return Terminal.write(reference.sections.map { page($0) }.joined(separator: "\n")) }
    // The key alone will do, wherever it stands.
    let paths = reference.paths(of: path)
    guard !paths.isEmpty else {
      let hint = reference.nearest(to: path).map { "; was \($0) meant?" } ?? " (vipctl explain lists them)"
      Terminal.complain("the cluster file has no key \(path)\(hint)")
      throw ExitCode.failure
    }
    let pages = paths.map { path in
      // What the key itself is for, before what stands below it.
      [reference.key(at: path).map { page($0, path) }, reference.section(at: path).map { page($0) }].compactMap(\.self)
        .joined(separator: "\n")
    }
    Terminal.write(pages.joined(separator: "\n"))
  }

  private func page(_ key: ClusterFileReference.Key, _ path: String) -> String {
    let words = plain(key.meaning).wrapped(to: Terminal.columns - 2).map { "  \($0)\n" }.joined()
    return color.style.bold(path) + "\n" + words + "  " + color.style.dim("for example: ") + key.example + "\n"
  }

  private func page(_ section: ClusterFileReference.Section) -> String {
    let title = section.path.isEmpty ? section.title : "\(section.title): \(section.path)"
    let width = (section.keys.map(\.name.count).max() ?? 0) + 4
    var text = color.style.bold(title) + "\n"
    for key in section.keys {
      let lines = plain(key.meaning).wrapped(to: Terminal.columns - width)
      for (index, line) in lines.enumerated() {
        text += (index == 0 ? "  \(key.name)" : "").padded(to: width) + line + "\n"
      }
    }
    return text
  }

  /// Without the back-quotes.
  private func plain(_ text: String) -> String { text.filter { $0 != "`" } }
}
