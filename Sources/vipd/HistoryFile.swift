// The history on disk: a line of JSON for each transition. It is written on a thread of its own, since a disk may take its
// time, and opened while still root, since the user that vipd goes on as may make no files there.

import ControlAPI
import Dispatch
import Glibc
import Synchronization
import VIPDaemon

final class HistoryFile: HistoryMemory {
  /// Where systemd has vipd keep what outlives a boot; else beside the control socket.
  static func path(beside socket: String) -> String {
    let socketDirectory = String(socket[..<(socket.lastIndex(of: "/") ?? socket.startIndex)])
    let directory = getenv("STATE_DIRECTORY").map { String(cString: $0) } ?? socketDirectory
    return (directory.isEmpty ? "." : directory) + "/history.jsonl"
  }

  /// Twice as many as are wanted; then the older half goes.
  private static let mostLines = 2000

  let descriptor: CInt
  private let path: String
  private let queue = DispatchQueue(label: "vipd.history", qos: .utility)
  private let lines = Mutex(0)
  private let complain: @Sendable (String) -> Void

  /// - Throws: in words why there can be none; vipd does without.
  convenience init(beside socket: String, complain: @escaping @Sendable (String) -> Void) throws(ControlFailure) {
    let path = Self.path(beside: socket)
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
    if descriptor < 0 { throw ControlFailure("\(path): cannot open: \(String(cString: strerror(errno)))") }
    self.init(adopting: descriptor, beside: socket, complain: complain)
  }

  /// Goes on with the file that a program before has opened.
  init(adopting descriptor: CInt, beside socket: String, complain: @escaping @Sendable (String) -> Void) {
    self.descriptor = descriptor
    self.complain = complain
    path = Self.path(beside: socket)
  }

  deinit { close(descriptor) }

  func load() -> [ControlEvent] {
    let texts = wholeLines
    lines.withLock { $0 = texts.count }
    // A line that power cut short is none.
    return texts.compactMap { try? ControlJSON.decode(ControlEvent.self, from: $0) }
  }

  func append(_ event: ControlEvent) {
    guard let line = try? ControlJSON.compact(event) + [UInt8(ascii: "\n")] else { return }
    queue.async { [self] in write(line) }
  }

  /// Returns when all is written.
  func flush() { queue.sync {} }

  private func write(_ line: [UInt8]) {
    let count = lines.withLock { lines in
      lines += 1
      return lines
    }
    if count > Self.mostLines { shorten() }
    let end = lseek(descriptor, 0, SEEK_END)
    guard end >= 0, pwrite(descriptor, line, line.count, end) == line.count else {
      complain("\(path): cannot write: \(String(cString: strerror(errno)))")
      return
    }
  }

  /// Keeps the newer half.
  private func shorten() {
    let kept = wholeLines.suffix(Self.mostLines / 2)
    let bytes = kept.flatMap { $0 + [UInt8(ascii: "\n")] }
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, ftruncate(descriptor, bytes.count) == 0 else {
      complain("\(path): cannot shorten: \(String(cString: strerror(errno)))")
      return
    }
    lines.withLock { $0 = kept.count + 1 }
  }

  private var wholeLines: [[UInt8]] {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: size)
    let count = pread(descriptor, &bytes, size, 0)
    guard count > 0 else { return [] }
    return bytes.prefix(count).split(separator: UInt8(ascii: "\n")).map(Array.init)
  }
}
