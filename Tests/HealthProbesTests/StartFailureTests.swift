import Glibc
import Testing

@testable import HealthProbes

/// Whatever keeps a script from being started is a failure with its reason, and never a success.
@Suite struct StartFailureTests {
  private func detail(_ program: String, account: TrackerDefinition.Account? = nil) async throws -> String {
    let report = try await firstReport(.init(.program(program), account: account))
    #expect(report.isUp == false)
    return report.detail
  }

  @Test func theFileItself() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path
    mkfifo("\(path)/pipe", 0o755)
    let plain = try directory.file("plain", "exit 0\n")
    let expectations = [
      ("\(path)/missing", "no such file or directory"),
      ("\(path)/no/such/check", "no such file or directory (there is no \(path)/no)"),
      ("\(plain)/check", "\(plain) is not a directory"),
      (path, "is a directory"),
      ("\(path)/pipe", "not a regular file"),
      (directory.link("dangling", to: "\(path)/nowhere"), "a symbolic link to nothing"),
      (directory.link("loop", to: "\(path)/loop"), "too many levels of symbolic links"),
      (try directory.file("unset", "#!/bin/sh\n", mode: 0o644), "permission denied (not executable by user root)"),
      (plain, "not a program: its first line is not of the form #!/bin/sh"),
      (try directory.file("empty"), "the file is empty"),
      (
        try directory.file("elf", "\u{7F}ELF but not really"),
        "built for another kind of system (or its loader is missing)"
      ),
      ("\(path)/" + String(repeating: "x", count: 300), nil),
    ]
    for (program, reason) in expectations {
      let detail = try await detail(program)
      #expect(detail.hasPrefix(program.prefix(150)))
      if let reason { #expect(detail == "\(program): \(reason)") }
    }
  }

  @Test func theInterpreter() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path
    let unset = try directory.file("interpreter", "", mode: 0o644)
    let expectations = [
      ("#!/no/such/interpreter\n", "/no/such/interpreter: no such file or directory (there is no /no)"),
      ("#! \(path)/gone -x\n", "\(path)/gone: no such file or directory"),
      ("#!\(unset)\n", "\(unset): permission denied (not executable by user root)"),
      ("#!\(path)\n", "\(path): is a directory"),
    ]
    for (index, (text, reason)) in expectations.enumerated() {
      let script = try directory.file("script\(index)", text)
      #expect(try await detail(script) == "\(script): bad interpreter \(reason)")
    }
    let windows = try directory.file("windows", "#!/bin/sh\r\nexit 0\r\n")
    #expect(
      try await detail(windows)
        == "\(windows): bad interpreter: its first line ends in a carriage return (saved with Windows line ends)")
    let none = try directory.file("none", "#!\nexit 0\n")
    #expect(try await detail(none) == "\(none): bad interpreter: no program after #!")
  }

  @Test func anotherAccount() async throws {
    let directory = try TemporaryDirectory()
    let nobody = TrackerDefinition.Account(userID: 65534, groupID: 65534)
    let own = try directory.file("own", "#!/bin/sh\n", mode: 0o700)
    #expect(try await detail(own, account: nobody) == "\(own): permission denied (not executable by user nobody)")
    mkdir("\(directory.path)/closed", 0o700)
    let inside = try directory.file("closed/check", "#!/bin/sh\n")
    #expect(
      try await detail(inside, account: nobody)
        == "\(inside): permission denied (user nobody may not enter \(directory.path)/closed)")
    // A script that may be executed but not read: the interpreter says so itself.
    let unreadable = try directory.file("unreadable", "#!/bin/sh\n", mode: 0o711)
    let words = try await detail(unreadable, account: nobody)
    #expect(words.hasPrefix("exit status ") && words.lowercased().contains("permission denied"))
  }

  @Test func noexec() async throws {
    let directory = try TemporaryDirectory()
    let mount = try TestProcess("/bin/mount", ["-t", "tmpfs", "-o", "noexec", "tmpfs", directory.path])
    mount.wait()
    defer { try? TestProcess("/bin/umount", [directory.path]).wait() }
    let script = try directory.file("check", "#!/bin/sh\n")
    #expect(try await detail(script) == "\(script): permission denied (on a file system that is mounted noexec)")
  }

  @Test func userNames() {
    #expect(userName(0) == "user root")
    #expect(userName(4_000_000_000) == "user 4000000000")
    #expect(systemError(ENOENT) == "no such file or directory")
    #expect(systemError(EIO) == "input/output error")
  }
}
