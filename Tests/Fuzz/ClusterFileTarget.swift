// The cluster file: any bytes at all.

import ClusterConfiguration

enum ClusterFileTarget: FuzzTarget {
  static let name = "cluster-file"

  static let seeds: [[UInt8]] = [small, whole, twoFamilies, invalid].map { Array($0.utf8) }

  private static let small = """
    cluster: c
    nodes: [{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}]
    virtual_routers: [{name: w, vrid: 12, addresses: [10.0.0.9/24]}]
    """

  private static let whole = """
    cluster: swarm-prod
    nodes:
      - {name: swarm1, address: 10.0.10.31, priority: 200}
      - {name: swarm2, address: 10.0.10.32, priority: 150}
      - {name: swarm3, address: 10.0.10.33, priority: 100}
    trackers:
      docker: {process: dockerd, weight: -120}
      proxy:
        script: [/usr/lib/vipd/check-proxy, --port, "443"]
        interval: 1s
        timeout: 500ms
        rise: 2
        fall: 1
    virtual_routers:
      - name: ingress   # what clients ask for
        vrid: 12
        addresses: [10.0.10.39/24, {address: 203.0.113.9/28, interface: eth1}]
        interval: 250ms
        track: [docker, proxy]
        nodes: [swarm2, swarm1]
        preempt: {after: 30s}
    control:
      socket: /run/vipd/vipd.sock
      listen: 127.0.0.1:9112
    """

  private static let twoFamilies = """
    cluster: c
    nodes:
      - {name: a, address: [10.0.0.1, "fd10::1"]}
      - {name: b, address: [10.0.0.2, "fd10::2"]}
    trackers: {t: {process: {name: nginx, count: 2}}, u: {script: "exit 0", shell: true, weight: 0}}
    virtual_routers:
      - {name: w, vrid: 12, addresses: [10.0.0.9/24, "fd10::9/64"], track: [t, u], preempt: false, minimum_ttl: 64}
      - {name: x, vrid: 13, addresses: ["fe80::9/64"], version: 3, checksum: rfc9568}
    """

  private static let invalid = "\u{feff}cluster: [x]\r\nnodes: &a\n  - *a\n? - |\n  text\n: !!int '1'\n--- %\n"

  static let words =
    [
      "cluster", "nodes", "trackers", "virtual_routers", "control", "name", "address", "priority", "process", "script",
      "shell", "weight", "interval", "timeout", "rise", "fall", "count", "vrid", "addresses", "track", "interface",
      "preempt", "version", "password", "transport", "checksum", "minimum_ttl", "lease", "one_way", "when_all_fail",
      "notify", "after", "socket", "listen",
    ].map { "\($0): " } + [
      "true", "false", "off", "rfc", "auto", "rfc9568", "pseudo_header", "unicast", "multicast", "hold", "yield",
      "keep",
      "release", "10ms", "1s", "40950ms", "2m", "0", "1", "-1", "254", "255", "256", "10.0.0.9/24", "fe80::9/64",
      "{", "}", "[", "]", ", ", ": ", "- ", "\n", "\n  ", "\n    ", "#", "'", "\"", "&a", "*a", "!!str ", "|\n", ">\n",
      "---\n", "...\n", "? ", "\t", "\r", "\u{85}", "\u{2028}", "\u{feff}", "~", "<<", "%YAML 1.1\n", "\\u",
    ]

  static func judge(_ input: [UInt8]) {
    let outcome = ClusterFile.parse(bytes: input, fileName: "f")
    for diagnostic in outcome.diagnostics { judge(diagnostic, of: input) }
    promise(!CheckReport(outcome).text().isEmpty, "the report is empty")
    promise(!CheckReport(outcome).json().isEmpty, "the report is empty")
    let hasErrors = outcome.diagnostics.contains { $0.severity == .error }
    promise(hasErrors == (outcome.configuration == nil), "refused without an error, or accepted with one")
    guard let configuration = outcome.configuration else { return }
    let again = ClusterFile.parse(text: configuration.fileText, fileName: "again")
    promise(
      again.configuration == configuration,
      "written down, it reads as another one:\n\(configuration.fileText)\n\(again.diagnostics)")
    for node in configuration.nodes {
      for view in configuration.virtualRouters(for: node.name) {
        promise(
          !view.families.isEmpty && view.families.allSatisfy { !$0.addresses.isEmpty },
          "\(view.name) on \(node.name) has no addresses")
      }
    }
  }

  /// The place is inside the text, or right at its end; and nothing in the words disturbs a terminal.
  private static func judge(_ diagnostic: Diagnostic, of input: [UInt8]) {
    // The line breaks of YAML 1.1, those of two and three bytes included.
    let lines =
      1
      + input.indices.count { index in
        input[index] == 0x0a || input[index] == 0x0d || input[index...].starts(with: [0xc2, 0x85])
          || input[index...].starts(with: [0xe2, 0x80, 0xa8]) || input[index...].starts(with: [0xe2, 0x80, 0xa9])
      }
    promise((1...lines).contains(diagnostic.line), "line \(diagnostic.line) of \(lines): \(diagnostic)")
    let width = diagnostic.sourceLine.unicodeScalars.count
    promise((1...width + 1).contains(diagnostic.column), "column \(diagnostic.column) of \(width): \(diagnostic)")
    promise(!diagnostic.message.isEmpty, "a complaint without words")
    promise(
      !diagnostic.message.contains("vipd can not make sense"), "a value is missing that nobody complained about")
    promise(
      (diagnostic.rendered() + diagnostic.description).unicodeScalars.allSatisfy {
        $0 == "\n" || $0 == "\t" || $0.value >= 0x20
      }, "control characters in \(diagnostic)")
  }
}
