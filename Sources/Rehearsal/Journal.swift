// What a test bed has made outside its own namespaces, written down before it is made, so that whoever comes later can
// undo exactly that and nothing else.
//
// There is little to write down: bridges, links, addresses and mounts exist only inside namespaces, which live as long as
// their holder processes do, and those end by themselves when their owner is gone. What can outlive a killed owner is a
// holder whose node is frozen, a control group, and the directory that the journal itself lies in.

import CLinux
import Glibc
import Synchronization

final class Journal: Sendable {
  /// Unique on this machine: the owner's process id, its start time, its PID namespace, and a counter.
  let identifier: String
  /// Holds the journal, and a directory for each node.
  let directory: String

  enum Entry: Hashable {
    case process(ProcessIdentity)
    case controlGroup(path: String)
  }

  private static let counter = Atomic<Int>(0)

  /// Opens a journal of this process, after undoing what dead owners have left.
  init() throws(TestbedError) {
    let base = try Self.base()
    Self.sweep(base)
    guard let owner = ProcessIdentity(of: getpid()), let namespace = Self.processNamespace else {
      throw TestbedError("/proc", cause: "this process does not show there", remedy: "mount /proc")
    }
    let number = Self.counter.add(1, ordering: .relaxed).newValue
    identifier = "\(owner.process)-\(owner.startTime)-\(namespace)-\(number)"
    directory = "\(base)/\(identifier)"
    try Files.makeDirectory(directory)
  }

  func record(_ entry: Entry) throws(TestbedError) {
    try Files.write(entry.line, to: "\(directory)/journal", flags: O_CREAT | O_APPEND)
  }

  /// Undoes what is recorded. May be called again.
  func undo() { Self.undo(directory) }

  /// Undoes what dead owners have left behind.
  static func sweep() {
    guard let base = try? base() else { return }
    sweep(base)
  }

  /// `/run/vipd-rehearsal`, which does not survive a boot, just as the things that are recorded there do not.
  static func base() throws(TestbedError) -> String {
    do {
      try Files.makeDirectory("/run/vipd-rehearsal")
      if access("/run/vipd-rehearsal", W_OK) == 0 { return "/run/vipd-rehearsal" }
    } catch {}
    try Files.makeDirectory("/tmp/vipd-rehearsal")
    return "/tmp/vipd-rehearsal"
  }

  /// The number of the PID namespace that this process is in.
  private static let processNamespace: Int? = {
    var status = stat()
    return stat("/proc/self/ns/pid", &status) == 0 ? Int(status.st_ino) : nil
  }()

  private static func sweep(_ base: String) {
    for name in Files.names(in: base) {
      let parts = name.split(separator: "-").compactMap { Int($0) }
      // Whether an owner in another PID namespace lives can not be seen from here.
      guard parts.count == 4, let process = pid_t(exactly: parts[0]), parts[2] == processNamespace else { continue }
      if !ProcessIdentity(process: process, startTime: parts[1]).isAlive { undo("\(base)/\(name)") }
    }
  }

  private static func undo(_ directory: String) {
    let entries = (Files.read("\(directory)/journal") ?? "").split(separator: "\n").compactMap(Entry.init(line:))
    for entry in entries {
      switch entry {
      case .process: break
      case .controlGroup(let path): ControlGroup.kill(path)  // frozen processes included
      }
    }
    for entry in entries {
      switch entry {
      case .process(let identity): identity.end()
      case .controlGroup(let path): ControlGroup.remove(path)
      }
    }
    Files.removeTree(directory)
  }
}

extension Journal.Entry {
  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ", maxSplits: 2)
    switch words.first {
    case "process":
      guard words.count == 3, let process = pid_t(words[1]), let startTime = Int(words[2]) else { return nil }
      self = .process(ProcessIdentity(process: process, startTime: startTime))
    case "cgroup":
      guard words.count == 2, words[1].contains("/vipd-rehearsal-") else { return nil }
      self = .controlGroup(path: String(words[1]))
    default:
      return nil
    }
  }

  fileprivate var line: String {
    switch self {
    case .process(let identity): "process \(identity.process) \(identity.startTime)\n"
    case .controlGroup(let path): "cgroup \(path)\n"
    }
  }
}

/// A process, told from a later one with the same id by when it was started.
struct ProcessIdentity: Sendable, Hashable {
  let process: pid_t
  /// In clock ticks since boot, as `/proc/PID/stat` has it.
  let startTime: Int

  init(process: pid_t, startTime: Int) {
    self.process = process
    self.startTime = startTime
  }

  /// Nil where there is no such process.
  init?(of process: pid_t) {
    // The second field is the name in parentheses, which may hold anything; the start time is field 22.
    guard let text = Files.read("/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: name)...].split(separator: " ")
    guard fields.count > 19, let startTime = Int(fields[19]) else { return nil }
    self.init(process: process, startTime: startTime)
  }

  var isAlive: Bool { ProcessIdentity(of: process) == self }

  /// Kills it if it still is that process.
  func end() {
    let descriptor = vipd_pidfd_open(process)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if isAlive { _ = vipd_pidfd_send_signal(descriptor, SIGKILL) }
  }
}
