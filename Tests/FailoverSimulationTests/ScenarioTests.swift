// The named scenarios: each file of Scenarios/ is a cluster, what befalls it and what is expected, and below a line of
// dashes the transcript, which has to come out the same byte for byte.
//
// After a change that is meant, record the transcripts anew and read the difference:
//   RECORD_SCENARIOS=1 swift test --filter FailoverSimulationTests.ScenarioTests

import FailoverSimulation
import FoundationEssentials
import SimulatedScenarios
import Testing

struct ScenarioTests {
  @Test(arguments: try ScenarioFile.all())
  func scenario(_ file: ScenarioFile) throws {
    let scenario = try Scenario(text: file.script)
    let outcome = scenario.run()
    let transcript = outcome.examination.transcript.text
    #expect(outcome.complaints.isEmpty, "\(outcome.complaints.joined(separator: "\n"))\n\(transcript)")
    if ScenarioFile.isRecording {
      try file.record(transcript)
    } else {
      #expect(transcript == file.transcript)
    }
  }

  /// What is written can be read, and says the same.
  @Test(arguments: try ScenarioFile.all())
  func text(_ file: ScenarioFile) throws {
    let scenario = try Scenario(text: file.script)
    #expect(try Scenario(text: scenario.text) == scenario)
  }

  @Test func directoryIsFound() throws {
    #expect(try ScenarioFile.all().count >= 10)
  }
}

struct ScenarioFile: Sendable, CustomTestStringConvertible {
  var name: String
  var script: String
  var transcript: String

  private static let divider = "\n----\n"
  private static let directory = (#filePath.split(separator: "/").dropLast() + ["Scenarios"]).joined(separator: "/")
  private static var recordingVariable: String? { ProcessInfo.processInfo.environment["RECORD_SCENARIOS"] }

  static var isRecording: Bool { recordingVariable != nil }

  var testDescription: String { name }

  static func all() throws -> [ScenarioFile] {
    let names = try FileManager.default.contentsOfDirectory(atPath: "/" + directory)
    return try names.filter { $0.hasSuffix(".txt") }.sorted().map { name in
      let text = try String(contentsOfFile: "/\(directory)/\(name)", encoding: .utf8)
      let parts = text.split(separator: divider, maxSplits: 1)
      return ScenarioFile(
        name: name, script: String(parts[0]), transcript: parts.count > 1 ? String(parts[1]) : "")
    }
  }

  func record(_ transcript: String) throws {
    try Data("\(script)\(Self.divider)\(transcript)".utf8)
      .write(to: URL(filePath: "/\(Self.directory)/\(name)"))
  }
}
