// The cluster file as text, to say by which command a line of it is changed. Whoever is told "the intervals differ" at night
// should not have to look for the place.

/// A cluster file's lines.
public struct ClusterFileText: Sendable, Hashable {
  public let path: String
  /// As `ClusterFile.Outcome` has it.
  public let digest: String
  private let lines: [Substring]

  public init(path: String, text: String, digest: String) {
    self.path = path
    self.digest = digest
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// A command that gives a key of one virtual router another value.
  ///
  /// Every virtual router has a line with its `vrid`; the key's own is looked for around it, and is put below it where
  /// there is none. A file in flow style (`{vrid: 12, interval: 1s}`) is changed within its line.
  func command(setting key: String, to value: String, ofVRID vrid: UInt8) -> String {
    guard let anchor = lines.firstIndex(where: { Self.value(of: "vrid", in: $0) == String(vrid) }) else {
      return "${EDITOR:-vi} \(path.shellWord)   # \(key): \(value)"
    }
    let editor = "${EDITOR:-vi} +\(anchor + 1) \(path.shellWord)   # \(key): \(value)"
    // Several entries on one line: no telling which one's key it is.
    guard Self.count(of: "vrid", in: lines[anchor]) == 1 else { return editor }
    let entry = entry(around: anchor)
    if let line = entry.first(where: { Self.value(of: key, in: lines[$0]) != nil }) {
      let pattern: String
      switch Self.value(of: key, in: lines[line])?.first {
      case nil: return editor
      case "[":
        // A list that goes on below, or holds mappings, is not for sed.
        let rest = lines[line].prefix { $0 != "#" }
        guard let list = rest.firstRange(of: key + ":").map({ rest[$0.upperBound...] }),
          let end = list.firstIndex(of: "]"),
          !list[..<end].contains("{")
        else { return editor }
        pattern = "\\[[^]]*\\]"
      default: pattern = "[^,}# ]*"
      }
      return "sed -i '\(line + 1)s|\\b\(key): *\(pattern)|\(key): \(value)|' \(path.shellWord)"
    }
    if Self.isFlow(lines[anchor]) {
      return "sed -i '\(anchor + 1)s|\\bvrid: *\(vrid)\\b|&, \(key): \(value)|' \(path.shellWord)"
    }
    // `- vrid: 12` begins its entry: what follows it stands below the v.
    return
      "sed -i '\(anchor + 1)a\\\(String(repeating: " ", count: column(of: anchor)))\(key): \(value)' \(path.shellWord)"
  }

  /// Where the first key of a line begins.
  private func column(of line: Int) -> Int { lines[line].prefix { $0 == " " || $0 == "-" }.count }

  /// The lines of the list's entry that holds this line.
  private func entry(around anchor: Int) -> ClosedRange<Int> {
    func depth(_ line: Int) -> Int { lines[line].prefix { $0 == " " }.count }
    // Lists within the entry stand as deep as its keys, or deeper.
    func begins(_ line: Int) -> Bool {
      lines[line].drop { $0 == " " }.hasPrefix("- ") && depth(line) < column(of: anchor)
    }
    let dash = (0...anchor).last(where: begins) ?? anchor
    let end = lines.indices.first { line in
      guard line > max(dash, anchor) else { return false }
      let text = lines[line].drop { $0 == " " }
      return !text.isEmpty && !text.hasPrefix("#") && depth(line) <= depth(dash)
    }
    return dash...max(anchor, (end ?? lines.endIndex) - 1)
  }

  private static func count(of key: String, in line: Substring) -> Int {
    line.prefix { $0 != "#" }.split(separator: "\(key):", omittingEmptySubsequences: false).count - 1
  }

  private static func isFlow(_ line: Substring) -> Bool { line.contains("{") }

  /// What stands behind `key:` in a line, wherever in it; nil where the line has no such key.
  private static func value(of key: String, in line: Substring) -> String? {
    let code = line.prefix { $0 != "#" }
    var rest = code[...]
    while let range = rest.firstRange(of: key + ":") {
      let isWord = range.lowerBound == code.startIndex || " -{,".contains(code[code.index(before: range.lowerBound)])
      if isWord {
        return String(rest[range.upperBound...].drop { $0 == " " }.prefix { !", }".contains($0) })
      }
      rest = rest[range.upperBound...]
    }
    return nil
  }
}
