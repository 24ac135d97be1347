// Single values out of YAML nodes. Each function gives the value, or complains and gives nil; none stops the reading.

import NetworkTypes
import VRRP

extension ClusterFileReader {
  // MARK: Mappings and lists

  /// The entries of a mapping whose keys are `Key`s; complains about every other key. Nothing written is no entry.
  mutating func fields<Key: SchemaKey>(
    of node: YAMLNode, as key: Key.Type, isKnown: (YAMLEntry) -> Bool = { _ in false }
  )
    -> Fields<Key>?
  {
    switch node.content {
    case .mapping(let entries):
      var fields = Fields<Key>(position: node.position)
      for entry in entries {
        if let key = Key(rawValue: entry.key) {
          fields.entries[key] = entry
        } else if !isKnown(entry) {
          let meant = NearestWord.to(entry.key, among: Key.allCases.map(\.rawValue)).flatMap(Key.init)
          if let meant { fields.misspelt.insert(meant) }
          complaints.error(
            "unknown key \(entry.key.quoted)", at: entry.keyPosition, hint: hint(for: entry.key, nearest: meant))
        }
      }
      return fields
    case .scalar where node.isEmpty:
      return Fields(position: node.position)
    case .unusable:
      return nil
    case .scalar, .sequence:
      let example = Key.allCases.first.map { "such as '\($0.example)'" } ?? ""
      complaints.error(
        "\(Key.place) is written as keys and values \(example), not \(node.description)", at: node.position)
      return nil
    }
  }

  private func hint<Key: SchemaKey>(for word: String, nearest: Key?) -> String {
    if let nearest { return "did you mean '\(nearest.rawValue)'?" }
    let keys = Key.allCases.map(\.rawValue)
    if let ours = ForeignWords.ours[word.lowercased()], keys.contains(ours) { return "vipd's word for it is '\(ours)'" }
    return "\(Key.place) has the keys \(keys.sorted().joined(separator: ", "))"
  }

  /// Complains where `key` is missing and no misspelling of it was complained about; gives its entry where it is there.
  mutating func required<Key>(_ key: Key, in fields: Fields<Key>, what: String? = nil) -> YAMLEntry? {
    if let entry = fields[key] { return entry }
    guard !fields.misspelt.contains(key) else { return nil }
    complaints.error(
      "\(what ?? Key.place) needs '\(key.rawValue)'", at: fields.position, hint: "for example: \(key.example)")
    return nil
  }

  /// The elements of a list; a single value is not taken for a list of one.
  mutating func list(_ entry: YAMLEntry, example: String) -> [YAMLNode]? {
    switch entry.value.content {
    case .sequence(let elements): return elements
    case .unusable: return nil
    case .scalar, .mapping:
      complaints.error(
        "'\(entry.key)' is a list, not \(entry.value.description)", at: position(of: entry),
        hint: "for example: \(example)")
      return nil
    }
  }

  // MARK: Scalars

  /// A text that is not empty.
  mutating func text(_ node: YAMLNode, _ what: String, example: String) -> Located<String>? {
    switch node.content {
    case .scalar(let text, _) where !node.isEmpty && !text.isEmpty:
      return holdsNoNull(text, at: node.position) ? Located(text, at: node.position) : nil
    case .unusable:
      return nil
    case .scalar, .sequence, .mapping:
      complaints.error(
        "\(what) needs a text, not \(node.description)", at: node.position, hint: "for example: \(example)")
      return nil
    }
  }

  /// An escape ("\0") can put a null character into a text, where the host's interfaces would end it.
  mutating func holdsNoNull(_ text: String, at position: SourcePosition) -> Bool {
    guard text.utf8.contains(0) else { return true }
    complaints.error("\(text.quoted) holds a null character", at: position)
    return false
  }

  mutating func text(_ entry: YAMLEntry, example: String) -> Located<String>? {
    guard !entry.value.isEmpty else {
      complaints.error("'\(entry.key)' has no value", at: entry.keyPosition, hint: "for example: \(example)")
      return nil
    }
    return text(entry.value, "'\(entry.key)'", example: example)
  }

  mutating func name(_ entry: YAMLEntry, of what: String, example: String) -> NameDraft? {
    text(entry, example: example).map { name($0, of: what) }
  }

  mutating func name(_ text: Located<String>, of what: String) -> NameDraft {
    let problem = NameRule.problem(with: text.value)
    if let problem { complaints.error("the \(what)'s name \(text.value.quoted) \(problem)", at: text.position) }
    return NameDraft(text: text.value, position: text.position, isGood: problem == nil)
  }

  /// A whole number, with or without a sign.
  mutating func integer(_ entry: YAMLEntry, in range: ClosedRange<Int>, example: String, hint: String? = nil)
    -> Located<Int>?
  {
    guard let text = text(entry, example: example) else { return nil }
    let digits = text.value.drop { $0 == "-" || $0 == "+" }
    if text.value.count - digits.count <= 1, digits.allSatisfy({ ("0"..."9").contains($0) }), !digits.isEmpty {
      if digits.count > 1, digits.first == "0" {
        complaints.error(
          "'\(entry.key)' is \(text.value.quoted), which some read as octal", at: text.position,
          hint: "write it without the leading zero")
        return nil
      }
      if let number = Int(text.value), range.contains(number) { return Located(number, at: text.position) }
    }
    let bounds =
      range.upperBound == .max ? "from \(range.lowerBound) up" : "from \(range.lowerBound) to \(range.upperBound)"
    complaints.error(
      "'\(entry.key)' must be a whole number \(bounds), not \(text.value.quoted)", at: text.position, hint: hint)
    return nil
  }

