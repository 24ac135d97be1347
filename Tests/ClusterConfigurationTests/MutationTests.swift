// Files as they come after a slip of the fingers or out of a broken disk: whatever is changed, the file is either
// accepted or refused with a reason and a place, and nothing traps.

import ClusterConfiguration
import Testing

@Suite struct MutationTests {
  @Test(arguments: exampleNames) func mutatedBytes(name: String) throws {
    var random = SplitMix64(seed: UInt64(name.utf8.count))
    let original = Array(try configurationText(of: name).utf8)
    var tally: [Bool: Int] = [:]
    for _ in 0..<400 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&bytes, using: &random) }
      tally[try judge(ClusterFile.parse(bytes: bytes, fileName: "f"), of: bytes), default: 0] += 1
    }
    #expect(tally.values.allSatisfy { $0 > 10 }, "both verdicts occur: \(tally)")
  }

  @Test(arguments: exampleNames) func mutatedWords(name: String) throws {
    var random = SplitMix64(seed: 100 + UInt64(name.utf8.count))
    let original = words(of: try configurationText(of: name))
    var tally: [Bool: Int] = [:]
    for _ in 0..<400 {
      var words = original
      for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&words, using: &random) }
      let text = words.joined()
      tally[try judge(ClusterFile.parse(text: text, fileName: "f"), of: Array(text.utf8)), default: 0] += 1
    }
    #expect(tally.values.allSatisfy { $0 > 10 }, "both verdicts occur: \(tally)")
  }

  /// An example without its comments, in which most mutations would be lost.
  private func configurationText(of example: String) throws -> String {
    try load(example: example).get().fileText
  }

  /// Whether it was accepted.
  private func judge(_ outcome: ClusterFile.Outcome, of bytes: [UInt8]) throws -> Bool {
    let lines = bytes.count { $0 == 0x0a || $0 == 0x0d } + 3 * bytes.count { $0 >= 0x80 } + 2
    for diagnostic in outcome.diagnostics {
      #expect((1...lines).contains(diagnostic.line))
      #expect((1...(bytes.count + 2)).contains(diagnostic.column))
      #expect(!diagnostic.message.isEmpty)
      #expect(diagnostic.rendered().unicodeScalars.allSatisfy { $0 == "\n" || $0 == "\t" || $0.value >= 0x20 })
    }
    let errors = outcome.diagnostics.count { $0.severity == .error }
    guard let configuration = outcome.configuration else {
      #expect(errors > 0)
      #expect(!outcome.diagnostics.contains { $0.message.contains("vipd can not make sense") })
      return false
    }
    #expect(errors == 0)
    // What was accepted can be written down and read again.
    let again = ClusterFile.parse(text: configuration.fileText, fileName: "again")
    #expect(again.configuration == configuration, "\(configuration.fileText)")
    for node in configuration.nodes {
      for view in configuration.virtualRouters(for: node.name) {
        #expect(!view.families.isEmpty)
        #expect(
          view.families.allSatisfy { !$0.addresses.isEmpty && !$0.peers.contains { $0.node == node.name.rawValue } })
      }
    }
    #expect(!CheckReport(outcome).text().isEmpty)
    return true
  }

  // MARK: Mutations

  private func mutate(_ bytes: inout [UInt8], using random: inout SplitMix64) {
    let place = Int.random(in: bytes.indices, using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = UInt8.random(in: 0x20..<0x7f, using: &random)
    case 2: bytes.remove(at: place)
    case 3: bytes.insert(bytes[Int.random(in: bytes.indices, using: &random)], at: place)
    case 4: bytes.swapAt(place, Int.random(in: bytes.indices, using: &random))
    default:
      let end = min(bytes.count, place + Int.random(in: 1...20, using: &random))
      bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: bytes.indices, using: &random))
    }
    if bytes.isEmpty { bytes = [0x0a] }
  }

  /// The text cut between words, spaces and signs; joined it is the text again.
  private func words(of text: String) -> [String] {
    var words: [String] = []
    for character in text {
      if let last = words.last?.last, last.isWord, character.isWord {
        words[words.count - 1].append(character)
      } else {
        words.append(String(character))
      }
    }
    return words
  }

  /// Words that mean something somewhere.
  private static let interesting = [
    "0", "1", "-1", "255", "256", "999999999999999999999", "1.5", "012", "1e3", "0x10", "true", "false", "null", "~",
    "off", "on",
    "10ms", "0ms", "1h", "99999h", "rfc", "{}", "[]", "{after: 1s}", "*a", "&a ", "!!int ", "|\n", ">\n", "---\n",
    "...\n",
    "? ", "- ", ": ", "#", "'", "\"", "\t", "\u{0}", "\u{85}", "\u{2028}", "ä", "\u{1F600}", "%", "@", "`", "<<",
    "0.0.0.0/0",
    "::/0", "fe80::1/64", "255.255.255.255/32", "nodes", "process", "script", "http", "version", "2", "multicast",
    "password",
    "notify", "vrid", "priority", "weight", "-253", "253", "shell", "interface", "lo", "preempt", "listen", "socket",
  ]

  private func mutate(_ words: inout [String], using random: inout SplitMix64) {
    let place = Int.random(in: words.indices, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0: words[place] = words[Int.random(in: words.indices, using: &random)]
    case 1: words[place] = Self.interesting[Int.random(in: Self.interesting.indices, using: &random)]
    case 2: words.remove(at: place)
    case 3: words.insert(Self.interesting[Int.random(in: Self.interesting.indices, using: &random)], at: place)
    default: words.swapAt(place, Int.random(in: words.indices, using: &random))
    }
    if words.isEmpty { words = ["\n"] }
  }
}

extension Character {
  fileprivate var isWord: Bool { isLetter || isNumber || self == "_" || self == "." || self == "/" || self == "-" }
}
