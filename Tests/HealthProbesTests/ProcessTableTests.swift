import Glibc
import Testing

@testable import HealthProbes

@Suite struct ProcessTableTests {
  /// The fields of /proc/PID/stat after the name; the letter is the state.
  private func stat(_ name: String, _ letter: String, threads: Int = 1, start: Int = 4711) -> [UInt8] {
    Array("812 (\(name)) \(letter) 1 812 812 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 \(threads) 0 \(start) 0 0\n".utf8)
  }

  @Test(arguments: [
    ("S", 1, ProcessStatus.State.running), ("R", 1, .running), ("D", 1, .running), ("t", 1, .running),
    ("I", 1, .running), ("T", 1, .stopped), ("T", 9, .stopped), ("Z", 1, .zombie), ("X", 1, .zombie),
    ("Z", 3, .running),
  ])
  func states(letter: String, threads: Int, expected: ProcessStatus.State) throws {
    let status = try #require(ProcessStatus(pid: 812, stat: stat("dockerd", letter, threads: threads)))
    #expect(status.state == expected)
    #expect(status.startTime == 4711)
  }

  @Test(arguments: ["dockerd", "a) S 1 (b", "((", "))", "", "two words"])
  func namesWithParentheses(name: String) throws {
    #expect(try #require(ProcessStatus(pid: 812, stat: stat(name, "S"))).kernelName == Array(name.utf8))
  }

  @Test(arguments: ["", "812", "812 (x", "812 x) S", ")(", "812 (x) S", "812 (x) S 1 2 3", "812 (x)"])
  func rubbish(text: String) { #expect(ProcessStatus(pid: 812, stat: Array(text.utf8)) == nil) }

  @Test func missing() throws {
    #expect(throws: ProcessTableError(reason: "cannot read /nowhere/proc: no such file or directory")) {
      try ProcessTable(path: "/nowhere/proc").processes(named: ProcessName("x"))
    }
    let directory = try TemporaryDirectory()
    #expect(throws: ProcessTableError(reason: "\(directory.path) shows no process: proc is not mounted there")) {
      try ProcessTable(path: directory.path).processes(named: ProcessName("x"))
    }
  }

  /// With `hidepid` even process 1 is out of sight, which every PID namespace has.
  @Test func hidden() throws {
    let directory = try TemporaryDirectory()
    mkdir("\(directory.path)/4242", 0o755)
    _ = try directory.file("4242/comm", "mine\n")
    let error = #expect(throws: ProcessTableError.self) {
      try ProcessTable(path: directory.path).processes(named: ProcessName("dockerd"))
    }
    #expect(error?.reason.contains("no process named dockerd in sight") == true)
    #expect(error?.reason.contains("hidepid") == true)
  }

  @Test func ownNumbers() { #expect(ProcessTable().hasOurNumbers) }

  @Test func thisProcessIsNotFound() throws {
    let own = try #require(ProcessTable().status(of: getpid()))
    let name = ProcessName(String(decoding: own.kernelName, as: UTF8.self))
    #expect(try !ProcessTable().processes(named: name).contains { $0.pid == getpid() })
  }

  /// A process has its name a moment after it was started.
  private func settled(_ name: String, _ count: Int = 1) async {
    await eventually("\(count) × \(name)") {
      (try? ProcessTable().processes(named: ProcessName(name)))?.count == count
    }
  }

  @Test func namesOfFifteenBytesAreExact() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let process = try await sleeper(name, in: directory)
    defer { process.end() }
    await settled(name)
    let table = ProcessTable()
    #expect(try table.processes(named: ProcessName(name)).map(\.pid) == [process.pid])
    #expect(try table.processes(named: ProcessName(String(name.dropLast()))).isEmpty)
    #expect(try table.processes(named: ProcessName(name + "x")).isEmpty)
    #expect(try table.processes(named: ProcessName("")).isEmpty)
  }

  @Test func longNamesAreComparedWhole() async throws {
    let directory = try TemporaryDirectory()
    let stem = uniqueName() + "-----------"
    let long = try TestProcess(directory.link(stem + "proxy", to: "/bin/sleep"), ["1000"])
    let other = try TestProcess(directory.link(stem + "worker", to: "/bin/sleep"), ["1000"])
    // Of a script, the kernel's name is the script's and argv[0] the interpreter. It waits for nobody, and starts nothing,
    // which would have its name for a moment.
    let pipe = "\(directory.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    let script = try TestProcess(
      try directory.file(stem + "script", "#!/bin/sh\nread -r word <\(pipe)\n"), [])
    defer { for process in [long, other, script] { process.end() } }
    await settled(String(stem.prefix(15)), 3)
    let table = ProcessTable()
    #expect(try table.processes(named: ProcessName(stem + "proxy")).map(\.pid) == [long.pid])
    #expect(try table.processes(named: ProcessName(stem + "worker")).map(\.pid) == [other.pid])
    #expect(try table.processes(named: ProcessName(stem + "script")).map(\.pid) == [script.pid])
    #expect(try table.processes(named: ProcessName(String(stem.prefix(15)))).count == 3)
    #expect(try table.processes(named: ProcessName(stem + "none")).isEmpty)
  }
}
