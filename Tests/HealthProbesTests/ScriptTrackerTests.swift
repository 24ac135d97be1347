import Glibc
import Synchronization
import Testing

@testable import HealthProbes

@Suite struct ScriptTrackerTests {
  // MARK: Results

  struct Ending: Sendable, CustomTestStringConvertible {
    let line: String
    let isUp: Bool
    let detail: String
    var testDescription: String { line }
  }

  @Test(arguments: [
    Ending(line: "true", isUp: true, detail: "exit status 0"),
    Ending(line: "echo fine; echo; exit 0", isUp: true, detail: "exit status 0: fine"),
    Ending(line: "exit 7", isUp: false, detail: "exit status 7"),
    Ending(
      line: "echo one; echo connection refused >&2; exit 1", isUp: false, detail: "exit status 1: connection refused"),
    Ending(line: "echo one >&2; echo two; exit 255", isUp: false, detail: "exit status 255: two"),
    Ending(line: "printf '\\033[31mred\\033[0m\\007 \\r\\n\\n'; exit 3", isUp: false, detail: "exit status 3: red"),
    Ending(line: "kill -SEGV $$", isUp: false, detail: "killed by signal 11 (SIGSEGV)"),
    Ending(line: "echo dying; kill -KILL $$", isUp: false, detail: "killed by signal 9 (SIGKILL): dying"),
    Ending(line: "kill -TERM $$", isUp: false, detail: "killed by signal 15 (SIGTERM)"),
    Ending(line: "exec >&- 2>&-; exit 4", isUp: false, detail: "exit status 4"),
  ])
  func endings(ending: Ending) async throws {
    let report = try await firstReport(shell(ending.line))
    #expect(report.isUp == ending.isUp)
    #expect(report.detail == ending.detail)
    #expect(report.hasChanged && report.checks == 1 && report.timeouts == 0)
    #expect(report.kind == "script")
    #expect(try #require(report.lastCheckDuration) > .zero)
  }

  @Test func unknownCommandInAShell() async throws {
    let report = try await firstReport(shell("vipd-no-such-command"))
    #expect(report.isUp == false)
    #expect(report.detail.hasPrefix("exit status 127: ") && report.detail.contains("not found"))
  }