  mutating func duration(_ entry: YAMLEntry, in range: ClosedRange<Duration>, example: String) -> Located<Duration>? {
    guard let text = text(entry, example: example) else { return nil }
    switch DurationText.parse(text.value) {
    case .success(let duration) where range.contains(duration):
      return Located(duration, at: text.position)
    case .success, .failure(.tooLarge):
      complaints.error(
        "'\(entry.key)' must be \(range.lowerBound.written) to \(range.upperBound.written), not \(text.value.quoted)",
        at: text.position)
    case .failure(.unitMissing):
      complaints.error(
        "'\(entry.key)' is \(text.value.quoted), which has no unit", at: text.position,
        hint: "write '\(text.value)s' or '\(text.value)ms'")
    case .failure(.unknownUnit(let unit)):
      complaints.error(
        "'\(entry.key)' is \(text.value.quoted), with the unknown unit \(unit.quoted)", at: text.position,
        hint: "the units are ms, s, m and h, one at a time: '90s', not '1m30s'")
    case .failure(.notANumber):
      complaints.error(
        "'\(entry.key)' must be a duration, not \(text.value.quoted)", at: text.position,
        hint: "for example: \(example); the units are ms, s, m and h")
    }
    return nil
  }

  /// One of a few words.
  mutating func choice<Value>(_ entry: YAMLEntry, _ choices: [(word: String, value: Value)], hint: String? = nil)
    -> Located<Value>?
  {
    let words = choices.map(\.word)
    guard let text = text(entry, example: words.first.map { "\(entry.key): \($0)" } ?? "") else { return nil }
    if let choice = choices.first(where: { $0.word == text.value }) { return Located(choice.value, at: text.position) }
    let nearest = Self.truthValue(of: text.value, among: words) ?? NearestWord.to(text.value, among: words)
    complaints.error(
      "'\(entry.key)' must be \(words.alternatives), not \(text.value.quoted)", at: text.position,
      hint: nearest.map { "did you mean '\($0)'?" } ?? hint)
    return nil
  }

  mutating func boolean(_ entry: YAMLEntry) -> Located<Bool>? { choice(entry, [("true", true), ("false", false)]) }

  /// `yes`, `on` and `true` are one word in YAML 1.1; people mix them up.
  private static func truthValue(of text: String, among words: [String]) -> String? {
    switch text.lowercased() {
    case "yes", "on", "true", "y": words.first { ["true", "on"].contains($0) }
    case "no", "off", "false", "n": words.first { ["false", "off"].contains($0) }
    default: nil
    }
  }

  /// A network interface's name, by the kernel's rules (`dev_valid_name`).
  mutating func interface(_ entry: YAMLEntry) -> Located<String>? {
    guard let text = text(entry, example: "interface: eth0") else { return nil }
    let problem: String? =
      if text.value.utf8.count > 15 {
        "has \(text.value.utf8.count) bytes; Linux allows 15"
      } else if text.value == "." || text.value == ".." {
        "is not allowed"
      } else if let bad = text.value.unicodeScalars.first(where: {
        $0 == "/" || $0 == ":" || $0.properties.isWhitespace || !$0.properties.isPrintable
      }) {
        "holds '\(bad.displayed)'"
      } else {
        nil
      }
    guard let problem else { return text }
    complaints.error("the interface's name \(text.value.quoted) \(problem)", at: text.position)
    return nil
  }

  /// A program and its arguments, the program by its absolute path.
  mutating func command(_ elements: [YAMLNode], of entry: YAMLEntry) -> [String]? {
    var words: [String] = []
    for element in elements {
      switch element.content {
      case .scalar(let text, _) where !element.isEmpty:
        guard holdsNoNull(text, at: element.position) else { return nil }
        words.append(text)
      case .unusable: return nil
      case .scalar, .sequence, .mapping:
        complaints.error(
          "each word of '\(entry.key)' is a text, not \(element.description)", at: element.position,
          hint: "an empty word is written ''")
        return nil
      }
    }
    guard let program = words.first, let position = elements.first?.position else {
      complaints.error(
        "'\(entry.key)' is empty", at: position(of: entry),
        hint: "for example: \(entry.key): [/usr/local/bin/check, --fast]")
      return nil
    }
    guard isAbsolutePath(program) else {
      complaints.error(
        "\(program.quoted) is not an absolute path", at: position,
        hint: "vipd looks in no PATH; write for example /usr/local/bin/\(program.split(separator: "/").last ?? "check")"
      )
      return nil
    }
    return words
  }

  func isAbsolutePath(_ text: String) -> Bool { text.hasPrefix("/") && !text.hasSuffix("/") }

  /// Where a value stands, or its key where there is no value.
  func position(of entry: YAMLEntry) -> SourcePosition {
    entry.value.isEmpty ? entry.keyPosition : entry.value.position
  }
}

/// The entries of a mapping, by key.
struct Fields<Key: SchemaKey> {
  let position: SourcePosition
  var entries: [Key: YAMLEntry] = [:]
  /// Keys that were probably meant by unknown ones.
  var misspelt: Set<Key> = []

  subscript(key: Key) -> YAMLEntry? { entries[key] }
}

extension [String] {
  /// `'a'`, `'a' or 'b'`, `'a', 'b' or 'c'`
  var alternatives: String {
    let quoted = map { "'\($0)'" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
  }
}
