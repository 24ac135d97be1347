// Runs a program as a shell would, and keeps what it prints.

import CLinux
import ControlAPI
import Glibc
import Synchronization

/// The vipctl that was built together with these tests.
let vipctlPath: String = {
  var buffer = [UInt8](repeating: 0, count: 4096)
  let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
  // The tests' own program, where it is one; otherwise the tool that loads them, and then the bundle is an argument.
  let bundle =
    CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? String(decoding: buffer[..<count], as: UTF8.self)
  return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)]) + "/vipctl"
}()

struct RunResult: Sendable, Equatable {
  var code: Int32
  var output: String
  var errors: String
}

/// Runs vipctl to its end.
func vipctl(_ arguments: String..., environment: [String] = []) async throws -> RunResult {
  try await vipctl(arguments, environment: environment)
}

func vipctl(_ arguments: [String], environment: [String] = []) async throws -> RunResult {
  let process = try Spawned(vipctlPath, arguments, environment: environment)
  let code = await process.exitCode()
  return RunResult(
    code: code, output: try await process.output { _ in false }, errors: try await process.errors { _ in false })
}

/// A program that runs. What it prints goes into pipes that threads of their own empty.
final class Spawned: Sendable {
  private let pid: pid_t
  private let standardOutput: Pipe
  private let standardError: Pipe

  init(_ path: String, _ arguments: [String], environment: [String] = []) throws {
    standardOutput = try Pipe()
    standardError = try Pipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, standardOutput.writeEnd, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, standardError.writeEnd, STDERR_FILENO)
    var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { for string in argv + envp { free(string) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, path, &actions, nil, &argv, &envp)
    guard code == 0 else { throw ControlFailure("\(path): \(String(cString: strerror(code)))") }
    self.pid = pid
    standardOutput.startReading()
    standardError.startReading()
  }

  func kill() {
    Glibc.kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }

  /// Waits for its end; −1 where a signal ended it.
  func exitCode() async -> Int32 {
    await withCheckedContinuation { continuation in
      Thread.detach { [pid] in
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        continuation.resume(returning: status & 0x7f == 0 ? status >> 8 & 0xff : -1)
      }
    }
  }

  /// What it has printed, once that contains `text`.
  func output(until text: String) async throws -> String { try await output { $0.contains(text) } }
  func errors(until text: String) async throws -> String { try await errors { $0.contains(text) } }

  /// What it has printed, once that is enough, or all of it.
  func output(_ isEnough: (String) -> Bool) async throws -> String { try await standardOutput.text(isEnough) }
  func errors(_ isEnough: (String) -> Bool) async throws -> String { try await standardError.text(isEnough) }

  private final class Pipe: Sendable {
    let readEnd: CInt
    let writeEnd: CInt
    private let state = Mutex<(bytes: [UInt8], isClosed: Bool)>(([], false))

    init() throws {
      var ends: [CInt] = [0, 0]
      // A pipe could be inherited by another test's program before it is marked; this is made with its mark.
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
      guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw ControlFailure("cannot make a pair of sockets") }
      (readEnd, writeEnd) = (ends[0], ends[1])
    }

    func startReading() {
      close(writeEnd)
      Thread.detach { [self] in
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
          let count = read(readEnd, &chunk, chunk.count)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { break }
          state.withLock { $0.bytes += chunk[..<count] }
        }
        close(readEnd)
        state.withLock { $0.isClosed = true }
      }
    }

    func text(_ isEnough: (String) -> Bool) async throws -> String {
      let limit = ContinuousClock.now + .seconds(30)
      while ContinuousClock.now < limit {
        let (bytes, isClosed) = state.withLock { $0 }
        let text = String(decoding: bytes, as: UTF8.self)
        if isClosed || isEnough(text) { return text }
        try await Task.sleep(for: .milliseconds(2))
      }
      throw ControlFailure("not within 30 s, after: \(String(decoding: state.withLock { $0.bytes }, as: UTF8.self))")
    }
  }
}

/// A thread for a call that blocks.
private enum Thread {
  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func detach(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
        return nil
      }, Unmanaged.passRetained(Work(body)).toOpaque())
    pthread_detach(thread)
  }
}

/// Where the package's own files are.
var packageRoot: String {
  #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
}
