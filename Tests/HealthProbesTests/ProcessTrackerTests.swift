import CLinux
import Glibc
import Testing

@testable import HealthProbes

@Suite struct ProcessTrackerTests {
  @Test func deathAndBirth() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    // An interval that no test waits for: only the pidfd can tell of the end in time.
    let first = try await sleeper(name, in: directory)
    await withTracker(processTracker(name, interval: .seconds(3600))) { log in
      await log.wait(for: "up") { $0.isUp == true && $0.hasChanged && $0.detail == "pid \(first.pid)" }
      first.end()
      await log.wait(for: "down") {
        // Whether its parent has collected it by then is for the two of them.
        $0.isUp == false && $0.hasChanged
          && [
            "no running process named \(name) (pid \(first.pid) has ended)",
            "no running process named \(name) (ended, not yet collected by its parent: pid \(first.pid))",
          ].contains($0.detail)
      }
    }

    try await withTracker(processTracker(name)) { log in
      await log.wait(for: "down") { $0.isUp == false && $0.detail == "no running process named \(name)" }
      let second = try await sleeper(name, in: directory)
      defer { second.end() }
      await log.wait(for: "up") { $0.isUp == true && $0.detail == "pid \(second.pid)" }
    }
  }

  @Test func zombiesDoNotCount() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let process = try await sleeper(name, in: directory)
    defer { process.wait() }
    await withTracker(processTracker(name)) { log in
      await log.wait(for: "up") { $0.isUp == true }
      process.signal(SIGKILL)  // and is not collected yet
      await log.wait(for: "down") {
        $0.isUp == false && $0.detail.contains("ended, not yet collected by its parent: pid \(process.pid)")
      }
    }
  }

  @Test func stoppedIsDown() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let process = try await sleeper(name, in: directory)
    defer { process.end() }
    await withTracker(processTracker(name)) { log in
      await log.wait(for: "up") { $0.isUp == true }
      process.signal(SIGSTOP)
      await log.wait(for: "down") {
        $0.isUp == false && $0.detail == "no running process named \(name) (stopped: pid \(process.pid))"
      }
      process.signal(SIGCONT)
      await log.wait(for: "up again") { $0.isUp == true && $0.hasChanged }
    }
  }

  @Test func execIntoTheName() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let program = directory.link(name, to: "/bin/sleep")
    let process = try TestProcess(
      "/bin/sh", ["-c", "while [ ! -e \(directory.path)/go ]; do /bin/sleep 0.02; done; exec \(program) 1000"])
    defer { process.end() }
    try await withTracker(processTracker(name)) { log in
      await log.wait(for: "several checks") { $0.isUp == false && $0.checks >= 3 }
      _ = try directory.file("go")
      await log.wait(for: "up") { $0.isUp == true && $0.detail == "pid \(process.pid)" }
    }
  }

  @Test func renamed() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let other = uniqueName()
    let process = try TestProcess(
      "/bin/sh",
      [
        "-c",
        """
        printf %s \(name) >/proc/$$/comm
        while [ ! -e \(directory.path)/go ]; do /bin/sleep 0.02; done
        printf %s \(other) >/proc/$$/comm
        while :; do /bin/sleep 0.02; done
        """,
      ])
    defer { process.end() }
    try await withTracker(processTracker(name)) { log in
      await log.wait(for: "up") { $0.isUp == true }
      _ = try directory.file("go")
      await log.wait(for: "down") { $0.isUp == false }
    }
    await withTracker(processTracker(other)) { log in await log.wait(for: "up") { $0.isUp == true } }
  }

  @Test func count() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    var processes = try await sleepers(3, name, in: directory)
    defer { processes.forEach { $0.end() } }
    try await withTracker(processTracker(name, count: 2)) { log in
      await log.wait(for: "up") { $0.isUp == true && $0.detail.hasPrefix("pids ") }
      // One more than required: the third takes the place of the first.
      processes.removeFirst().end()
      let pids = processes.map { String($0.pid) }.sorted()
      await log.wait(for: "the other two") {
        $0.isUp == true && $0.detail.hasPrefix("pids ") && pids.allSatisfy($0.detail.contains)
      }
      #expect(!log.wasEverDown)
      let ended = processes.removeFirst()
      ended.end()
      await log.wait(for: "down") {
        $0.isUp == false
          && $0.detail
            == "1 of 2 processes named \(name) run: pid \(processes[0].pid) (pid \(ended.pid) has ended)"
      }
      processes.append(try await sleeper(name, in: directory))
      await log.wait(for: "up again") { $0.isUp == true }
    }
  }

  /// A successor that starts before its predecessor ends (a binary upgrade) is no interruption.
  @Test func handover() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let old = try await sleeper(name, in: directory)
    try await withTracker(processTracker(name, interval: .seconds(3600))) { log in
      await log.wait(for: "up") { $0.detail == "pid \(old.pid)" }
      let new = try await sleeper(name, in: directory)
      old.end()
      await log.wait(for: "the new one") { $0.detail == "pid \(new.pid)" }
      #expect(!log.wasEverDown)
      new.end()
    }
  }

  @Test func fallAndRise() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let process = try await sleeper(name, in: directory)
    try await withTracker(processTracker(name, interval: .milliseconds(20), rise: 3, fall: 4)) { log in
      await log.wait(for: "up") { $0.isUp == true }
      process.end()
      await log.wait(for: "down") { $0.isUp == false }
      let fallen = log.reports.first { $0.hasChanged && $0.isUp == false }
      #expect(fallen?.failures == 4)
      let second = try await sleeper(name, in: directory)
      defer { second.end() }
      await log.wait(for: "up") { $0.isUp == true }
      let risen = log.reports.last { $0.hasChanged }
      #expect(risen?.successes == 3)
    }
  }

  /// Where another PID namespace's proc is mounted, there are no pidfds; looking once an interval still works.
  @Test func foreignProc() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let program = directory.link(name, to: "/bin/sleep")
    mkdir("\(directory.path)/proc", 0o755)
    let namespace = try TestProcess(
      "/usr/bin/unshare",
      [
        "--pid", "--mount", "--fork", "--kill-child", "/bin/sh", "-c",
        "mount -t proc proc \(directory.path)/proc; \(program) 1000 & echo ok >\(directory.path)/ready; wait",
      ])
    defer { namespace.end() }
    await eventually("the namespace stands") { directory.text("ready") == "ok\n" }
    let table = ProcessTable(path: "/proc/\(namespace.pid)/root\(directory.path)/proc")
    #expect(!table.hasOurNumbers)

    let log = ReportLog()
    let definition = processTracker(name, interval: .milliseconds(50))
    let tracker = Task {
      let probe = ProcessProbe(.name(name), count: 1, descriptors: PollWaiter.shared, table: table)
      await TrackerHost(descriptors: PollWaiter.shared).run(probe, definition) { log.append($0) }
    }
    await log.wait(for: "up") {
      $0.isUp == true && $0.detail.contains("its end is seen late: /proc is another PID namespace's")
    }
    let instances = try ProcessTable().processes(named: ProcessName(name))
    let outside = try #require(instances.first)
    kill(outside.pid, SIGKILL)
    await log.wait(for: "down") { $0.isUp == false }
    tracker.cancel()
    await tracker.value
  }

  /// Processes of the name that live for a moment must not make a busy loop of searches.
  @Test func searchesArePaced() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let program = directory.link(name, to: "/bin/sleep")
    let spawner = try TestProcess("/bin/sh", ["-c", "while :; do \(program) 0.01; done"])
    defer { spawner.end() }
    await withTracker(processTracker(name, interval: .milliseconds(20))) { log in
      await log.wait(for: "many checks") { $0.checks >= 60 }
      let times = log.times
      #expect(times[0].duration(to: times[times.count - 1]) > .milliseconds(100))
    }
  }

  @Test func manyInstancesUseFewDescriptors() async throws {
    let directory = try TemporaryDirectory()
    let name = uniqueName()
    let processes = try await sleepers(40, name, in: directory)
    defer { processes.forEach { $0.end() } }
    await withTracker(processTracker(name, interval: .milliseconds(20))) { log in
      await log.wait(for: "up") { $0.isUp == true }
      processes.dropLast().forEach { $0.end() }
      await log.wait(for: "the last one") { $0.detail == "pid \(processes[processes.count - 1].pid)" }
      #expect(!log.wasEverDown)
    }
  }
}
