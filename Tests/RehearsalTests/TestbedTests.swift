// The test bed itself: nodes that are hosts of their own, faults that do what they say, and nothing left behind.

import Glibc
import Testing

@testable import Rehearsal

@Suite("Test bed")
struct TestbedTests {
  @Test("A node has a name, processes and a /run of its own")
  func nodesAreHosts() async throws {
    try await Testbed.with { testbed in
      let node = testbed["n2"]
      #expect(try node.run("hostname").output == "n2\n")
      try node.write("here", toRun: "some/file")
      #expect(try node.run("cat", ["/run/some/file"]).output == "here")
      #expect(try !testbed["n1"].run("cat", ["/run/some/file"]).status.isSuccess)

      try node.startProcess(named: "dockerd")
      try await eventually("the process bears its name") { try node.run("pgrep", ["-x", "dockerd"]).status.isSuccess }
      #expect(try !testbed["n1"].run("pgrep", ["-x", "dockerd"]).status.isSuccess)
    }
  }

  @Test("What a program prints and how it ends is told; one that is missing is named")
  func runsPrograms() async throws {
    try await Testbed.with(.lan(nodes: 1)) { testbed in
      let node = testbed["n1"]
      let result = try node.run("sh", ["-c", "cat; echo $WORD >&2; exit 3"], environment: ["WORD": "b"], input: "a ")
      #expect(result == CommandResult(status: .exited(3), output: "a b\n"))
      #expect(throws: TestbedError("no-such-program: cannot execute", cause: "no such file or directory")) {
        try node.run("no-such-program")
      }
      let sleeper = try node.spawn("sleep", ["1000"])
      #expect(sleeper.isRunning)
      sleeper.terminate()
      #expect(try await sleeper.wait() == .killed(signal: SIGTERM))
      let talker = try node.spawn("echo", ["something"])
      #expect(try await talker.wait().isSuccess)
      #expect(talker.log == "something\n")
    }
  }

  @Test("Addresses come and go as the kernel says", arguments: ["10.0.10.39", "fd10::39"])
  func addresses(_ address: String) async throws {
    try await Testbed.with { testbed in
      let node = testbed["n3"]
      #expect(node.holds("10.0.10.33") && node.holds("fd10::33"))
      let length = address.contains(":") ? 64 : 24
      try node.run("ip", ["addr", "add", "\(address)/\(length)", "dev", "eth0"])
      #expect(node.addresses.contains(NodeAddress(interface: "eth0", address: address, prefixLength: length)))
      #expect(testbed.holders(of: address).map(\.name) == ["n3"])
      try node.deleteAddress("\(address)/\(length)")
      #expect(testbed.holders(of: address).isEmpty)
    }
  }

  @Test("Without control groups, processes are frozen and killed by their namespace")
  func signalsReachTheNamespaceOnly() async throws {
    try await Testbed.with { testbed in
      let here = try testbed["n1"].spawn("sleep", ["1000"])
      let there = try testbed["n2"].spawn("sleep", ["1000"])
      try testbed["n1"].living().signalAll(SIGKILL)
      #expect(try await here.wait() == .killed(signal: SIGKILL))
      #expect(there.isRunning)
      #expect(try testbed["n1"].run("true").status.isSuccess)
    }
  }
}

@Suite("What a test bed leaves behind: nothing")
struct CleanupTests {
  @Test("After the end")
  func closed() async throws {
    let testbed = try Testbed()
    let sleeper = try testbed["n1"].spawn("sleep", ["1000"])
    try await testbed["n1"].freeze()
    try testbed.killHost(testbed["n2"])
    try testbed.bootHost(testbed["n2"])
    let traces = Traces(of: testbed)
    #expect(!traces.found().isEmpty)
    testbed.close()
    #expect(sleeper.exitStatus == .killed(signal: SIGKILL))
    try await eventually("nothing is left, but there is \(traces.found())") { traces.found().isEmpty }
    testbed.close()
  }

  @Test("After an error")
  func thrown() async throws {
    struct Mishap: Error {}
    let traces = await #expect(throws: TracesAtError.self) {
      try await Testbed.with { testbed in throw TracesAtError(traces: Traces(of: testbed)) }
    }?.traces
    let found = try #require(traces)
    try await eventually("nothing is left, but there is \(found.found())") { found.found().isEmpty }
  }

  private struct TracesAtError: Error { let traces: Traces }

  @Test("After the owner was killed, with a frozen node: the next one sweeps")
  func ownerKilled() async throws {
    // The owner is a process of a node's, so that it can not outlive this test either.
    try await Testbed.with(.lan(nodes: 1)) { outer in
      let owner = try outer.client.spawn(Programs.beside("vipctl"), ["stand-in", "testbed"])
      try await eventually("the inner test bed is up") {
        #expect(owner.isRunning, "\(owner.log)")
        return owner.log.contains("\n")
      }
      // Its journal is in its node's own /run, so the sweep is done by a process in the same place.
      let identifier = try #require(owner.log.split(separator: " ").first.map(String.init))
      let journal = "\(outer.client.runDirectory)/vipd-rehearsal"
      #expect(Files.names(in: journal).contains(identifier))
      let group = try #require(ControlGroup.hierarchy) + "/vipd-rehearsal-\(identifier)-n1"
      #expect(Files.exists(group))
      owner.kill()
      try await owner.wait()
      #expect(Files.exists(group))
      let next = try outer.client.spawn(Programs.beside("vipctl"), ["stand-in", "testbed"])
      try await eventually("the next test bed is up") { next.log.contains("\n") }
      #expect(!Files.exists(group))
      #expect(!Files.names(in: journal).contains(identifier))
      #expect(try outer.client.run("pgrep", ["-c", "sleep"]).output == "1\n")
      next.terminate()
      try await next.wait()
      let clean = try outer.client.run(Programs.beside("vipctl"), ["stand-in", "sweep"])
      #expect(clean.status.isSuccess)
      #expect(Files.names(in: journal).isEmpty)
    }
  }
}

/// What of a test bed the machine still shows.
private final class Traces: Sendable {
  let identifier: String
  let networks: Set<String>
  /// Held, so that the kernel gives their numbers to no other test bed.
  private let held: [Int32]

  init(of testbed: Testbed) {
    identifier = testbed.identifier
    networks = Set(
      (testbed.nodes + [testbed.client]).compactMap { node in
        (try? node.living()).flatMap { Self.network(of: String($0.process)) }
      })
    held = (testbed.nodes + [testbed.client]).compactMap { node in
      (try? node.living()).map { open("/proc/\($0.process)/ns/net", O_RDONLY | O_CLOEXEC) }
    }
  }

  deinit { for descriptor in held where descriptor >= 0 { close(descriptor) } }

  func found() -> [String] {
    var found: [String] = []
    for base in ["/run/vipd-rehearsal", "/tmp/vipd-rehearsal", ControlGroup.hierarchy].compactMap({ $0 }) {
      found += Files.names(in: base).filter {
        $0 == identifier || $0.hasPrefix("\(identifier)-") || $0.hasPrefix("vipd-rehearsal-\(identifier)-")
      }.map { "\(base)/\($0)" }
    }
    found += (Files.read("/proc/self/mountinfo") ?? "").split(separator: "\n").map(String.init)
      .filter { $0.contains("/\(identifier)/") || $0.contains("/\(identifier) ") }
    for process in Files.names(in: "/proc") where process.first?.isNumber ?? false {
      if let network = Self.network(of: process), networks.contains(network) { found.append("process \(process)") }
    }
    return found
  }

  private static func network(of process: String) -> String? {
    guard let path = realpath("/proc/\(process)/ns/net", nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}
