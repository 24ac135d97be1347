// The cluster file of a test: a name for each thing that tests vary, and the usual for all the rest.

import Rehearsal

struct ClusterFile: Sendable {
  /// In the order of the nodes; nil leaves them out of the file.
  var priorities: [Int]? = [200, 150, 100]
  /// A line each: `docker: {process: dockerd, weight: -60}`.
  var trackers: [String] = []
  var routers = [Router()]

  struct Router: Sendable {
    var name = "ingress"
    var vrid = 12
    var addresses = ["10.0.10.39/24"]
    var interval = "100ms"
    var track: [String] = []
    /// More of its keys: `preempt: false`.
    var more: [String] = []

    fileprivate var line: String {
      let keys = [
        "name: \(name)", "vrid: \(vrid)", "addresses: [\(addresses.map(Self.quoted).joined(separator: ", "))]",
        "interval: \(interval)", "track: [\(track.joined(separator: ", "))]",
      ]
      return "  - {\((keys + more).joined(separator: ", "))}"
    }

    /// An IPv6 address holds colons, which YAML would read; what is written as a mapping is one.
    private static func quoted(_ address: String) -> String { address.hasPrefix("{") ? address : "\"\(address)\"" }
  }

  /// One virtual router that has these trackers, each with the key that makes its kind and a weight.
  init(
    interval: String = "100ms", addresses: [String] = ["10.0.10.39/24"], trackers: KeyValuePairs<String, String> = [:],
    more: [String] = []
  ) {
    self.trackers = trackers.map { "\($0.key): {\($0.value)}" }
    routers[0].interval = interval
    routers[0].addresses = addresses
    routers[0].track = trackers.map(\.key)
    routers[0].more = more
  }

  /// The file for the nodes of a test bed, which speak from the first address of each family of their first interface.
  func text(for layout: TestbedLayout) -> String {
    var lines = ["cluster: system-test", "nodes:"]
    for (index, node) in layout.nodes.enumerated() {
      let all = (node.interfaces.first?.addresses ?? []).map { String($0.prefix { $0 != "/" }) }
      let own = [all.first { !$0.contains(":") }, all.first { $0.contains(":") }].compactMap(\.self)
      let priority = priorities.map { ", priority: \($0[index])" } ?? ""
      lines.append("  - {name: \(node.name), address: [\(own.map { "\"\($0)\"" }.joined(separator: ", "))]\(priority)}")
    }
    if !trackers.isEmpty { lines += ["trackers:"] + trackers.map { "  \($0)" } }
    lines += ["virtual_routers:"] + routers.map(\.line)
    return lines.joined(separator: "\n") + "\n"
  }
}
