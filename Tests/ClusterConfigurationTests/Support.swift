// What the tests of the cluster file share.

import ClusterConfiguration
import NetworkTypes
import Testing
import VRRP

/// Where this package lies, so that the tests read the very files that are shipped.
let packageRoot = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

let exampleNames = ["swarm", "nginx-pair", "two-interfaces", "two-addresses"]

func load(example name: String) throws -> ClusterFile.Outcome {
  try ClusterFile.load(path: "\(packageRoot)/Packaging/examples/\(name).yaml")
}

func load(fixture name: String) throws -> ClusterFile.Outcome {
  try ClusterFile.load(path: "\(packageRoot)/Tests/ClusterConfigurationTests/Fixtures/\(name).yaml")
}

/// A good file; its parts can be replaced by bad ones.
///
/// Lines: `cluster` 1, `nodes` 2–4, `trackers` 5–7, `virtual_routers` 8–12.
func clusterFile(
  cluster: String = "cluster: test",
  nodes: String = """
  nodes:
    - {name: a, address: 10.0.0.1}
    - {name: b, address: 10.0.0.2}
  """,
  trackers: String = """
  trackers:
    docker:
      process: dockerd
  """,
  routers: String = """
  virtual_routers:
    - name: web
      vrid: 12
      addresses: [10.0.0.9/24]
      track: [docker]
  """,
  more: String = ""
) -> String {
  [cluster, nodes, trackers, routers, more].filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
}

/// The good file with one more key in its tracker (line 8).
func clusterFile(trackerKey line: String) -> String {
  clusterFile(trackers: "trackers:\n  docker:\n    process: dockerd\n    \(line)")
}

/// The good file with one more key in its virtual router (line 13).
func clusterFile(routerKey line: String) -> String {
  clusterFile(more: "    \(line)")
}

/// What is complained about, as `line:column: severity: message`.
func complaints(about text: String) -> [String] {
  ClusterFile.parse(text: text, fileName: "f").diagnostics.map {
    "\($0.line):\($0.column): \($0.severity.rawValue): \($0.message)"
  }
}

func hints(about text: String) -> [String] {
  ClusterFile.parse(text: text, fileName: "f").diagnostics.compactMap(\.hint)
}

func configuration(_ text: String) throws -> ClusterConfiguration {
  try ClusterFile.parse(text: text, fileName: "f").get()
}

func ip(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { preconditionFailure("'\(text)' is not an address") }
  return address
}

func node(_ name: String) -> NodeName {
  guard let name = NodeName(name) else { preconditionFailure("'\(name)' is not a name") }
  return name
}

/// A small random number generator that gives the same numbers for the same seed everywhere (SplitMix64).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
