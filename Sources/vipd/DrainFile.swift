// Where a drain is written down: beside the control socket, in a directory that outlives the daemon but not the host's next
// boot. Opened while still root, since the user that vipd goes on as may make no files there.

import ControlAPI
import Glibc
import VIPDaemon

final class DrainFile: DrainMemory {
  private let path: String
  let descriptor: CInt

  /// - Throws: in words why there can be none; vipd does without.
  init(beside socket: String) throws(ControlFailure) {
    path = Self.path(beside: socket)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
    if descriptor < 0 { throw ControlFailure("\(path): cannot open: \(String(cString: strerror(errno)))") }
  }

  /// Goes on with the file that a program before has opened.
  init(adopting descriptor: CInt, beside socket: String) {
    path = Self.path(beside: socket)
    self.descriptor = descriptor
  }

  private static func path(beside socket: String) -> String {
    let directory = String(socket[..<(socket.lastIndex(of: "/") ?? socket.startIndex)])
    return (directory.isEmpty ? "." : directory) + "/drain.json"
  }

  deinit { close(descriptor) }

  func load() -> DrainOrder? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = pread(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return nil }
    return try? ControlJSON.decode(DrainOrder.self, from: buffer.prefix(count))
  }

  func save(_ order: DrainOrder?) throws(ControlFailure) {
    let bytes = (try? order.map { try ControlJSON.compact($0) }) ?? []
    // Shortened last: an end of power in between leaves the old one or text that is none.
    guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, ftruncate(descriptor, bytes.count) == 0 else {
      throw ControlFailure("\(path): cannot write: \(String(cString: strerror(errno)))")
    }
  }
}
