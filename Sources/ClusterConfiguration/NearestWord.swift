// "Did you mean …?": the word that was probably meant.

package enum NearestWord {
  /// The candidate that differs least from `word`; nil where none is near enough to be a slip of the fingers.
  package static func to(_ word: String, among candidates: some Sequence<String>) -> String? {
    let longest = 64
    guard word.utf8.count <= longest else { return nil }
    let typed = normalized(word)
    var best: (word: String, distance: Int)?
    for candidate in candidates where candidate.utf8.count <= longest {
      let wanted = normalized(candidate)
      let limit = max(1, min(typed.count, wanted.count) / 3)
      guard abs(typed.count - wanted.count) <= limit else { continue }
      let distance = distance(typed, wanted)
      if distance <= limit, distance < (best?.distance ?? .max) { best = (candidate, distance) }
    }
    return best?.word
  }

  /// Case and the choice between `-` and `_` are no difference.
  private static func normalized(_ word: String) -> [UInt8] {
    word.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that make one of the other.
  static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...other.count)
    for (row, mine) in one.enumerated() {
      var current = [row + 1]
      for (column, theirs) in other.enumerated() {
        var least = min(previous[column + 1] + 1, current[column] + 1, previous[column] + (mine == theirs ? 0 : 1))
        if row > 0, column > 0, mine == other[column - 1], one[row - 1] == theirs {
          least = min(least, beforePrevious[column - 1] + 1)
        }
        current.append(least)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[other.count]
  }
}