  @Test func argumentsReachTheProgramAsTheyAre() async throws {
    let directory = try TemporaryDirectory()
    let script = try directory.file("check", "#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    let report = try await firstReport(.init(.program(script, arguments: ["a b", "$HOME", "*", "", "'"])))
    #expect(report.detail == "exit status 0: <a b><$HOME><*><><'>")
  }

  // MARK: What a script finds when it starts

  @Test func environmentIsClean() async throws {
    let directory = try TemporaryDirectory()
    let script = "/usr/bin/env | sort | tr '\\n' ' '"
    let report = try await firstReport(
      .init(.program(try directory.file("check", "#!/bin/sh\nunset PWD OLDPWD\n\(script)\n"))), name: "proxy check")
    #expect(report.detail == "exit status 0: PATH=\(TrackerDefinition.searchPath) VIPD_TRACKER=proxy check")
  }

  @Test func signalsDescriptorsGroupAndDirectory() async throws {
    // Ignored signals survive an exec, so a child must have them reset.
    signal(SIGUSR2, SIG_IGN)
    defer { signal(SIGUSR2, SIG_DFL) }
    let signals = try await firstReport(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t'"))
    // 32 and 33 are the C library's own, for its threads.
    #expect(signals.detail == "exit status 0: SigBlk:0000000000000000SigIgn:0000000180000000")

    // 3 is the directory that ls itself reads.
    let descriptors = try await firstReport(.init(.program("/bin/sh", arguments: ["-c", "echo $(ls /proc/self/fd)"])))
    #expect(descriptors.detail == "exit status 0: 0 1 2 3")
    #expect(try await firstReport(shell("readlink /proc/self/fd/0")).detail == "exit status 0: /dev/null")
    #expect(try await firstReport(shell("pwd")).detail == "exit status 0: /")

    let group = try await firstReport(
      shell("read -r stat </proc/$$/stat; set -- $stat; [ $5 = $$ ] && [ $5 != \(getpgrp()) ]"))
    #expect(group.isUp == true)
  }

  @Test func programIsLookedUpInTheSearchPath() async throws {
    #expect(try await firstReport(.init(.program("true"))).isUp == true)
    let missing = try await firstReport(.init(.program("vipd-no-such-program")))
    #expect(missing.detail == "vipd-no-such-program: not found in \(TrackerDefinition.searchPath)")
    #expect(try await firstReport(.init(.program("sub/check"))).detail == "sub/check: not an absolute path")
    #expect(try await firstReport(.init(.program(""))).detail == "no program is given")
  }

  @Test func runsAsAnotherAccountWithoutGroupsAndCapabilities() async throws {
    let directory = try TemporaryDirectory()
    let script = try directory.file(
      "check",
      "#!/bin/sh\necho $(id -u) $(id -g) $(id -G) $(grep -E 'Cap(Prm|Eff|Amb)' /proc/self/status | cut -f2 | sort -u)\n"
    )
    let account = TrackerDefinition.Account(userID: 65534, groupID: 65533)
    let report = try await firstReport(.init(.program(script), account: account))
    #expect(report.detail == "exit status 0: 65534 65533 65533 0000000000000000")
    let group = try await firstReport(
      .init(.shell("read -r stat </proc/$$/stat; set -- $stat; [ $5 = $$ ]"), account: account))
    #expect(group.isUp == true)
  }

  // MARK: Timeouts

  @Test(arguments: [
    "exec sleep 1000",
    "sleep 1000",
    "trap '' TERM INT HUP; sleep 1000",
    "exec >&- 2>&-; sleep 1000",
    "kill -STOP $$",
    // Children that keep the pipe open in a session of their own, silent or not.
    "setsid sh -c 'echo $$ >DIRECTORY/pid; exec sleep 1000' & sleep 1000",
    "setsid sh -c 'echo $$ >DIRECTORY/pid; exec yes' & sleep 1000",
    "yes",
    "while :; do head -c 100000 /dev/zero; done",
    "while :; do sleep 0.01 & done",
  ])
  func timeout(line: String) async throws {
    let directory = try TemporaryDirectory()
    let script = shell(line.replacing("DIRECTORY", with: directory.path))
    await withTracker(scriptTracker(script, interval: .seconds(3600), timeout: .seconds(1))) { log in
      await log.wait(for: "timeout") { $0.isUp == false && $0.timeouts == 1 }
      let detail = log.last?.detail ?? ""
      #expect(detail.hasPrefix("timed out after 1s, process group killed"))
      let duration = log.last?.lastCheckDuration ?? .zero
      #expect(duration >= .milliseconds(999) && duration < .seconds(30))
    }
    if line.contains("DIRECTORY") { await directory.endRecordedProcess() }
  }

  @Test func lastWordsBeforeTheTimeout() async throws {
    let report = try await firstReport(shell("echo waiting for the lock; sleep 1000"), timeout: .seconds(5))
    #expect(report.detail == "timed out after 5s, process group killed: waiting for the lock")
  }

  @Test func timeoutKillsTheWholeGroup() async throws {
    let directory = try TemporaryDirectory()
    let report = try await firstReport(
      shell("sleep 1000 & echo $! >\(directory.path)/child; echo $$ >\(directory.path)/leader; wait"),
      timeout: .seconds(5))
    #expect(report.timeouts == 1)
    for name in ["child", "leader"] {
      let pid = try #require(pid_t(directory.text(name).dropLast()))
      await eventually("\(name) is gone") { !isAlive(pid) }
    }
  }

  /// A result does not wait for children that hold the pipe; those of the group do not outlive the script.
  @Test(arguments: ["exec sleep 1000", "exec yes"])
  func childrenLeftBehind(child: String) async throws {
    let directory = try TemporaryDirectory()
    let start = ContinuousClock.now
    let report = try await firstReport(
      shell(
        """
        sleep 1000 & echo $! >\(directory.path)/child
        setsid sh -c 'echo $$ >\(directory.path)/pid; \(child)' &
        while [ ! -s \(directory.path)/pid ]; do sleep 0.01; done
        """))
    #expect(report.isUp == true)
    #expect(start.duration(to: .now) < .seconds(30))
    let pid = try #require(pid_t(directory.text("child").dropLast()))
    await eventually("the child is gone") { !isAlive(pid) }
    await directory.endRecordedProcess()
  }

  @Test func endlessOutputStaysSmall() async throws {
    let before = residentKilobytes()
    let report = try await firstReport(shell("timeout 1 yes; exit 5"))
    #expect(report.detail == "exit status 5: y")
    #expect(residentKilobytes() - before < 100_000)
  }

  /// A run that not even SIGKILL ends: whoever waits for its end never hears of it.
  @Test func runThatCannotBeKilled() async throws {
    final class Deaf: DescriptorWaiting {
      let release = OneShot<Bool>()
      func untilReadable(_ descriptor: CInt) async throws {
        _ = await Task.detached { [release] in await release.wait() }.value
      }
    }
    let deaf = Deaf()
    let definition = scriptTracker(
      shell("sleep 1000"), interval: .milliseconds(50), timeout: .milliseconds(50))
    await withTracker(definition, descriptors: deaf) { log in
      await log.wait(for: "timeout") { $0.detail.hasPrefix("timed out after 50ms") || $0.timeouts > 1 }
      await log.wait(for: "survivor") {
        $0.timeouts > 2 && $0.detail.hasPrefix("the run of ")
          && $0.detail.hasSuffix("cannot be killed: it hangs in the kernel")
      }
      deaf.release.set(true)
      // From here on every run is over at once, and killed for it.
      await log.wait(for: "a new run") { $0.detail == "killed by signal 9 (SIGKILL)" }
    }
  }

  /// A run that cannot be waited for is a failure, and is not left running.
  @Test func brokenEventLoop() async throws {
    struct Broken: DescriptorWaiting, Error {
      func untilReadable(_ descriptor: CInt) async throws { throw self }
    }
    let directory = try TemporaryDirectory()
    let line = "echo $$ >\(directory.path)/pid; sleep 1000"
    await withTracker(scriptTracker(shell(line), interval: .seconds(3600)), descriptors: Broken()) { log in
      await log.wait(for: "failure") { $0.isUp == false && $0.timeouts == 0 }
      #expect(log.last?.detail == "/bin/sh: cannot be waited for: Broken()")
    }
    if let pid = pid_t(directory.text("pid").dropLast()) {
      await eventually("it is gone") { !isAlive(pid) }
    }
  }

  /// A process that has ended while nobody was told is found out about, so that the next run can start.
  @Test func forgottenRun() async throws {
    let process = try TestProcess("/bin/true", [])
    let release = OneShot<CheckResult>()
    let run = ScriptRun { progress in
      progress.setStarted(pid: process.pid)
      progress.setEnded()
      return await release.wait() ?? CheckResult(.failure, "")
    }
    await eventually("it is collected") { run.collectIfForgotten() }
    #expect(ProcessTable().status(of: process.pid) == nil)
    #expect(!run.collectIfForgotten())
    release.set(CheckResult(.success, ""))
  }

  // MARK: The schedule

  @Test func oneRunAtATimeFromStartToStart() async throws {
    let directory = try TemporaryDirectory()
    let log = "\(directory.path)/log"
    let script = try directory.file("check", "#!/bin/sh\necho start >>\(log); sleep 0.3; echo end >>\(log)\n")
    // Shorter than the script runs: the next starts when it is over.
    await withTracker(scriptTracker(.init(.program(script)))) { reports in
      await reports.wait(for: "4 checks") { $0.checks >= 4 }
    }
    let lines = directory.text("log").split(separator: "\n")
    for pair in stride(from: 0, to: lines.count - 1, by: 2) {
      #expect(lines[pair] == "start" && lines[pair + 1] == "end")
    }

    // Longer: the next starts an interval after the start, not after the end.
    await withTracker(scriptTracker(.init(.program(script)), interval: .milliseconds(500))) { reports in
      await reports.wait(for: "6 checks") { $0.checks >= 6 }
      let times = reports.times
      let gaps = zip(times, times.dropFirst()).map { $0.duration(to: $1) }
      #expect(gaps.contains { $0 < .milliseconds(750) })
      #expect(times[0].duration(to: times[5]) > .milliseconds(2000))
    }
  }

  @Test func riseAndFall() async throws {
    let directory = try TemporaryDirectory()
    let script = try directory.file("check", "#!/bin/sh\n[ ! -e \(directory.path)/broken ]\n")
    try await withTracker(scriptTracker(.init(.program(script)), rise: 2, fall: 3)) { log in
      await log.wait(for: "up") { $0.isUp == true }
      _ = try directory.file("broken")
      await log.wait(for: "down") { $0.isUp == false }
      unlink("\(directory.path)/broken")
      await log.wait(for: "up again") { $0.isUp == true }
      let changes = log.reports.filter(\.hasChanged)
      #expect(changes.map(\.isUp) == [true, false, true], "\(changes)")
      #expect(changes.map(\.failures) == [0, 3, 0])
      #expect(changes.map(\.successes) == [1, 0, 2])
    }
  }

  @Test func cancellingKillsTheRun() async throws {
    let directory = try TemporaryDirectory()
    let line = "echo $$ >\(directory.path)/pid; trap '' TERM; sleep 1000"
    var pid: pid_t?
    await withTracker(scriptTracker(shell(line))) { log in
      await eventually("it runs") {
        pid = pid_t(directory.text("pid").dropLast())
        return pid != nil
      }
      #expect(log.reports.isEmpty)
    }
    // The tracker's call is over by now, so its script is, too.
    #expect(!isAlive(try #require(pid)))
  }

  @Test func cancelledBeforeTheStart() async throws {
    let log = ReportLog()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      await TrackerHost(descriptors: PollWaiter.shared).run(scriptTracker(shell("true"))) { log.append($0) }
    }
    await task.value
    #expect(log.reports.isEmpty)
  }

  /// Replaced while it is open for writing: a check that comes at that moment waits a little instead of failing.
  @Test func programThatIsBeingReplaced() async throws {
    let directory = try TemporaryDirectory()
    let script = try directory.file("check", "#!/bin/sh\nexit 0\n")
    let writer = open(script, O_WRONLY | O_CLOEXEC)
    await withTracker(scriptTracker(.init(.program(script)))) { log in
      await log.wait(for: "failure") { $0.detail == "\(script): text file busy (it is open for writing)" }
      close(writer)
      await log.wait(for: "up") { $0.isUp == true }
    }
  }
}

extension TemporaryDirectory {
  /// Ends the process that has written its number into the file `pid`.
  fileprivate func endRecordedProcess() async {
    await eventually("its number is written") { pid_t(text("pid").dropLast()) != nil }
    if let pid = pid_t(text("pid").dropLast()) { kill(pid, SIGKILL) }
  }
}

private func residentKilobytes() -> Int {
  guard let stream = fopen("/proc/self/statm", "re") else { return 0 }
  defer { fclose(stream) }
  var bytes = [UInt8](repeating: 0, count: 256)
  let count = fread(&bytes, 1, bytes.count, stream)
  let fields = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
  return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4 : 0
}
