// Every complaint about values and their relations, at the exact place.

import ClusterConfiguration
import Testing

/// A file and all that is wrong with it.
struct Case: Sendable, CustomTestStringConvertible {
  let text: String
  let expected: [String]

  init(_ text: String, _ expected: String...) {
    self.text = text
    self.expected = expected
  }

  var testDescription: String { expected.first ?? "good" }
}

/// `nodes:` with these entries, the first on line 3.
private func withNodes(_ entries: String...) -> String {
  clusterFile(
    nodes: "nodes:\n" + entries.map { "  - \($0)" }.joined(separator: "\n"), trackers: "",
    routers: "virtual_routers: [{name: web, vrid: 1, addresses: [10.0.0.9/24]}]")
}

/// A tracker `docker` with these keys, the first on line 7.
func withTracker(_ lines: String...) -> String { withTracker(lines) }

func withTracker(_ lines: [String]) -> String {
  clusterFile(trackers: "trackers:\n  docker:\n" + lines.map { "    \($0)" }.joined(separator: "\n"))
}

@Suite struct DiagnosticTests {
  @Test func theFileThatTheCasesVaryIsGood() {
    #expect(complaints(about: clusterFile()) == [])
  }

  @Test(arguments: [
    Case(clusterFile(cluster: ""), "1:1: error: the cluster file needs 'cluster'"),
    Case(clusterFile(cluster: "cluster:"), "1:1: error: 'cluster' has no value"),
    Case(clusterFile(cluster: "cluster: [a]"), "1:10: error: 'cluster' needs a text, not a list"),
    Case(
      clusterFile(cluster: "cluster: my cluster"),
      "1:10: error: the cluster's name 'my cluster' holds ' '; use letters, digits, '.', '_' and '-'"),
    Case(
      clusterFile(cluster: "cluster: -x"),
      "1:10: error: the cluster's name '-x' begins with '-'; begin with a letter or a digit"),
    Case(
      clusterFile(cluster: "cluster: " + String(repeating: "x", count: 65)),
      "1:10: error: the cluster's name '\(String(repeating: "x", count: 60))…' has 65 bytes; 64 is the most"),
    Case(clusterFile(cluster: "clutser: test"), "1:1: error: unknown key 'clutser'"),
    Case(
      clusterFile(cluster: "cluster: test\nlease: off"),
      "2:1: error: unknown key 'lease'"),
    Case(clusterFile(nodes: ""), "1:1: error: the cluster file needs 'nodes'"),
    Case(clusterFile(nodes: "nodes: []"), "2:8: error: 'nodes' is empty"),
    Case(clusterFile(nodes: "nodes:"), "2:1: error: 'nodes' is a list, not nothing"),
    Case(
      clusterFile(nodes: "nodes:\n  a: 10.0.0.1\n  b: 10.0.0.2"),
      "3:3: error: 'nodes' is a list: each of its entries begins with '- '"),
    Case(
      clusterFile(nodes: "nodes: [a, b]"),
      "2:9: error: a node is written as keys and values such as 'name: swarm1', not 'a'",
      "2:12: error: a node is written as keys and values such as 'name: swarm1', not 'b'"),
    Case(
      "- 1\n", "1:1: error: the cluster file is written as keys and values such as 'cluster: swarm-prod', not a list"),
    Case(
      "hello\n", "1:1: error: the cluster file is written as keys and values such as 'cluster: swarm-prod', not 'hello'"
    ),
  ]) func top(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test(arguments: [
    Case(
      withNodes("{name: a, address: 10.0.0.1}"),
      "2:1: warning: there is one node only, so nothing can take an address over"
    ),
    Case(withNodes("{name: a}", "{name: b, address: 10.0.0.2}"), "3:5: error: a node needs 'address'"),
    Case(withNodes("{address: 10.0.0.1}", "{name: b, address: 10.0.0.2}"), "3:5: error: a node needs 'name'"),
    Case(
      withNodes("{name: a, address: 10.0.0.1}", "{name: a, address: 10.0.0.2}"),
      "4:12: error: a second node is named 'a' (the first: line 3)"),
    Case(
      withNodes("{name: a, address: 10.0.0.1}", "{name: b, address: 10.0.0.1}"),
      "4:24: error: 10.0.0.1 is the address of 'a' already (line 3)"),
    Case(
      withNodes("{name: a, address: 10.0.0.1/24}", "{name: b, address: 10.0.0.2}"),
      "3:24: error: '10.0.0.1/24' is not an IP address"),
    Case(
      withNodes("{name: a, address: a.example}", "{name: b, address: 10.0.0.02}"),
      "3:24: error: 'a.example' is not an IP address", "4:24: error: '10.0.0.02' is not an IP address"),
    Case(
      withNodes("{name: a, address: 224.0.0.18}", "{name: b, address: 0.0.0.0}"),
      "3:24: error: 224.0.0.18 is not a unicast address, so no host can have it",
      "4:24: error: 0.0.0.0 is not a unicast address, so no host can have it"),
    Case(
      withNodes("{name: a, address: 127.0.0.1}", "{name: b, address: 10.0.0.2}"),
      "3:24: error: 127.0.0.1 is each host's own loopback; the other nodes can not reach it"),
    Case(
      withNodes("{name: a, address: [10.0.0.1, 10.0.0.7]}", "{name: b, address: 10.0.0.2}"),
      "3:35: error: a node has at most one address of each family; 10.0.0.7 stands beside 10.0.0.1"),
    Case(withNodes("{name: a, address: []}", "{name: b, address: 10.0.0.2}"), "3:24: error: 'address' is empty"),
    Case(
      withNodes("{name: a, address: 10.0.0.1, priority: 0}", "{name: b, address: 10.0.0.2, priority: 256}"),
      "3:44: error: 'priority' must be a whole number from 1 to 255, not '0'",
      "4:44: error: 'priority' must be a whole number from 1 to 255, not '256'"),
    Case(
      withNodes("{name: a, address: 10.0.0.1, priority: high}", "{name: b, address: 10.0.0.2, priority: 012}"),
      "3:44: error: 'priority' must be a whole number from 1 to 255, not 'high'",
      "4:44: error: 'priority' is '012', which some read as octal"),
    Case(
      withNodes(
        "{name: a, address: 10.0.0.1, priority: 99999999999999999999}", "{name: b, address: 10.0.0.2, priority: 1}"),
      "3:44: error: 'priority' must be a whole number from 1 to 255, not '99999999999999999999'"),
    Case(
      withNodes("{name: a, address: 10.0.0.1, priority: 200}", "{name: b, address: 10.0.0.2}"),
      "4:12: error: 'b' has no priority, but 'a' has"),
    Case(
      withNodes("{name: a, address: 10.0.0.1, priority: 255}", "{name: b, address: 10.0.0.2, priority: 100}"),
      "3:44: warning: 255 makes this node the address owner: trackers never lower it, and it always takes the address back"
    ),
    Case(
      withNodes("{name: a, address: 10.0.0.1, priority: 255}", "{name: b, address: 10.0.0.2, priority: 255}"),
      "3:44: warning: 255 makes this node the address owner: trackers never lower it, and it always takes the address back",
      "4:44: error: 255 means the one owner of the address, and 'a' has it already"),
    Case(
      withNodes("{name: a, address: 10.0.0.9}", "{name: b, address: 10.0.0.2}"),
      "5:52: error: 10.0.0.9 is the address of node 'a'; a virtual address is nobody's own"),
  ]) func nodes(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }

  @Test(arguments: [
    Case(withTracker("weight: -5"), "6:3: error: tracker 'docker' does not say what it looks at"),
    Case(
      withTracker("process: dockerd", "script: [/bin/true]"),
      "8:5: error: tracker 'docker' has 'process' already; 'script' is a second kind"),
    Case(withTracker("proces: dockerd"), "7:5: error: unknown key 'proces'"),
    Case(
      withTracker("docker: on", "swarm: on"),
      "8:5: error: tracker 'docker' has 'docker' already; 'swarm' is a second kind"),
    Case(withTracker("process:"), "7:5: error: 'process' has no value"),
    Case(
      withTracker("process: /usr/bin/dockerd"),
      "7:14: error: '/usr/bin/dockerd' is a path; 'process' wants the process's name"),
    Case(withTracker("process: dockerd -H x"), "7:14: error: 'dockerd -H x' is more than a process's name"),
    Case(withTracker("process: {count: 2}"), "7:14: error: 'process' needs 'name'"),
    Case(
      withTracker("process: {name: a, count: 0}"),
      "7:31: error: 'count' must be a whole number from 1 to 10000, not '0'"),
    Case(withTracker("process: {name: a, pid: 1}"), "7:24: error: unknown key 'pid'"),
    Case(
      withTracker("process: [dockerd]"),
      "7:14: error: 'process' is written as keys and values such as 'name: dockerd', not a list"),
    Case(withTracker("process: dockerd", "shell: true"), "8:5: error: 'shell' belongs to a 'script'"),
    Case(withTracker("script: []"), "7:13: error: 'script' is empty"),
    Case(withTracker("script:"), "7:5: error: 'script' is empty"),
    Case(withTracker("script: ''"), "7:13: error: 'script' is empty"),
    Case(withTracker("script: [check]"), "7:14: error: 'check' is not an absolute path"),
    Case(withTracker("script: [/bin/]"), "7:14: error: '/bin/' is not an absolute path"),
    Case(withTracker("script: [/bin/x, [y]]"), "7:22: error: each word of 'script' is a text, not a list"),
    Case(withTracker(#"script: [/bin/x, "a\0b"]"#), #"7:22: error: 'a\u{0}b' holds a null character"#),
    Case(
      withTracker("script: /bin/x --y"),
      "7:13: error: 'script' is a list of the program and its arguments, not one text"),
    Case(
      withTracker("script: {a: b}"),
      "7:13: error: 'script' is a list of the program and its arguments, not a mapping (key: value)"),
    Case(
      withTracker("script: [/bin/x]", "shell: true"),
      "7:13: error: with 'shell: true' the script is one text, not a list"),
    Case(withTracker("script: x", "shell: maybe"), "8:12: error: 'shell' must be 'true' or 'false', not 'maybe'"),
    Case(
      withTracker("process: a", "weight: 254"),
      "8:13: error: 'weight' must be a whole number from -253 to 253, not '254'"),
    Case(
      withTracker("process: a", "weight: -254"),
      "8:13: error: 'weight' must be a whole number from -253 to 253, not '-254'"
    ),
    Case(
      withTracker("process: a", "weight: 1.5"),
      "8:13: error: 'weight' must be a whole number from -253 to 253, not '1.5'"),
    Case(
      withTracker("process: a", "weight: +-5"),
      "8:13: error: 'weight' must be a whole number from -253 to 253, not '+-5'"),
    Case(withTracker("process: a", "rise: 0"), "8:11: error: 'rise' must be a whole number from 1 to 1000, not '0'"),
    Case(withTracker("process: a", "fall: 0"), "8:11: error: 'fall' must be a whole number from 1 to 1000, not '0'"),
    Case(withTracker("process: a", "interval: 1"), "8:15: error: 'interval' is '1', which has no unit"),
    Case(withTracker("process: a", "interval: 5ms"), "8:15: error: 'interval' must be 10ms to 1h, not '5ms'"),
    Case(withTracker("process: a", "interval: 2h"), "8:15: error: 'interval' must be 10ms to 1h, not '2h'"),
    Case(withTracker("process: a", "interval: 0"), "8:15: error: 'interval' must be 10ms to 1h, not '0'"),
    Case(withTracker("process: a", "interval: 1d"), "8:15: error: 'interval' is '1d', with the unknown unit 'd'"),
    Case(
      withTracker("process: a", "interval: 1m30s"), "8:15: error: 'interval' is '1m30s', with the unknown unit 'm30s'"),
    Case(withTracker("process: a", "interval: soon"), "8:15: error: 'interval' must be a duration, not 'soon'"),
    Case(withTracker("process: a", "interval: -1s"), "8:15: error: 'interval' must be a duration, not '-1s'"),
    Case(withTracker("process: a", "interval: .5s"), "8:15: error: 'interval' must be a duration, not '.5s'"),
    Case(
      withTracker("process: a", "interval: 999999999999h"),
      "8:15: error: 'interval' must be 10ms to 1h, not '999999999999h'"),
    Case(
      withTracker("process: a", "timeout: 2s"), "8:14: warning: the timeout of 2s is longer than the interval of 1s"),
    Case(
      clusterFile(trackers: "trackers: [docker]"),
      "5:11: error: 'trackers' is written as names with their checks, not a list",
      "10:13: error: there is no tracker 'docker'"),
    Case(clusterFile(trackers: "trackers:\n  docker:"), "6:3: error: tracker 'docker' is empty"),
    Case(
      clusterFile(trackers: "trackers:\n  docker: dockerd"),
      "6:11: error: a tracker is written as keys and values such as 'process: dockerd', not 'dockerd'"),
    Case(
      clusterFile(trackers: "trackers:\n  docker: {process: dockerd}\n  spare: {process: x}"),
      "7:3: warning: nothing uses the tracker 'spare'"),
    Case(
      clusterFile(trackers: "trackers:\n  docker: {process: dockerd}\n  docker: {process: x}"),
      "7:3: error: duplicate key 'docker'"),
  ]) func trackers(_ example: Case) {
    #expect(complaints(about: example.text) == example.expected)
  }
}
