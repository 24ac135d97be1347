// What is not the YAML that a cluster file needs: each is a complaint with a place, and never worse.

import ClusterConfiguration
import Testing

@Suite struct YAMLTests {
  @Test(arguments: [
    Case("", "1:1: error: the file is empty"),
    Case("# only a comment\n", "1:1: error: the file is empty"),
    Case("\u{feff}", "1:1: error: the file is empty"),
    Case(
      "---\n", "2:1: error: the cluster file needs 'cluster'", "2:1: error: the cluster file needs 'nodes'",
      "2:1: error: the cluster file needs 'virtual_routers'"),
    Case(
      clusterFile() + "---\ncluster: other\n", "13:1: error: a second document begins here; a cluster file holds one"),
    Case(clusterFile(cluster: "\tcluster: x"), "1:1: error: a tab; YAML is indented with spaces"),
    Case(
      clusterFile(cluster: "cluster: test\nnodes: x"),
      "2:8: error: 'nodes' is a list, not 'x'", "3:1: error: duplicate key 'nodes'"),
    Case(clusterFile(cluster: "cluster: &c test"), "1:10: error: anchors (&name) are not supported"),
    Case(clusterFile(cluster: "cluster: *c"), "1:10: error: aliases (*name) are not supported"),
    Case(clusterFile(cluster: "cluster: !!str test"), "1:10: error: tags (!name) are not supported"),
    Case(
      clusterFile(cluster: "cluster: @test"),
      "1:10: error: this is not YAML: found character that cannot start any token (while scanning for the next token)"),
    Case(
      clusterFile(cluster: "cluster: \"test"),
      "13:1: error: this is not YAML: found unexpected end of stream (while scanning a quoted scalar that began on line 1)"
    ),
    Case(
      "cluster: c\nnod",
      "2:4: error: this is not YAML: could not find expected ':' (while scanning a simple key that began on line 2)"),
    Case(
      clusterFile(cluster: "cluster: [test"),
      "2:6: error: this is not YAML: did not find expected ',' or ']' (while parsing a flow sequence that began on line 1)"
    ),
    Case(
      clusterFile(cluster: "cluster: test: x"),
      "1:14: error: this is not YAML: mapping values are not allowed in this context"),
    Case(clusterFile(cluster: "cluster: test\n? [a]\n: b"), "2:3: error: a key must be a word, not a list"),
    Case(
      clusterFile(cluster: "cluster: te\u{1}st"), "1:12: error: the character \\u{1} does not belong in a text file"),
    Case(
      clusterFile(cluster: "cluster: te\u{0}st"), "1:12: error: the character \\u{0} does not belong in a text file"),
    Case("cluster: te\u{1b}[31mst", "1:12: error: the character \\u{1b} does not belong in a text file"),
    Case("%YAML 9.9\n---\na: b\n", "1:1: error: this is not YAML: found incompatible YAML document"),
    Case(
      "a: *unknown\n<<: *a\n",
      "1:1: error: unknown key 'a'", "1:1: error: the cluster file needs 'cluster'",
      "1:1: error: the cluster file needs 'nodes'",
      "1:1: error: the cluster file needs 'virtual_routers'", "1:4: error: aliases (*name) are not supported",
      "2:1: error: unknown key '<<'", "2:5: error: aliases (*name) are not supported"),
  ]) func refused(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test func bytesThatAreNoText() {
    let good = Array(clusterFile().utf8)
    func first(_ bytes: [UInt8]) -> String? {
      ClusterFile.parse(bytes: bytes, fileName: "f").diagnostics.first.map { "\($0.line):\($0.column): \($0.message)" }
    }
    #expect(first(good + [0xff]) == "13:1: not UTF-8")
    #expect(first(Array("cluster: ü".utf8.dropLast())) == "1:10: not UTF-8")
    #expect(first([0xfe, 0xff, 0, 0x61]) == "1:1: not UTF-8", "UTF-16")
    #expect(first([0xff, 0xfe, 0x61, 0]) == "1:1: not UTF-8", "UTF-16")
    #expect(first([0xed, 0xa0, 0x80]) == "1:1: not UTF-8", "a lone surrogate")
    #expect(first([0]) == "1:1: the character \\u{0} does not belong in a text file")
  }

  @Test func otherLineEndsAndAByteOrderMarkAreFine() {
    let text = clusterFile()
    #expect(complaints(about: "\u{feff}" + text) == [])
    #expect(complaints(about: text.split(separator: "\n").joined(separator: "\r\n")) == [])
    let bad = clusterFile(routerKey: "intervall: 1s")
    #expect(
      complaints(about: bad.split(separator: "\n").joined(separator: "\r\n")) == [
        "13:5: error: unknown key 'intervall'"
      ])
    #expect(
      complaints(about: bad.split(separator: "\n").joined(separator: "\r")) == ["13:5: error: unknown key 'intervall'"])
  }

  @Test func columnsCountCharactersNotBytes() {
    #expect(
      complaints(about: clusterFile(cluster: "cluster: \"ää\" # äöü")) == [
        "1:10: error: the cluster's name 'ää' begins with 'ä'; begin with a letter or a digit"
      ])
    #expect(
      complaints(about: clusterFile(nodes: "nodes: [{name: ä, address: 1}, {name: b, address: 10.0.0.2}]")).contains(
        "2:28: error: '1' is not an IP address"))
  }

  /// A file may come from anywhere; none may take long or exhaust the stack.
  @Test func hostileFilesEndSoon() {
    let clock = ContinuousClock()
    let brackets = String(repeating: "[", count: 200_000)
    let hostile: [(String, String)] = [
      ("deep flow lists", brackets),
      ("deep flow mappings", String(repeating: "{a: ", count: 50_000)),
      ("deep block lists", String(repeating: "- ", count: 100_000)),
      ("deep block mappings", (0..<500).map { String(repeating: " ", count: $0) + "a:\n" }.joined()),
      ("deep in a known key", clusterFile(routerKey: "addresses: " + brackets)),
      ("many unknown keys", (0..<20_000).map { "intervaal\($0): 1\n" }.joined()),
      ("many duplicate keys", String(repeating: "cluster: x\n", count: 20_000)),
      (
        "many nodes",
        clusterFile(
          nodes: "nodes:\n"
            + (0..<3000).map { "  - {name: n\($0), address: 10.0.\($0 / 250).\($0 % 250)}" }
            .joined(separator: "\n"))
      ),
      (
        "many unknown trackers",
        clusterFile(
          routers: "virtual_routers: [{name: web, vrid: 1, addresses: [10.0.0.9/24], track: ["
            + (0..<20_000).map { "dokcer\($0)" }.joined(separator: ", ") + "]}]")
      ),
      ("a long line", clusterFile(cluster: "cluster: \"" + String(repeating: "x", count: 200_000) + "\"")),
      ("a long key", clusterFile(cluster: String(repeating: "x", count: 900) + ": 1")),
      ("too much", String(repeating: "# comment\n", count: 100_000)),
    ]
    for (what, text) in hostile {
      var outcome: ClusterFile.Outcome?
      let time = clock.measure { outcome = ClusterFile.parse(text: text, fileName: "f") }
      #expect(outcome?.configuration == nil, "\(what)")
      #expect(outcome?.diagnostics.isEmpty == false, "\(what)")
      #expect(time < .seconds(20), "\(what)")
    }
  }

  @Test func theLargestClusterIsReadSoon() throws {
    let nodes = (0..<32).map { "  - {name: n\($0), address: 10.0.0.\($0 + 1), priority: \(254 - $0)}" }
    let trackers = (0..<32).map { "  t\($0): {process: p\($0), weight: \($0 % 2 == 0 ? -3 : 2)}" }
    let track = (0..<32).map { "t\($0)" }.joined(separator: ", ")
    let routers = (1...255).map { "  - {name: v\($0), vrid: \($0), addresses: [10.0.1.\($0)/32], track: [\(track)]}" }
    let text = clusterFile(
      nodes: "nodes:\n" + nodes.joined(separator: "\n"), trackers: "trackers:\n" + trackers.joined(separator: "\n"),
      routers: "virtual_routers:\n" + routers.joined(separator: "\n"))
    let clock = ContinuousClock()
    let time = clock.measure { #expect(ClusterFile.parse(text: text, fileName: "f").configuration != nil) }
    #expect(time < .seconds(30))
  }
}
