import Testing

@testable import HealthProbes

@Suite struct HysteresisTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let rise: Int
    let fall: Int
    /// `+` is a success, `-` a failure.
    let results: String
    /// The judgement after each: `u` or `d`.
    let judgements: String
    var testDescription: String { "rise \(rise), fall \(fall): \(results)" }
  }

  @Test(arguments: [
    Row(rise: 1, fall: 1, results: "+-+--+", judgements: "ududdu"),
    // The first result decides at once, however patient the rest is.
    Row(rise: 3, fall: 3, results: "+", judgements: "u"),
    Row(rise: 3, fall: 3, results: "-", judgements: "d"),
    Row(rise: 1, fall: 3, results: "+--+---+", judgements: "uuuuuudu"),
    Row(rise: 3, fall: 1, results: "-++-+++-", judgements: "ddddddud"),
    Row(rise: 2, fall: 2, results: "+-+-+--+-++", judgements: "uuuuuuddddu"),
    Row(rise: 2, fall: 1, results: "+-++-", judgements: "uddud"),
  ])
  func judgements(row: Row) {
    var hysteresis = Hysteresis(rise: row.rise, fall: row.fall)
    var judgements = ""
    for result in row.results {
      let before = hysteresis.isUp
      let hasChanged = hysteresis.record(success: result == "+")
      #expect(hasChanged == (hysteresis.isUp != before))
      judgements += hysteresis.isUp == true ? "u" : "d"
    }
    #expect(judgements == row.judgements)
  }

  @Test func unknownBeforeTheFirstResult() {
    #expect(Hysteresis(rise: 1, fall: 1).isUp == nil)
  }

  @Test func streaks() {
    var hysteresis = Hysteresis(rise: 5, fall: 5)
    for _ in 0..<3 { _ = hysteresis.record(success: true) }
    #expect(hysteresis.successes == 3 && hysteresis.failures == 0)
    _ = hysteresis.record(success: false)
    #expect(hysteresis.successes == 0 && hysteresis.failures == 1)
  }

  @Test func definitionKeepsNumbersWithinReason() {
    let definition = TrackerDefinition(
      name: "x", kind: .process(name: "x"), interval: .zero, timeout: .zero, rise: 0, fall: -1)
    #expect(definition.rise == 1 && definition.fall == 1)
    #expect(definition.interval > .zero && definition.timeout > .zero)
  }
}
