// keepalived.conf as a tree: a statement is a line of words, and may have a block of statements.

/// One statement.
public struct KeepalivedStatement: Sendable, Hashable {
  /// At least one.
  public var words: [String]
  /// Nil where it has none.
  public var block: [KeepalivedStatement]?
  public var place: KeepalivedPlace

  public var keyword: String { words[0] }
  public var arguments: ArraySlice<String> { words.dropFirst() }
}

/// A configuration as keepalived would read it on one host.
public struct KeepalivedFile: Sendable, Hashable {
  public var statements: [KeepalivedStatement] = []
  /// What is wrong with its form.
  public var findings: [KeepalivedFinding] = []

  /// - Parameters:
  ///   - configurationID: what `@word` is compared with.
  ///   - include: the files that an `include` of a pattern in a file means, sorted.
  public init(
    reading source: KeepalivedSource, configurationID: String,
    include: @escaping (_ pattern: String, _ file: String) -> [KeepalivedSource] = { _, _ in [] }
  ) {
    var reader = KeepalivedLineReader(configurationID: configurationID, include: include)
    reader.read(source)
    findings = reader.findings
    var builder = TreeBuilder()
    for line in reader.lines { builder.take(line) }
    statements = builder.finish()
    findings += builder.findings
  }
}

extension KeepalivedFile {
  /// What global_defs calls the host; nil where it does not.
  public var routerID: String? {
    let globals = statements.filter { $0.keyword == "global_defs" }.flatMap { $0.block ?? [] }
    return globals.last { $0.keyword == "router_id" }?.arguments.first
  }
}

private struct TreeBuilder {
  private var stack: [[KeepalivedStatement]] = [[]]
  /// The statements whose blocks are open.
  private var open: [KeepalivedStatement] = []
  private(set) var findings: [KeepalivedFinding] = []

  mutating func take(_ line: KeepalivedLine) {
    var words: [String] = []
    for token in KeepalivedToken.all(of: line.text) {
      switch token {
      case .word(let word): words.append(word)
      case .open:
        if words.isEmpty {
          // A brace on a line of its own belongs to the line before.
          guard let last = stack[stack.count - 1].popLast(), last.block == nil else {
            complain("a block of nothing", at: line.place)
            continue
          }
          open.append(last)
        } else {
          open.append(KeepalivedStatement(words: words, block: nil, place: line.place))
          words = []
        }
        stack.append([])
      case .close:
        add(&words, at: line.place)
        guard var statement = open.popLast() else {
          complain("a '}' too many", at: line.place)
          continue
        }
        statement.block = stack.removeLast()
        stack[stack.count - 1].append(statement)
      }
    }
    add(&words, at: line.place)
  }

  mutating func finish() -> [KeepalivedStatement] {
    while var statement = open.popLast() {
      complain("the block of '\(statement.keyword)' is not closed", at: statement.place)
      statement.block = stack.removeLast()
      stack[stack.count - 1].append(statement)
    }
    return stack[0]
  }

  private mutating func add(_ words: inout [String], at place: KeepalivedPlace) {
    guard !words.isEmpty else { return }
    stack[stack.count - 1].append(KeepalivedStatement(words: words, block: nil, place: place))
    words = []
  }

  private mutating func complain(_ message: String, at place: KeepalivedPlace) {
    findings.append(KeepalivedFinding(severity: .error, place: place, message: message))
  }
}

/// A word without its quotes, or a brace.
enum KeepalivedToken: Hashable {
  case word(String)
  case open
  case close

  static func all(of text: String) -> [KeepalivedToken] {
    var tokens: [KeepalivedToken] = []
    var word: String?
    var quote: Character?
    var characters = text.makeIterator()
    func finished(_ word: inout String?) -> [KeepalivedToken] {
      defer { word = nil }
      return word.map { [.word($0)] } ?? []
    }
    while let character = characters.next() {
      if character == "\\" {
        word = (word ?? "") + (characters.next().map(unescaped) ?? "\\")
      } else if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "\"" || character == "'" {
        quote = character
        word = word ?? ""
      } else if character == "{", word?.last == "$" {
        // A parameter that nobody has defined stays a word.
        word = (word ?? "") + "{"
        while let next = characters.next() {
          word = (word ?? "") + String(next)
          if next == "}" { break }
        }
      } else if character == "{" || character == "}" {
        tokens += finished(&word) + [character == "{" ? .open : .close]
      } else if character.isWhitespace {
        tokens += finished(&word)
      } else {
        word = (word ?? "") + String(character)
      }
    }
    return tokens + finished(&word)
  }

  private static func unescaped(_ character: Character) -> String {
    switch character {
    case "n": "\n"
    case "t": "\t"
    case "r": "\r"
    default: String(character)
    }
  }
}
