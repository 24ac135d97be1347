// The tracker kind `file`: is it there? Or: what number does it hold? Admins and other programs steer a node that way.

import CLinux
import Glibc
import NetworkTypes

public struct FileCheck: Sendable, Hashable {
  public var path: String
  /// Whether the file holds a number that is added to the priority, in place of a weight.
  public var holdsWeight: Bool

  public init(path: String, holdsWeight: Bool = false) {
    self.path = path
    self.holdsWeight = holdsWeight
  }
}

struct FileProbe: Probe {
  private let check: FileCheck
  private let descriptors: any DescriptorWaiting
  private var watch: FileWatch?

  init(_ check: FileCheck, descriptors: any DescriptorWaiting) {
    self.check = check
    self.descriptors = descriptors
  }

  mutating func check() async -> CheckResult? {
    // Before it is looked at, so that no change goes unnoticed; anew, since the directory may be another one by now.
    watch = FileWatch(directoryOf: check.path)
    guard check.holdsWeight else {
      return access(check.path, F_OK) == 0
        ? CheckResult(.success, "\(check.path) is there") : CheckResult(.failure, failure(errno))
    }
    guard let text = smallFile(check.path) else { return CheckResult(.failure, failure(errno)) }
    let word = text.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
    guard let number = Int(word), (-254...254).contains(number) else {
      return CheckResult(.failure, "\(check.path) holds no number from -254 to 254, but \"\(word)\"")
    }
    return CheckResult(.success, "\(check.path) holds \(number)", worth: number)
  }

  mutating func rest(until nextCheck: Instant) async {
    guard let watch else { return await sleep(until: nextCheck) }
    await watch.untilChange(or: nextCheck, descriptors)
  }

  private func failure(_ code: CInt) -> String { "\(check.path): \(systemError(code))" }
}

/// At most 4096 bytes; nil with errno where it cannot be read.
func smallFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 4096)
  let count = read(descriptor, &bytes, bytes.count)
  return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
}

/// Tells when a file changes, by inotify(7).
final class FileWatch: Sendable {
  private let descriptor: CInt

  /// Tells when the file is written. Nil where that cannot be watched.
  convenience init?(_ path: String) { self.init(path, UInt32(IN_MODIFY)) }

  /// Tells when a file in the same directory comes, goes, or was written.
  convenience init?(directoryOf path: String) {
    let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let events = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE
    self.init(directory.isEmpty ? "/" : directory, UInt32(events))
  }

  private init?(_ path: String, _ events: UInt32) {
    descriptor = inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC))
    guard descriptor >= 0 else { return nil }
    guard inotify_add_watch(descriptor, path, events) >= 0 else {
      close(descriptor)
      return nil
    }
  }

  deinit { close(descriptor) }

  /// Returns at a change, or at `deadline`.
  func untilChange(or deadline: Instant, _ descriptors: any DescriptorWaiting) async {
    await descriptors.untilReadable(descriptor, or: deadline)
    var events = [UInt8](repeating: 0, count: 4096)
    while read(descriptor, &events, events.count) > 0 {}
  }
}
