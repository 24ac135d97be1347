// keepalived.conf's form: the examples of keepalived.conf(5), and what people write.

import Testing

@testable import KeepalivedConversion

@Suite("The form of keepalived.conf")
struct KeepalivedStatementTests {
  private func read(
    _ text: String, as id: String = "main", include files: [String: String] = [:]
  ) -> KeepalivedFile {
    KeepalivedFile(reading: KeepalivedSource(file: "k.conf", text: text), configurationID: id) { pattern, _ in
      files[pattern].map { [KeepalivedSource(file: pattern, text: $0)] } ?? []
    }
  }

  /// The tree as text: `a b { c }`.
  private func outline(_ statements: [KeepalivedStatement]) -> String {
    statements.map { statement in
      statement.words.joined(separator: " ") + (statement.block.map { " { \(outline($0)) }" } ?? "")
    }.joined(separator: "; ")
  }

  private func outline(_ text: String, as id: String = "main", include files: [String: String] = [:]) -> String {
    let file = read(text, as: id, include: files)
    #expect(file.findings.isEmpty, "\(file.findings)")
    return outline(file.statements)
  }

  @Test("Blocks, comments of both signs, and braces wherever people put them")
  func blocks() {
    #expect(
      outline("a b { # c\n  d e ! f\n}\n! all of it\ng { h }\ni\n{\n j 1\n k 2 }\n")
        == "a b { d e }; g { h }; i { j 1; k 2 }")
  }

  @Test("Quotes keep blanks and the comments' signs; words around them are one")
  func quotes() {
    let file = read("x abcd\" efg h jkl \"mnop 'a \"b\" c' \"#!\" \\\"q\\\" \"tab\\there\"")
    #expect(file.statements[0].words == ["x", "abcd efg h jkl mnop", "a \"b\" c", "#!", "\"q\"", "tab\there"])
  }

  @Test("Lines that are continued are one, and have the first one's number")
  func continued() {
    let file = read("a\nscript x \\\n  y \\\n  z\nb")
    #expect(file.statements.map(\.words) == [["a"], ["script", "x", "y", "z"], ["b"]])
    #expect(file.statements.map(\.place.line) == [1, 2, 5])
  }

  @Test(
    "Conditions",
    arguments: [
      ("main", "router_id one; unicast_peer { 1.2.3.5; 1.2.3.6 }"),
      ("backup", "unicast_peer { 1.2.3.4; 1.2.3.6 }"),
      ("other", "unicast_peer { 1.2.3.4; 1.2.3.5; 1.2.3.6 }"),
    ])
  func conditions(id: String, expected: String) {
    let text = """
      @main router_id one
      unicast_peer {
        @^main   1.2.3.4
        @^backup 1.2.3.5
        @^third  1.2.3.6
      }
      """
    #expect(outline(text, as: id) == expected)
  }

  @Test("Parameters are replaced where they stand, again and again, and unknown ones stay")
  func parameters() {
    let text = """
      $ADDRESS_BASE=10.2.${ADDRESS_BASE_SUB}
      $ADDRESS_BASE_SUB=0
      ${ADDRESS_BASE}.100/32
      $ADDRESS_BASE_SUB=10
      ${ADDRESS_BASE}.100/32
      @main $PRIORITY=240
      @backup $PRIORITY=200
      priority $PRIORITY
      keep $UNKNOWN ${UNKNOWN} $PRIORITYx
      $IF_MAIN=@main
      $IF_MAIN garp 1
      """
    #expect(
      outline(text) == "10.2.0.100/32; 10.2.10.100/32; priority 240; keep $UNKNOWN ${UNKNOWN} $PRIORITYx; garp 1")
  }

  @Test("Parameters of several lines hold whole blocks; sequences repeat them")
  func templates() {
    let text = """
      $INSTANCE= \\
      vrrp_instance VI_${NUM} { \\
        virtual_router_id ${NUM} \\
        @main priority 130 \\
        @low priority 120 \\
      }
      $NUM=7
      $INSTANCE
      ~SEQ(NUM, 1, 2) $INSTANCE
      ~SEQ(N, 10, 10, 30) address 10.0.0.${N}
      """
    #expect(
      outline(text)
        == "vrrp_instance VI_7 { virtual_router_id 7; priority 130 }; "
        + "vrrp_instance VI_1 { virtual_router_id 1; priority 130 }; "
        + "vrrp_instance VI_2 { virtual_router_id 2; priority 130 }; "
        + "address 10.0.0.10; address 10.0.0.20; address 10.0.0.30")
  }

  @Test("Includes are read where they stand, and places name their files")
  func includes() {
    let file = read("a\ninclude \"more.conf\"\nb", include: ["more.conf": "c {\n d\n}"])
    #expect(outline(file.statements) == "a; c { d }; b")
    #expect(file.statements[1].block?[0].place == KeepalivedPlace(file: "more.conf", line: 2))
  }

  @Test(
    "What is wrong is told with its place",
    arguments: [
      ("a {\n b", "k.conf:1: error: the block of 'a' is not closed"),
      ("a\n}\n", "k.conf:2: error: a '}' too many"),
      ("\n{\n}\n", "k.conf:2: error: a block of nothing"),
      ("include nothing.conf", "k.conf:1: error: include nothing.conf: there is no such file"),
      ("$A=x $A\n$A", "k.conf:2: error: parameters that refer to themselves, or too many lines"),
    ])
  func flaws(text: String, expected: String) {
    #expect(read(text).findings.first?.description == expected)
  }

  @Test("A file that includes itself ends")
  func loop() {
    let file = read("include loop.conf", include: ["loop.conf": "a\ninclude loop.conf"])
    #expect(file.findings.map(\.description) == ["loop.conf:1: error: loop.conf includes itself"])
  }
}
