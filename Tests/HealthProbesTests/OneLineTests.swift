import Testing

@testable import HealthProbes

@Suite struct OneLineTests {
  @Test(arguments: [
    ("plain", "plain"),
    ("", ""),
    ("  two\t\tblanks  ", "two blanks"),
    ("a\nb\r\nc", "a b c"),
    ("nul\u{0}bell\u{7}", "nul bell"),
    ("\u{1B}[1;31mred\u{1B}[0m alert", "red alert"),
    ("\u{1B}]0;a new window title\u{7}text", "text"),
    ("\u{1B}]0;title\u{1B}\\text", "text"),
    ("\u{1B}", ""),
    ("\u{9B}31m", "31m"),
    ("right\u{202E}tfel", "righttfel"),
    ("line\u{2028}separator", "line separator"),
    ("Größe: 5 µs, 日本", "Größe: 5 µs, 日本"),
  ])
  func cleaned(text: String, expected: String) { #expect(oneLine(text) == expected) }

  @Test func cut() {
    let long = oneLine(String(repeating: "ü", count: 1000))
    #expect(long.count == 200 && long.hasSuffix("ü…"))
    #expect(oneLine(String(repeating: "ü", count: 200)).count == 200)
  }

  @Test(
    arguments: [
      ("one\ntwo\n", "two"),
      ("one\n\n \n\u{1B}[0m\n", "one"),
      (" 10%\r 20%\r100%", "100%"),
      ("", nil),
      ("\n\n", nil),
    ] as [(String, String?)])
  func lastLines(text: String, expected: String?) { #expect(lastLine(of: Array(text.utf8)) == expected) }

  @Test func brokenEncoding() { #expect(lastLine(of: [0x61, 0xFF, 0xFE, 0x62]) == "a\u{FFFD}\u{FFFD}b") }

  @Test func tailKeepsTheEndWithinBounds() {
    var tail = OutputTail()
    for number in 0..<100_000 {
      Array("line \(number)\n".utf8).withUnsafeBytes { tail.append($0) }
    }
    #expect(tail.lastLine == "line 99999")
    Array(repeating: UInt8(ascii: "x"), count: 1 << 20).withUnsafeBytes { tail.append($0) }
    #expect(tail.lastLine?.count == 200)
  }

  @Test func durations() {
    #expect(Duration.milliseconds(500).shortText == "500ms")
    #expect(Duration.seconds(2).shortText == "2s")
    #expect(Duration.milliseconds(1500).shortText == "1500ms")
  }
}
