// A transcript, read back: who had an address when, where clients found it, and what was done.

struct RecordedTranscript {
  struct Span {
    var subject: String
    var begin: Double
    var end: Double
    /// Of a client: the node that it found.
    var target: String?
  }

  struct Moment {
    var time: Double
    /// `**` for what was done from outside.
    var subject: String
    var words: String
  }

  /// In the order in which they appear.
  private(set) var nodes: [String] = []
  private(set) var clients: [String] = []
  private(set) var holdings: [Span] = []
  private(set) var findings: [Span] = []
  /// While the network is in parts: until when, and who is on which side.
  private(set) var partitions: [(begin: Double, end: Double, sides: [[String]])] = []
  /// Deeds, and changes of state.
  private(set) var moments: [Moment] = []

  init(_ text: Substring) {
    var open: [String: Span] = [:]
    var found: [String: Span] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
      guard words.count == 3, let time = Double(words[0]) else { continue }
      let subject = String(words[1])
      let rest = String(words[2].drop { $0 == " " })
      if subject == "**" {
        moments.append(Moment(time: time, subject: subject, words: rest))
        if rest.hasPrefix("partition ") {
          let sides = rest.dropFirst("partition ".count).split(separator: "|").map {
            $0.split(separator: " ").map(String.init)
          }
          partitions.append((time, .infinity, sides))
        } else if rest == "heal", let last = partitions.indices.last {
          partitions[last].end = min(partitions[last].end, time)
        }
        // A host that dies takes its addresses with it; a vipd that is killed leaves them.
        if rest.hasPrefix("crash "), let node = rest.split(separator: " ").last.map(String.init) {
          close(&open, node, at: time)
        }
      } else if let place = rest.firstRange(of: "finds "), place.lowerBound == rest.startIndex {
        note(subject, in: \.clients)
        close(&found, subject, at: time, into: \.findings)
        found[subject] = Span(
          subject: subject, begin: time, end: .infinity, target: rest.split(separator: " ").last.map(String.init))
      } else {
        note(subject, in: \.nodes)
        let deed = rest.split(separator: " ").dropFirst().first.map(String.init) ?? ""
        switch deed {
        case "installs" where open[subject] == nil: open[subject] = Span(subject: subject, begin: time, end: .infinity)
        case "removes", "loses": close(&open, subject, at: time)
        default: break
        }
        if ["active,", "backup,", "initialize,", "loses"].contains(deed) {
          moments.append(
            Moment(time: time, subject: subject, words: rest.split(separator: ": ").dropFirst().joined(separator: ": "))
          )
        }
      }
    }
    holdings += open.values
    findings += found.values
  }

  /// When a client cannot reach a node, as they are on two sides.
  func separations(of client: String, from node: String) -> [(begin: Double, end: Double)] {
    partitions.filter { partition in
      !partition.sides.contains { $0.contains(client) && $0.contains(node) }
    }.map { ($0.begin, $0.end) }
  }

  private mutating func note(_ subject: String, in list: WritableKeyPath<Self, [String]>) {
    if !self[keyPath: list].contains(subject) { self[keyPath: list].append(subject) }
  }

  private mutating func close(
    _ open: inout [String: Span], _ subject: String, at time: Double,
    into list: WritableKeyPath<Self, [Span]> = \.holdings
  ) {
    guard var span = open.removeValue(forKey: subject) else { return }
    span.end = time
    self[keyPath: list].append(span)
  }
}
