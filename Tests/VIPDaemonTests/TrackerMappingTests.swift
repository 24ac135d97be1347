// From the file's trackers to what is run.

import ClusterConfiguration
import HealthProbes
import Testing

@testable import VIPDaemon

@Suite struct TrackerMappingTests {
  private func definition(_ tracker: String) throws -> TrackerDefinition {
    let more = "    track: [it]\ntrackers:\n  it: {\(tracker)}"
    let outcome = ClusterFile.parse(text: Bench.clusterFile(more: more), fileName: "vipd.yaml")
    return TrackerDefinition(try #require(try outcome.get().trackers.first))
  }

  @Test("A process is looked for at least once a second, however long the file's interval is")
  func birthWithinASecond() throws {
    #expect(try definition("process: dockerd, interval: 30s").interval == .seconds(1))
    #expect(try definition("process: dockerd, interval: 200ms").interval == .milliseconds(200))
  }

  @Test("A script is run as often as the file says, with the file's words")
  func script() throws {
    let script = try definition("script: [/bin/check, --port, '80'], interval: 30s, timeout: 2s, rise: 2, fall: 3")
    #expect(script.kind == .script(.init(.program("/bin/check", arguments: ["--port", "80"]))))
    #expect(script.interval == .seconds(30) && script.timeout == .seconds(2))
    #expect(script.rise == 2 && script.fall == 3)
    #expect(try definition("script: 'exit 1', shell: true").kind == .script(.init(.shell("exit 1"))))
  }
}
