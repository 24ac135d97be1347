// What stands between the text of keepalived.conf and its statements: comments, continued lines, includes, conditions,
// parameters and sequences, undone in the order in which keepalived undoes them (keepalived.conf(5), "Advanced configuration").

/// Where something stands.
public struct KeepalivedPlace: Sendable, Hashable, CustomStringConvertible {
  /// As it was named.
  public var file: String
  /// Counts from 1.
  public var line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }

  public var description: String { "\(file):\(line)" }
}

/// Something that keepalived.conf holds and that could not be carried over as it stands.
public struct KeepalivedFinding: Sendable, Hashable, CustomStringConvertible {
  public enum Severity: String, Sendable, Hashable {
    /// It cannot be converted.
    case error
    /// It was converted with a choice, or left out.
    case note
  }

  public var severity: Severity
  public var place: KeepalivedPlace
  /// One sentence, and what to do about it.
  public var message: String

  public var description: String { "\(place): \(severity.rawValue): \(message)" }
}

/// A text that is part of a configuration.
public struct KeepalivedSource: Sendable, Hashable {
  /// As it was named, or found.
  public var file: String
  public var text: String

  public init(file: String, text: String) {
    self.file = file
    self.text = text
  }
}

/// One line after all that, with the place that it comes from.
struct KeepalivedLine: Sendable, Hashable {
  var text: String
  var place: KeepalivedPlace
}

/// Undoes them.
struct KeepalivedLineReader {
  /// What `@word` is compared with: the host's name up to the first dot, or what keepalived is told with -i.
  let configurationID: String
  /// The files that an `include` of `pattern` in a file means, sorted.
  let include: (_ pattern: String, _ file: String) -> [KeepalivedSource]

  private(set) var lines: [KeepalivedLine] = []
  private(set) var findings: [KeepalivedFinding] = []
  private var parameters: [String: String] = [:]
  private var files: [String] = []

  /// More than anybody has lines; a parameter that grows by itself ends here.
  private static let most = 100_000
  private static let deepest = 32

  init(configurationID: String, include: @escaping (String, String) -> [KeepalivedSource]) {
    self.configurationID = configurationID
    self.include = include
    parameters["_INSTANCE"] = configurationID
    parameters["_HASH"] = "#"
  }

