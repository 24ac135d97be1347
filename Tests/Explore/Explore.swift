// `explore FIRST-LAST`: plays every seed of a range under all checkers, tells how far it is, and what it has found. The
// longer run of what CI does for a fixed set; see ExplorationTests.

import FailoverSimulation
import Glibc
import SimulatedScenarios

@main struct Explore {
  static func main() async {
    let words = CommandLine.arguments.dropFirst()
    guard let range = range(of: words.first ?? "1-20000"), words.count <= 1 else {
      fail("usage: explore [FIRST-LAST], for example: explore 1-20000")
    }
    let failures = await explore(range)
    for failure in failures.prefix(reportLimit) { print(report(failure)) }
    if failures.count > reportLimit { print("… and \(failures.count - reportLimit) more") }
    let rules = Dictionary(grouping: failures, by: \.rule).mapValues(\.count).sorted { $0.key < $1.key }
    let list = rules.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("\(range.count) seeds, \(failures.count) broke a rule" + (list.isEmpty ? "" : ": \(list)"))
    exit(failures.isEmpty ? 0 : 1)
  }

  /// So many failures are shown in full.
  private static let reportLimit = 5
}

private struct Failure: Sendable {
  var seed: UInt64
  var rule: String
}

/// Seeds that one task plays before it takes the next ones.
private let blockLength: UInt64 = 50

private func explore(_ range: ClosedRange<UInt64>) async -> [Failure] {
  let start = ContinuousClock().now
  var failures: [Failure] = []
  var finished = 0
  var next = range.lowerBound
  await withTaskGroup(of: (Int, [Failure]).self) { group in
    func add() {
      guard next <= range.upperBound else { return }
      let block = next...min(next + (blockLength - 1), range.upperBound)
      next = block.upperBound + 1
      group.addTask { (block.count, block.compactMap(failure)) }
    }
    for _ in 0..<max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) { add() }
    while let (count, found) = await group.next() {
      finished += count
      failures += found
      let seconds = (ContinuousClock().now - start).components.seconds
      show("\(finished) of \(range.count) seeds, \(failures.count) broke a rule, \(seconds) s")
      add()
    }
  }
  show("")
  return failures.sorted { $0.seed < $1.seed }
}

private func failure(_ seed: UInt64) -> Failure? {
  Expedition.scenario(seed: seed).run(detail: .nothing).examination.violations.first
    .map { Failure(seed: seed, rule: $0.rule) }
}

private func report(_ failure: Failure) -> String {
  let reduced = Expedition.scenario(seed: failure.seed).reduced()
  let outcome = reduced.run()
  return """
    seed \(failure.seed): \(outcome.complaints.joined(separator: "\n"))
    Again: Packaging/explore \(failure.seed)
    Reduced, as a file for Tests/FailoverSimulationTests/Scenarios:
    \(reduced.text)
    ----
    \(outcome.examination.transcript.text)

    """
}

/// `4711` or `1-20000`.
private func range(of text: String) -> ClosedRange<UInt64>? {
  let bounds = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt64($0) }
  guard let first = bounds.first ?? nil, let last = bounds.last ?? nil, bounds.count <= 2, first <= last,
    last < UInt64.max - blockLength
  else { return nil }
  return first...last
}

/// Progress overwrites itself on a terminal, and does not stand in a log.
private func show(_ line: String) {
  guard isatty(STDERR_FILENO) == 1 else { return }
  write("\r\u{1b}[K" + line)
}

private func fail(_ words: String) -> Never {
  write(words + "\n")
  exit(2)
}

private func write(_ text: String) {
  let bytes = Array(text.utf8)
  _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
}
