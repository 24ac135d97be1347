// One run of a script's program: started in a process group of its own, waited for, and judged by how it ended.
//
// A script runs as whoever this process is, unless its definition names another account. Where that is not root, it has
// no capability, whichever ones this process has kept: an execve(2) by another user than root leaves only ambient ones,
// and vipd has none of these; a program's file may still grant its own. capabilities(7)
//
// The process that leads the group is collected only after the group was killed, so that the group's number cannot have
// become another's by then.
import CLinux
import Glibc
import Subprocess
import SystemPackage

struct ScriptExecution: Sendable {
  let script: TrackerDefinition.Script
  /// Beside the search path, all that it finds in its environment.
  let environment: [String: String]
  /// What it reads from its standard input: nothing, most often.
  var input: [UInt8] = []
  let descriptors: any DescriptorWaiting
  let progress: ScriptProgress

  /// Runs the script to its end. Where the task is cancelled, the end is SIGKILL for the whole process group.
  func run() async -> CheckResult {
    let program: String
    let arguments: [String]
    do {
      (program, arguments) = try resolved()
    } catch {
      return CheckResult(.failure, error.reason)
    }
    var patience = Self.replacementPauses
    while true {
      do {
        return judge(try await execute(program, arguments))
      } catch let error as SubprocessError where error.underlyingError == .textFileBusy && patience > 0 {
        patience -= 1
        try? await Task.sleep(for: .milliseconds(10))
      } catch let error as SubprocessError {
        return CheckResult(.failure, StartFailure(of: program, as: script.account, error).reason)
      } catch {
        return CheckResult(.failure, "\(program): cannot be waited for: \(error)")
      }
    }
  }

  /// A program that is open for writing cannot be started. Most often it is being replaced at this very moment, so it
  /// gets ten chances, 10 ms apart.
  private static let replacementPauses = 10

  private func execute(_ program: String, _ arguments: [String]) async throws -> TerminationStatus {
    let result = try await Subprocess.run(
      .path(FilePath(program)), arguments: Arguments(arguments), environment: .custom(fullEnvironment),
      workingDirectory: "/", platformOptions: options, input: try standardInput(), output: .sequence,
      error: .combinedWithOutput
    ) { execution in
      let process = execution.processIdentifier
      progress.setStarted(pid: process.value)
      async let output: Void = progress.collect(execution.standardOutput)
      var obstacle: (any Error)?
      do {
        guard process.processDescriptor >= 0 else { throw Errno.tooManyOpenFiles }
        try await descriptors.untilReadable(process.processDescriptor)
      } catch is CancellationError {
        // The timeout, or the tracker's end.
      } catch {
        obstacle = error
      }
      // Ended or not, nothing of the group stays. It fails where nothing is left, which is as well.
      kill(-process.value, SIGKILL)
      progress.setEnded()
      await output
      if let obstacle { throw obstacle }
    }
    return result.terminationStatus
  }

  private var fullEnvironment: [Environment.Key: String] {
    let own = environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
    return Dictionary(own) { $1 }.merging(["PATH": TrackerDefinition.searchPath]) { $1 }
  }

  /// A file in memory, since a program that ends without reading a pipe would end its writer.
  private func standardInput() throws -> FileDescriptorInput {
    let descriptor = input.isEmpty ? open("/dev/null", O_RDONLY | O_CLOEXEC) : clinux_file_in_memory(input, input.count)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return .fileDescriptor(FileDescriptor(rawValue: descriptor), closeAfterSpawningProcess: true)
  }

  private var options: PlatformOptions {
    var options = PlatformOptions()
    options.processGroupID = 0
    if let account = script.account {
      options.userID = account.userID
      options.groupID = account.groupID
      options.supplementaryGroups = []
    }
    return options
  }

  // MARK: Before and after

  private struct UnresolvedProgram: Error {
    let reason: String
  }

  /// The program's absolute path, and its arguments.
  private func resolved() throws(UnresolvedProgram) -> (String, [String]) {
    switch script.command {
    case .shell(let line): return ("/bin/sh", ["-c", line])
    case .program(let program, let arguments):
      if program.hasPrefix("/") { return (program, arguments) }
      if program.isEmpty { throw .init(reason: "no program is given") }
      if program.contains("/") { throw .init(reason: "\(program): not an absolute path") }
      let candidates = TrackerDefinition.searchPath.split(separator: ":").map { "\($0)/\(program)" }
      guard let found = candidates.first(where: { access($0, F_OK) == 0 }) else {
        throw .init(reason: "\(program): not found in \(TrackerDefinition.searchPath)")
      }
      return (found, arguments)
    }
  }

  private func judge(_ status: TerminationStatus) -> CheckResult {
    let output = progress.output.lastLine.map { ": \($0)" } ?? ""
    switch status {
    case .exited(let code):
      return CheckResult(code == 0 ? .success : .failure, "exit status \(code)\(output)", output: progress.output.text)
    case .signaled(let signal):
      return CheckResult(
        .failure, "killed by signal \(signalText(signal))\(output)", output: progress.output.text)
    }
  }

  /// `11 (SIGSEGV)`.
  private func signalText(_ number: CInt) -> String {
    guard let name = clinux_signal_name(number) else { return String(number) }
    return "\(number) (SIG\(String(cString: name)))"
  }
}
