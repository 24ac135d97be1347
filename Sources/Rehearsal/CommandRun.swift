// Running one program to its end and keeping what it writes.

import CLinux
import Glibc

enum CommandRun {
  /// What programs in nodes find in their environment: nothing of the caller's but what they can not do without.
  static let environment: [String: String] = [
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
  ]

  /// A program that takes longer than this is taken for stuck, and killed.
  private static let limitMilliseconds: Int32 = 30_000

  /// - Parameter start: starts the program with these descriptors as its standard input and output.
  static func perform(
    _ program: String, input: String, _ start: (Int32, Int32) throws(TestbedError) -> pid_t
  ) throws(TestbedError) -> CommandResult {
    let inputEnds = try pipe(filledWith: input)
    let outputEnds: (read: Int32, write: Int32)
    do { outputEnds = try pipe() } catch {
      close(inputEnds)
      throw error
    }
    defer { close(outputEnds.read) }
    let process: pid_t
    do {
      defer {
        close(inputEnds)
        close(outputEnds.write)
      }
      process = try start(inputEnds, outputEnds.write)
    }
    let output = collect(outputEnds.read, from: process)
    var status: Int32 = 0
    _ = vipd_reap(process, 1, &status)
    return CommandResult(status: ExitStatus(waitStatus: status), output: output)
  }

  /// Reads until all writers are gone; kills the program at the limit, by which the pipe ends too, unless it has left others.
  private static func collect(_ descriptor: Int32, from process: pid_t) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&waiting, 1, limitMilliseconds)
      if ready < 0, errno == EINTR { continue }
      if ready <= 0 {
        kill(process, SIGKILL)
        break
      }
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func pipe() throws(TestbedError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard vipd_pipe(&ends) == 0 else { throw TestbedError("cannot make a pipe", errno: errno) }
    return (ends[0], ends[1])
  }

  /// The reading end of something that holds `text` and then ends.
  private static func pipe(filledWith text: String) throws(TestbedError) -> Int32 {
    // A file in memory, since a pipe holds only 64 KiB unread.
    let descriptor = vipd_memory_file()
    guard descriptor >= 0 else { throw TestbedError("cannot make a file in memory", errno: errno) }
    let failure = Files.writeAll(text, to: descriptor)
    guard failure == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      close(descriptor)
      throw TestbedError("cannot write to a file in memory", errno: failure)
    }
    return descriptor
  }
}
