// The kinds `unit`, `file` and `interface`, and processes by their command lines.

import Glibc
import NetworkTypes
import Testing

@testable import HealthProbes

@Suite("Trackers of what else is on the host")
struct HostTrackerTests {
  @Test("file: there or not, told when it changes")
  func file() async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/in-service"
    let definition = TrackerDefinition(name: "test", kind: .file(FileCheck(path: path)), interval: .seconds(3600))
    try await withTracker(definition) { log in
      await log.wait(for: "it is down") { $0.isUp == false }
      #expect(log.last?.detail == "\(path): no such file or directory")
      _ = try directory.file("in-service")
      await log.wait(for: "it is up, long before the interval is over") { $0.isUp == true }
      unlink(path)
      await log.wait(for: "it is down again") { $0.isUp == false }
    }
  }

  struct Number: Sendable, CustomTestStringConvertible {
    let text: String
    let worth: Int?
    let detail: String
    var testDescription: String { text }
  }

  @Test(
    "file with a number: what it is worth",
    arguments: [
      Number(text: "-30\n", worth: -30, detail: "holds -30"),
      Number(text: " 0 # none", worth: 0, detail: "holds 0"),
      Number(text: "+7", worth: 7, detail: "holds 7"),
      Number(text: "255", worth: nil, detail: "holds no number from -254 to 254, but \"255\""),
      Number(text: "", worth: nil, detail: "holds no number from -254 to 254, but \"\""),
      Number(text: "much\u{1b}[2J", worth: nil, detail: "holds no number from -254 to 254, but \"much\""),
    ])
  func number(_ example: Number) async throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("load", example.text)
    let report = try await firstReport(.file(FileCheck(path: path, holdsWeight: true)))
    #expect(report.worth == example.worth)
    #expect(report.isUp == (example.worth != nil))
    #expect(report.detail == "\(path) \(example.detail)")
  }

  @Test("file with a number: a new one is seen at once")
  func newNumber() async throws {
    let directory = try TemporaryDirectory()
    let path = try directory.file("load", "1")
    let definition = TrackerDefinition(
      name: "test", kind: .file(FileCheck(path: path, holdsWeight: true)), interval: .seconds(3600))
    try await withTracker(definition) { log in
      await log.wait(for: "1") { $0.worth == 1 }
      _ = try directory.file("load", "2")
      await log.wait(for: "2") { $0.worth == 2 }
    }
  }

  @Test("interface: there, and with carrier")
  func interface() async throws {
    let loopback = try await firstReport(.interface("lo"))
    #expect(loopback.detail == (loopback.isUp == true ? "lo is up and has carrier" : "lo is down"))
    #expect(try await firstReport(.interface("vipd-none")).detail == "there is no interface vipd-none")
    #expect(
      try await firstReport(.interface("a-name-that-is-too-long")).detail
        == "there is no interface a-name-that-is-too-long")
  }

  @Test("unit: its control group has a process, wherever below the slices it is; its end is seen at once")
  func unit() async throws {
    let directory = try TemporaryDirectory()
    let group = "\(directory.path)/system.slice/system-proxy.slice/proxy@1.service"
    var probe = UnitProbe(
      name: "proxy@1.service", descriptors: PollWaiter.shared, groups: ControlGroups(root: directory.path))
    #expect(
      await probe.check()?.detail
        == "proxy@1.service does not run: \(directory.path) has no control group of that name")
    try TestProcess("/bin/mkdir", ["-p", group]).wait()
    // What a container calls its own groups does not count.
    try TestProcess("/bin/mkdir", ["-p", "\(directory.path)/docker/other.service"]).wait()
    _ = try directory.file("system.slice/system-proxy.slice/proxy@1.service/cgroup.events", "populated 1\nfrozen 0\n")
    _ = try directory.file("system.slice/system-proxy.slice/proxy@1.service/cgroup.procs", "812\n813\n")
    #expect(await probe.check() == CheckResult(.success, "proxy@1.service runs, pid 812"))

    // Whether it is watched already or not: the file is written until the probe has noticed.
    let writer = Task {
      while !Task.isCancelled {
        _ = try? directory.file(
          "system.slice/system-proxy.slice/proxy@1.service/cgroup.events", "populated 0\nfrozen 0\n")
        try? await Task.sleep(for: .milliseconds(10))
      }
    }
    await probe.rest(until: Instant.now() + Duration.seconds(3600))
    writer.cancel()
    #expect(
      await probe.check() == CheckResult(.failure, "proxy@1.service does not run: its processes have ended"))

    var other = UnitProbe(
      name: "other.service", descriptors: PollWaiter.shared, groups: ControlGroups(root: directory.path))
    #expect(await other.check()?.verdict == .failure)
  }

  @Test("process: by what its command line says")
  func commandLine() async throws {
    let mark = uniqueName()
    let kind = TrackerDefinition.Kind.commandLine("1000; : \(mark)")
    #expect(try await firstReport(kind).detail == "no running process with \"1000; : \(mark)\" in its command line")
    let process = try TestProcess("/bin/sh", ["-c", "sleep 1000; : \(mark)"])
    defer { process.end() }
    // For a moment a program that is being started has no command line.
    await eventually("it has begun") {
      (try? ProcessTable().processes(.commandLine("1000; : \(mark)")).map(\.pid)) == [process.pid]
    }
    #expect(try await firstReport(kind).detail == "pid \(process.pid)")
  }
}
