// When a kernel took an address on and let it go, by its own notices.

import Rehearsal
import Testing

struct AddressMonitor {
  private let process: NodeProcess
  private let address: String

  init(of address: String, on node: TestbedNode) async throws {
    self.address = address
    process = try node.spawn("ip", ["-tshort", "monitor", "address"], environment: ["TZ": "UTC"])
    // It listens once it sleeps.
    try await eventually("ip monitors on \(node.name)") {
      try node.run("pgrep", ["-x", "ip", "-r", "S"]).status.isSuccess
    }
  }

  /// When it was installed or renewed, in seconds since midnight.
  func additions() throws -> [Double] { try times { !$0.contains("Deleted") } }

  func removals() throws -> [Double] { try times { $0.contains("Deleted") } }

  /// When it was removed for the first time and when it was back; nil until both have happened.
  func absence() throws -> (lost: Double, back: Double)? {
    guard let lost = try removals().first, let back = try additions().first(where: { $0 >= lost }) else { return nil }
    return (lost, back)
  }

  /// Of the lines `[2026-03-01T12:00:00.250000] 2: eth0 inet 10.0.10.39/24 …`.
  private func times(where counts: (Substring) -> Bool) throws -> [Double] {
    try process.log.split(separator: "\n").filter { $0.contains(" \(address)/") && counts($0) }.map { line in
      let clock = line.split(separator: "T").dropFirst().first?.prefix { $0 != "]" } ?? ""
      let parts = clock.split(separator: ":").compactMap { Double($0) }
      try #require(parts.count == 3, "\(line)")
      return parts[0] * 3600 + parts[1] * 60 + parts[2]
    }
  }
}