  mutating func read(_ source: KeepalivedSource) {
    guard files.count < Self.deepest, !files.contains(source.file) else {
      return complain("\(source.file) includes itself", at: KeepalivedPlace(file: source.file, line: 1))
    }
    files.append(source.file)
    let outer = parameters["_PWD"]
    parameters["_PWD"] = source.file.lastIndex(of: "/").map { String(source.file[..<$0]) } ?? "."
    defer {
      files.removeLast()
      parameters["_PWD"] = outer
    }
    var pending: (text: String, place: KeepalivedPlace)?
    let physical = source.text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, line) in physical.enumerated() {
      let place = KeepalivedPlace(file: source.file, line: index + 1)
      var text = trimmed(line)
      let isContinued = text.hasSuffix("\\")
      if isContinued { text.removeLast() }
      let before = pending
      let isDefinition = (before?.text ?? String(text)).first == "$"
      // A parameter of several lines keeps their ends.
      let joint = isDefinition ? "\n" : " "
      let whole = before.map { $0.text + joint + text } ?? String(text)
      pending = isContinued ? (whole, before?.place ?? place) : nil
      if !isContinued { take(whole, at: before?.place ?? place, in: source.file) }
    }
    if let pending { take(pending.text, at: pending.place, in: source.file) }
  }

  // MARK: One line

  private mutating func take(_ raw: String, at place: KeepalivedPlace, in file: String) {
    let text = String(trimmed(Self.withoutComment(raw)))
    guard !text.isEmpty else { return }
    let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
    if ["include", "includer", "includem", "includew", "includeb", "includea"].contains(words[0]), words.count == 2 {
      let pattern = words[1].trimmingQuotes
      let found = include(pattern, file)
      if found.isEmpty { complain("include \(pattern): there is no such file", at: place) }
      for source in found { read(source) }
      return
    }
    expand(text, at: place, depth: 0)
  }

  /// Conditions, definitions, sequences and parameters, until nothing of them is left.
  private mutating func expand(_ original: String, at place: KeepalivedPlace, depth: Int) {
    guard depth < Self.deepest, lines.count < Self.most else {
      return complain("parameters that refer to themselves, or too many lines", at: place)
    }
    var text = String(trimmed(original[...]))
    if text.hasPrefix("@") {
      guard let rest = satisfied(text) else { return }
      text = rest
    }
    if define(text) { return }
    if text.hasPrefix("~SEQ("), let sequence = KeepalivedSequence(text) {
      for value in sequence.values {
        parameters[sequence.name] = "\(value)"
        expand(sequence.rest, at: place, depth: depth + 1)
      }
      return
    }
    let replaced = substituted(text)
    guard replaced == text else {
      for line in replaced.split(whereSeparator: \.isNewline) { expand(String(line), at: place, depth: depth + 1) }
      return
    }
    if !text.isEmpty { lines.append(KeepalivedLine(text: text, place: place)) }
  }

  /// What follows a condition; nil where it does not hold.
  private func satisfied(_ text: String) -> String? {
    let isNegative = text.hasPrefix("@^")
    let word = text.dropFirst(isNegative ? 2 : 1).prefix { !$0.isWhitespace }
    guard (word == configurationID) != isNegative else { return nil }
    return String(trimmed(text[word.endIndex...]))
  }

  /// Takes `$NAME=VALUE` in.
  private mutating func define(_ text: String) -> Bool {
    guard text.hasPrefix("$") else { return false }
    let name = text.dropFirst().prefix { $0.isParameterCharacter }
    guard !name.isEmpty, name.endIndex < text.endIndex, text[name.endIndex] == "=" else { return false }
    parameters[String(name)] = String(trimmed(text[text.index(after: name.endIndex)...]))
    return true
  }

  /// With the first parameter that is known replaced. What is not known stays as it is.
  private func substituted(_ text: String) -> String {
    var start = text.startIndex
    while let dollar = text[start...].firstIndex(of: "$") {
      let after = text.index(after: dollar)
      let isBraced = after < text.endIndex && text[after] == "{"
      let nameStart = isBraced ? text.index(after: after) : after
      let name = text[nameStart...].prefix { $0.isParameterCharacter }
      var end = name.endIndex
      // Without braces a name ends as a word does: `$VIP/24` is no parameter.
      let isClosed =
        isBraced
        ? end < text.endIndex && text[end] == "}"
        : end == text.endIndex || text[end].isWhitespace || ",)".contains(text[end])
      if isBraced, isClosed { end = text.index(after: end) }
      if isClosed, let value = parameters[String(name)] {
        return text.replacing(dollar..<end, with: value)
      }
      start = after
    }
    return text
  }

  private mutating func complain(_ message: String, at place: KeepalivedPlace) {
    findings.append(KeepalivedFinding(severity: .error, place: place, message: message))
  }

  /// Both signs begin a comment anywhere, but not in quotes.
  private static func withoutComment(_ text: String) -> Substring {
    var quote: Character?
    var isEscaped = false
    for index in text.indices {
      let character = text[index]
      defer { isEscaped = character == "\\" && !isEscaped }
      if isEscaped { continue }
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "\"" || character == "'" {
        quote = character
      } else if character == "#" || character == "!" {
        return text[..<index]
      }
    }
    return text[...]
  }
}

/// `~SEQ(NAME, START[, STEP], END) TEXT`: the text again and again.
private struct KeepalivedSequence {
  var name: String
  var values: [Int]
  var rest: String

  init?(_ text: String) {
    guard let close = text.firstIndex(of: ")") else { return nil }
    let fields = text[..<close].dropFirst("~SEQ(".count).split(separator: ",").map { String(trimmed($0)) }
    let numbers = fields.dropFirst().compactMap { Int($0) }
    guard fields.count == numbers.count + 1, let start = numbers.first, let end = numbers.last,
      (2...3).contains(numbers.count)
    else { return nil }
    let step = numbers.count == 3 ? numbers[1] : (start <= end ? 1 : -1)
    guard step != 0, abs((end - start) / step) < 10_000 else { return nil }
    name = fields[0]
    values = Array(stride(from: start, through: end, by: step))
    rest = String(trimmed(text[text.index(after: close)...]))
  }
}

private func trimmed(_ text: Substring) -> Substring {
  let front = text.drop { $0.isWhitespace }
  guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
  return front[...last]
}

extension Character {
  fileprivate var isParameterCharacter: Bool { isASCII && (isLetter || isNumber) || self == "_" }
}

extension String {
  fileprivate func replacing(_ range: Range<Index>, with text: String) -> String {
    String(self[..<range.lowerBound]) + text + String(self[range.upperBound...])
  }
}

extension Substring {
  fileprivate var trimmingQuotes: String {
    guard count >= 2, let first, first == last, first == "\"" || first == "'" else { return String(self) }
    return String(dropFirst().dropLast())
  }
}
