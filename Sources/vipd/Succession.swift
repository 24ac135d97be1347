// Replacing the running program: the trial of the new one, exec, and what is found after it.
//
// State goes through a file in memory, whose descriptor an environment variable names beside those of the open sockets.
// That is all that two versions have to agree on, and the trial shows whether they do.

import CLibcap
import CLinux
import ControlAPI
import Glibc
import NetworkTypes
import Subprocess
import Synchronization
import SystemPackage
import VIPDaemon

final class Succession: Successor {
  /// Where the program was started from; a newer one may lie there by now.
  private let program: String
  private let arguments = CommandLine.arguments
  /// The one that runs, once it does.
  let server = Mutex<ControlServer?>(nil)

  init() {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    program =
      count > 0
      ? String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : CommandLine.arguments[0]
  }

  func rehearse(_ inheritance: Inheritance) async throws(ControlFailure) -> String {
    let words = Array(arguments.dropFirst()) + ["--trial"]
    guard let memory = (try? ControlJSON.compact(inheritance)).flatMap(memoryFile) else {
      throw ControlFailure("cannot write down what \(program) shall inherit")
    }
    // A file, and no pipe: a program that does not read it shall not break anything.
    lseek(memory, 0, SEEK_SET)
    let input = FileDescriptorInput.fileDescriptor(FileDescriptor(rawValue: memory), closeAfterSpawningProcess: true)
    let program = program
    let trial = Task {
      try await Subprocess.run(
        .path(FilePath(program)), arguments: Arguments(words), workingDirectory: "/", input: input,
        output: .string(limit: 4096), error: .string(limit: 65536))
    }
    let limit = Task {
      try await Task.sleep(for: Self.patience)
      trial.cancel()
    }
    defer { limit.cancel() }
    do {
      let result = try await trial.value
      guard result.terminationStatus.isSuccess else {
        throw ControlFailure(
          "\(program) would not start, so this vipd goes on: \(reason(result.standardError, result.terminationStatus))")
      }
      return result.standardOutput.split(separator: "\n").first.map(String.init) ?? program
    } catch let failure as ControlFailure {
      throw failure
    } catch {
      throw ControlFailure("\(program) cannot be tried, so this vipd goes on: \(error)")
    }
  }

  /// So long a program may take to read the file and its inheritance.
  private static let patience = Duration.seconds(10)

  private func reason(_ output: String?, _ status: TerminationStatus) -> String {
    let lines = (output ?? "").split(separator: "\n").map(String.init)
    return (lines.last.map { $0 + " " } ?? "") + "(\(status))"
  }

  func clearTheWay() async {
    await server.withLock { $0 }?.stop(leavingFile: true)
  }

  /// Becomes the new program.
  ///
  /// - Returns: Only where that failed: why.
  func succeed(
    _ inheritance: Inheritance, control: ControlSocket, drain: CInt?, history: CInt?
  ) -> String {
    guard let bytes = try? ControlJSON.compact(inheritance), let memory = memoryFile(bytes) else {
      return "cannot write down what \(program) shall inherit: \(String(cString: strerror(errno)))"
    }
    defer { close(memory) }
    let estate = Estate(
      memory: memory, control: control.descriptor, drain: drain, history: history,
      reception: Array(inheritance.sockets.descriptors.values))
    guard Privileges.keepAcrossExec() else { return "cannot keep capabilities: \(String(cString: strerror(errno)))" }
    estate.setInheritable(true)
    setenv(Estate.variable, estate.text, 1)
    // What comes meanwhile waits for the new program.
    SignalDescriptor.hold(true)
    let words = arguments.map { strdup($0) }
    execv(program, words + [nil])

    let cause = String(cString: strerror(errno))
    SignalDescriptor.hold(false)
    for word in words { free(word) }
    unsetenv(Estate.variable)
    estate.setInheritable(false)
    return "cannot start \(program): \(cause)"
  }

  private func memoryFile(_ bytes: [UInt8]) -> CInt? {
    let descriptor = vipd_memory_file()
    guard descriptor >= 0 else { return nil }
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      close(descriptor)
      return nil
    }
    return descriptor
  }
}

/// The descriptors that go from one program to the next.
struct Estate {
  static let variable = "VIPD_INHERITANCE"

  var memory: CInt
  var control: CInt
  var drain: CInt?
  var history: CInt?
  var reception: [CInt]

  /// As the environment has it: the numbers, with -1 for none.
  var text: String {
    ([memory, control, drain ?? -1, history ?? -1] + reception).map(String.init).joined(separator: ",")
  }

  /// What the program before has left; nil where there was none. Asked once, since what is started from here must not
  /// take it for its own.
  static func take() -> Estate? {
    guard let value = getenv(variable) else { return nil }
    let numbers = String(cString: value).split(separator: ",").compactMap { CInt($0) }
    unsetenv(variable)
    guard numbers.count >= 4 else { return nil }
    let estate = Estate(
      memory: numbers[0], control: numbers[1], drain: numbers[2] < 0 ? nil : numbers[2],
      history: numbers[3] < 0 ? nil : numbers[3], reception: Array(numbers[4...]))
    estate.setInheritable(false)
    return estate
  }

  init(memory: CInt, control: CInt, drain: CInt?, history: CInt?, reception: [CInt]) {
    self.memory = memory
    self.control = control
    self.drain = drain
    self.history = history
    self.reception = reception
  }

  func setInheritable(_ isInheritable: Bool) {
    for descriptor in [memory, control] + [drain, history].compactMap(\.self) + reception {
      _ = fcntl(descriptor, F_SETFD, isInheritable ? 0 : FD_CLOEXEC)
    }
  }

  /// - Throws: where it is not what this version understands. The trial sees to it that this does not happen.
  func inheritance() throws -> Inheritance {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = pread(memory, &buffer, buffer.count, off_t(bytes.count)), count > 0 {
      bytes += buffer[..<count]
    }
    close(memory)
    return try ControlJSON.decode(Inheritance.self, from: bytes)
  }
}
