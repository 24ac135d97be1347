// A page of the documentation as a test reads it: the commands in its console blocks, with what they are said to print, and what
// the prose has the reader do in between.

import FoundationEssentials
import Testing

struct DocumentationPage: Sendable, CustomTestStringConvertible {
  enum Step: Sendable {
    /// Typed in on a host.
    case command(Command)
    /// What stands in a comment of the page, since no command does: `copy: vipd.yaml /etc/vipd/vipd.yaml`.
    case deed(String, [String])
  }

  struct Command: Sendable {
    var line: Int
    var host: String
    var text: String
    /// Line by line. `…` stands for anything: alone for any number of lines, within a line for any text.
    var output: [String]

    /// What only asks may be asked until the answer is there.
    var isQuestion: Bool {
      let questions = ["status", "check", "plan", "doctor", "trackers", "history", "explain", "capture"].map {
        "vipctl \($0)"
      }
      return (questions + ["curl ", "cat vipd.yaml", "sha256sum "]).contains { text.hasPrefix($0) }
    }
  }

  var name: String
  var text: String
  var environment: String
  var steps: [Step] = []

  var testDescription: String { name }

  static let directory =
    "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/Sources/vipd/Documentation.docc"

  static func all() throws -> [DocumentationPage] {
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".md") }.sorted()
    return try names.map { name in
      DocumentationPage(name: name, text: try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8))
    }
  }

  init(name: String, text: String) {
    self.name = name
    self.text = text
    environment = "laptop"
    var isConsole = false
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix("```") {
        isConsole = line == "```console"
      } else if isConsole {
        read(String(line), index + 1)
      } else if line.hasPrefix("@Comment { "), line.hasSuffix(" }") {
        let words = line.dropFirst("@Comment { ".count).dropLast(2).split(separator: " ").map(String.init)
        guard let key = words.first?.dropLast() else { continue }
        if key == "environment" {
          environment = words[1]
        } else {
          steps.append(.deed(String(key), Array(words.dropFirst())))
        }
      }
    }
  }

  private mutating func read(_ line: String, _ number: Int) {
    if let prompt = line.prefixMatch(of: #/(laptop|swarm[123])?[$#] /#) {
      let host = prompt.output.1.map(String.init) ?? "laptop"
      let text = String(line[prompt.range.upperBound...])
      steps.append(.command(Command(line: number, host: host, text: text, output: [])))
    } else if case .command(var command)? = steps.last {
      // What goes on, as a shell shows it.
      if line.hasPrefix("> "), command.output.isEmpty {
        command.text += "\n" + line.dropFirst(2)
      } else {
        command.output.append(line)
      }
      steps[steps.count - 1] = .command(command)
    }
  }
}

extension DocumentationPage.Command {
  /// Whether a program printed what the page says, but for times, process ids and how many blanks there are.
  func isAnswered(by output: String) -> Bool {
    let actual = output.split(separator: "\n", omittingEmptySubsequences: false).map(Self.plain)
    let expected = self.output.map(Self.plain)
    return Self.match(Self.trimmed(expected)[...], Self.trimmed(actual)[...])
  }

  private static func trimmed(_ lines: [String]) -> [String] {
    Array(lines.reversed().drop { $0.isEmpty }.reversed())
  }

  private static func plain(_ line: some StringProtocol) -> String {
    String(line).replacing(/\d{4}-\d\d-\d\dT[0-9:.]+Z/, with: "TIME")
      .replacing(/\b\d+(\.\d+)? ?(ms|s|min|h)\b/, with: "TIME").replacing(/pid \d+/, with: "pid N")
      .split(separator: " ").joined(separator: " ")
  }

  private static func match(_ expected: ArraySlice<String>, _ actual: ArraySlice<String>) -> Bool {
    guard let first = expected.first else { return actual.isEmpty }
    if first == "…" {
      return (actual.startIndex...actual.endIndex).contains { match(expected.dropFirst(), actual[$0...]) }
    }
    guard let line = actual.first, matches(first, line) else { return false }
    return match(expected.dropFirst(), actual.dropFirst())
  }

  private static func matches(_ pattern: String, _ line: String) -> Bool {
    let parts = pattern.split(separator: "…", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return pattern == line }
    guard line.hasPrefix(parts[0]), line.hasSuffix(parts[parts.count - 1]) else { return false }
    var rest = line.dropFirst(parts[0].count)
    for part in parts.dropFirst() where !part.isEmpty {
      guard let range = rest.firstRange(of: part) else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }
}
