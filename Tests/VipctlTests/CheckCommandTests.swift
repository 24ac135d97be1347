// vipctl check, as an admin runs it. What it says of a file is proved where it is written, in ClusterConfigurationTests.

import ControlAPI
import FoundationEssentials
import Glibc
import Testing

@testable import vipctl

@Suite(.timeLimit(.minutes(2))) struct CheckCommandTests {
  private static let good = """
    cluster: swarm-prod
    nodes:
      - {name: swarm1, address: 10.0.10.31}
      - {name: swarm2, address: 10.0.10.32}
    trackers:
      docker: {process: dockerd}
    virtual_routers:
      - name: ingress
        vrid: 12
        addresses: [10.0.10.39/24]
        track: [docker]

    """

  private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
    var path = Array("/tmp/vipctl-check-\(getpid())-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    try #require(descriptor >= 0)
    let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(name) }
    let bytes = Array(text.utf8)
    #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    close(descriptor)
    try await body(name)
  }

  @Test func saysThatAFileIsGood() async throws {
    try await withFile(Self.good) { file in
      let run = try await vipctl("check", file)
      #expect(run.code == 0)
      #expect(run.output.contains("held by swarm1"))
      #expect(run.output.hasSuffix("\(file): good\n"))
      #expect(run.errors.isEmpty)
      #expect(try await vipctl("check", "--color", "always", file).output.contains("\u{1b}["))
    }
  }

  /// What people copy has to be accepted: whatever begins as a cluster file does.
  @Test func findsTheFilesGoodThatPagesShow() async throws {
    let catalogue = "\(packageRoot)/Sources/vipd/Documentation.docc"
    let pages = try FileManager.default.contentsOfDirectory(atPath: catalogue).map { "\(catalogue)/\($0)" }
    var count = 0
    for page in pages + ["\(packageRoot)/README.md"] {
      let text = try String(contentsOfFile: page, encoding: .utf8)
      let blocks = text.split(separator: "```yaml\n").dropFirst().compactMap { $0.split(separator: "```").first }
      for block in blocks where block.hasPrefix("cluster:") {
        count += 1
        try await withFile(String(block)) { file in
          let run = try await vipctl("check", file)
          #expect(run.code == 0, "\(page): \(run.output)")
        }
      }
    }
    #expect(count >= 2)
  }

  @Test func saysWhereAFileIsWrong() async throws {
    try await withFile(Self.good.replacing("track:", with: "trak:")) { file in
      let run = try await vipctl("check", file)
      #expect(run.code == 1)
      #expect(run.output.contains("\(file):11:5: error:"))
      #expect(run.output.contains("track"))

      let json = try await vipctl("check", "--json", file)
      #expect(json.code == 1)
      let report = try ControlJSON.decode(Report.self, from: json.output.utf8)
      #expect(report.ok == false)
      #expect(report.diagnostics.contains { $0.line == 11 && $0.column == 5 })

      try await withFile(Self.good) { good in
        let both = try await vipctl("check", good, file)
        #expect(both.code == 1)
        #expect(both.output.contains("\(good): good\n"))
      }
    }
  }

  @Test func saysThatThereIsNoFile() async throws {
    let run = try await vipctl("check", "/nonexistent/vipd.yaml")
    #expect(run.code == 1)
    #expect(run.errors.hasPrefix("vipctl: /nonexistent/vipd.yaml: cannot open: no such file"))
  }

  private struct Report: Decodable {
    var ok: Bool
    var diagnostics: [Diagnostic]
    struct Diagnostic: Decodable {
      var line: Int
      var column: Int
    }
  }
}
