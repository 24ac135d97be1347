// `vipctl doctor` as an admin uses it: find out what is wrong, type in the command that it prints, look again.

import FoundationEssentials
import Rehearsal
import Testing

/// The hosts of a test bed, and the doctor on each.
struct Clinic: Sendable {
  let testbed: Testbed

  /// What `vipctl doctor --json` prints.
  struct Finding: Decodable, Sendable, Hashable {
    var kind: String
    var severity: String
    var subject: String
    var seen: String
    var why: String
    var mend: [String]
    var on: String?
  }

  struct Examination: Sendable {
    var status: Rehearsal.ExitStatus
    var findings: [Finding]

    subscript(_ kind: String) -> [Finding] { findings.filter { $0.kind == kind } }
  }

  func examine(_ node: String, _ arguments: [String] = [], as prefix: [String] = []) throws -> Examination {
    let command = try prefix + [Programs.beside("vipctl"), "doctor", "--json"] + arguments
    let result = try testbed[node].run(command[0], Array(command.dropFirst()))
    guard let begin = result.output.firstIndex(of: "["), let end = result.output.lastIndex(of: "]") else {
      throw TestbedError("vipctl doctor on \(node)", cause: result.output)
    }
    let findings = try JSONDecoder().decode([Finding].self, from: Data(result.output[begin...end].utf8))
    return Examination(status: result.status, findings: findings)
  }

  /// Types a finding's commands in, where it says.
  func mend(_ finding: Finding, foundOn node: String, host: String? = nil) throws {
    let directory = try Programs.beside("vipctl").split(separator: "/").dropLast().map { "/\($0)" }.joined()
    for command in finding.mend {
      let line = "PATH=/run/bin:\(directory):$PATH; \(command)"
      let result = try testbed[host ?? finding.on ?? node].run("sh", ["-c", line])
      try #require(result.status.isSuccess, "\(command): \(result.output)")
    }
  }

  /// Finds it, mends it with what was printed, and finds it no more.
  ///
  /// - Parameters:
  ///   - words: what `seen` says.
  ///   - host: where the commands are typed in, if not where the finding says.
  @discardableResult
  func cure(
    _ kind: String, on node: String, saying words: String, arguments: [String] = [], afterwards: [String]? = nil,
    host: String? = nil, within limit: Duration = .seconds(30), sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Finding {
    var last: Examination?
    var found: Finding?
    try await eventually(within: limit, "\(kind) is found on \(node), not \(last.map { "\($0)" } ?? "nothing")") {
      let examination = try examine(node, arguments)
      last = examination
      found = examination[kind].first { $0.seen.contains(words) }
      return found != nil
    }
    let finding = try #require(found)
    let codes: [Rehearsal.ExitStatus] =
      switch finding.severity {
      case "error": [.exited(3)]
      case "warning": [.exited(2), .exited(3)]
      default: [.exited(0), .exited(2), .exited(3)]
      }
    #expect(codes.contains(try #require(last).status), sourceLocation: sourceLocation)
    #expect(!finding.why.isEmpty && !finding.mend.isEmpty, sourceLocation: sourceLocation)
    try mend(finding, foundOn: node, host: host)
    try await eventually(within: limit, "\(kind) is gone on \(node), not \(last.map { "\($0)" } ?? "nothing")") {
      let examination = try examine(node, afterwards ?? arguments)
      last = examination
      return !examination[kind].contains { $0.seen.contains(words) }
    }
    return finding
  }

  /// Puts a program into a node that stands for one which it has not: an init system, another host's files.
  func standIn(_ program: String, on node: String, _ script: String) throws {
    try testbed[node].write("#!/bin/sh\n\(script)\n", toRun: "bin/\(program)")
    try testbed[node].run("chmod", ["755", "/run/bin/\(program)"])
  }
}

extension Cluster {
  var clinic: Clinic { Clinic(testbed: testbed) }
}
