// What goes over a node's interface, recorded by tcpdump and taken apart by tshark: a judge that is not ours.

import Rehearsal
import Testing

final class Capture: Sendable {
  private let node: TestbedNode
  private let process: NodeProcess
  private let path: String

  /// Records from now on.
  ///
  /// - Parameter filter: as pcap-filter(7) has it.
  init(on node: TestbedNode, interface: String = "eth0", _ filter: String) async throws {
    self.node = node
    try node.run("mkdir", ["-p", "/run/capture"])
    path = "/run/capture/\(interface)-\(Moment.now().sinceBoot.components.attoseconds).pcap"
    // Each packet at once: what is still in a buffer when the recording ends would be lost.
    let options = ["--immediate-mode", "-U", "-n", "-Z", "root", "-i", interface, "-w", path]
    process = try node.spawn("tcpdump", options + [filter])
    try await eventually("tcpdump records on \(node.name)") { [process] in
      guard process.isRunning else {
        throw TestbedError("tcpdump", cause: process.log)
      }
      return process.log.contains("listening on")
    }
  }

  /// Ends the recording.
  func stop() async throws {
    process.terminate()
    try await process.wait()
  }

  /// Fields of all packets that a display filter selects, in order; while the node is up. One that a packet has more
  /// than once holds commas.
  func fields(_ names: [String], of filter: String, preferences: [String] = []) throws -> [[String: String]] {
    let arguments =
      preferences.flatMap { ["-o", $0] } + ["-Y", filter, "-T", "fields", "-E", "separator=|"]
      + names.flatMap { ["-e", $0] }
    return try tshark(arguments).split(separator: "\n").map { line in
      let values = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
      return Dictionary(zip(names, values), uniquingKeysWith: { first, _ in first })
    }
  }

  /// Waits until so many packets that a display filter selects have been recorded.
  func wait(for count: Int, of filter: String) async throws {
    try await eventually(within: .seconds(20), "\(count) packets of \(filter)") {
      (try? fields(["frame.number"], of: filter).count) ?? 0 >= count
    }
  }

  private func tshark(_ arguments: [String]) throws -> String {
    // tshark warns of being root on its standard error.
    let result = try node.run("sh", ["-c", "exec tshark -n -r \"$@\" 2>/run/capture/errors", "sh", path] + arguments)
    let errors = try node.run("cat", ["/run/capture/errors"]).output
    guard result.status.isSuccess else { throw TestbedError("tshark \(arguments)", cause: errors) }
    return result.output
  }
}
