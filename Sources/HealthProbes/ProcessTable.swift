// The processes that /proc shows, found by name.
import CLinux
import Glibc

/// A process's name as an admin writes it; ``TrackerDefinition/Kind/process(name:count:)`` says who has it.
struct ProcessName: Sendable, Hashable {
  /// TASK_COMM_LEN of the kernel's sched.h, less the terminating zero.
  static let kernelLimit = 15

  let text: String
  private let bytes: [UInt8]
  fileprivate var kernelName: ArraySlice<UInt8> { bytes.prefix(Self.kernelLimit) }
  fileprivate var isCut: Bool { bytes.count > Self.kernelLimit }

  init(_ text: String) {
    self.text = text
    bytes = Array(text.utf8)
  }

  fileprivate func isBaseName(of path: some Sequence<UInt8>) -> Bool {
    path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last?.elementsEqual(bytes) ?? false
  }
}

/// Which processes are meant.
enum ProcessPattern: Sendable, Hashable, CustomStringConvertible {
  case named(ProcessName)
  /// Those whose command line contains the text; its words are joined by blanks.
  case commandLine(String)

  static func name(_ text: String) -> ProcessPattern { .named(ProcessName(text)) }

  /// To be read after "no process".
  var description: String {
    switch self {
    case .named(let name): "named \(name.text)"
    case .commandLine(let text): "with \"\(text)\" in its command line"
    }
  }
}

/// What /proc/PID/stat says of a process.
struct ProcessStatus: Sendable, Hashable {
  enum State: Sendable, Hashable {
    case running
    /// SIGSTOP, or ^Z in a terminal: it is there, but does nothing.
    case stopped
    /// Ended, and not yet collected by its parent.
    case zombie
  }

  let pid: pid_t
  /// The kernel's name, as `stat` writes it.
  let kernelName: [UInt8]
  let state: State
  /// In clock ticks since boot. With the pid it tells a process from a later one that got the same pid.
  let startTime: UInt64

  /// Parses the text of `stat`: `812 (dockerd) S 1 812 …`. proc_pid_stat(5)
  init?(pid: pid_t, stat: some Collection<UInt8>) {
    // The name itself may hold blanks and parentheses, so the last one ends it.
    let text = Array(stat)
    guard let open = text.firstIndex(of: UInt8(ascii: "(")), let close = text.lastIndex(of: UInt8(ascii: ")")),
      open < close
    else { return nil }
    let fields = text[(close + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    // The manual counts from 1, pid and name included: state 3, num_threads 20, starttime 22.
    guard fields.count > 19, let letter = fields[0].first,
      let threads = Int(String(decoding: fields[17], as: UTF8.self)),
      let start = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    self.pid = pid
    kernelName = Array(text[(open + 1)..<close])
    startTime = start
    state =
      switch letter {
      // A process whose first thread has ended goes on as long as others run.
      case UInt8(ascii: "Z"): threads > 1 ? .running : .zombie
      case UInt8(ascii: "X"), UInt8(ascii: "x"): .zombie
      case UInt8(ascii: "T"): .stopped
      // Running, sleeping, waiting for I/O, or held for a moment by a tracer.
      default: .running
      }
  }

  func isSameProcess(as other: ProcessStatus) -> Bool {
    pid == other.pid && startTime == other.startTime && kernelName == other.kernelName
  }
}

/// Why /proc could not be searched, in words.
struct ProcessTableError: Error, Hashable {
  let reason: String
}

/// The processes below a mounted proc file system.
struct ProcessTable: Sendable {
  let path: String

  init(path: String = "/proc") { self.path = path }

  func processes(named name: ProcessName) throws(ProcessTableError) -> [ProcessStatus] {
    try processes(.named(name))
  }

  /// All such processes but this one, the oldest first. Reads one small file for every process of the host: some 5 µs each.
  func processes(_ pattern: ProcessPattern) throws(ProcessTableError) -> [ProcessStatus] {
    guard let listing = opendir(path) else { throw .init(reason: "cannot read \(path): \(systemError(errno))") }
    defer { closedir(listing) }
    let directory = dirfd(listing)

    var found: [ProcessStatus] = []
    var hasAny = false
    var isHidden = false
    while let entry = readdir(listing) {
      guard let pid = pid(in: entry) else { continue }
      hasAny = true
      guard pid != getpid() else { continue }
      switch matches(pattern, pid, in: directory) {
      case .yes: if let status = status(of: pid, in: directory) { found.append(status) }
      case .no: continue
      case .hidden: isHidden = true
      }
    }
    guard hasAny else { throw .init(reason: "\(path) shows no process: proc is not mounted there") }
    if found.isEmpty, isHidden || status(of: 1, in: directory) == nil {
      throw .init(
        reason: "no process \(pattern) in sight: \(path) hides other users' processes (hidepid)")
    }
    return found.sorted { ($0.startTime, $0.pid) < ($1.startTime, $1.pid) }
  }

  /// Nil where there is no such process.
  func status(of pid: pid_t) -> ProcessStatus? {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return nil }
    defer { close(directory) }
    return status(of: pid, in: directory)
  }

  /// Whether a pid means here what it means to this process's system calls. It does not where another PID namespace's
  /// proc is mounted.
  var hasOurNumbers: Bool {
    var target = [CChar](repeating: 0, count: 32)
    let length = readlink("\(path)/self", &target, target.count)
    guard length > 0 else { return false }
    return String(decoding: target.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) == String(getpid())
  }

  // MARK: One process

  private func pid(in entry: UnsafeMutablePointer<dirent>) -> pid_t? {
    withUnsafePointer(to: &entry.pointee.d_name) { name in
      name.withMemoryRebound(to: UInt8.self, capacity: 256) { bytes in
        var pid: pid_t = 0
        var index = 0
        while index < 10, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) {
          pid = pid &* 10 &+ pid_t(bytes[index] &- UInt8(ascii: "0"))
          index += 1
        }
        return index > 0 && bytes[index] == 0 ? pid : nil
      }
    }
  }

  private enum Match { case yes, no, hidden }

  private func matches(_ pattern: ProcessPattern, _ pid: pid_t, in directory: CInt) -> Match {
    switch pattern {
    case .named(let name):
      let match = name.kernelName.withUnsafeBytes { clinux_process_has_name(directory, pid, $0.baseAddress, $0.count) }
      if match == -EACCES || match == -EPERM { return .hidden }
      return match == 1 && isNamed(name, pid, in: directory) ? .yes : .no
    case .commandLine(let text):
      // Empty of the kernel's own threads, and of a process that has ended.
      guard let words = read("cmdline", of: pid, in: directory) else { return .no }
      let line = words.split(separator: 0).joined(separator: [UInt8(ascii: " ")])
      return Array(line).contains(Array(text.utf8)) ? .yes : .no
    }
  }

  /// Whether a process whose kernel name agrees has the whole name.
  private func isNamed(_ name: ProcessName, _ pid: pid_t, in directory: CInt) -> Bool {
    guard name.isCut else { return true }
    if let commandLine = read("cmdline", of: pid, in: directory) {
      let arguments = commandLine.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).prefix(2)
      if arguments.contains(where: { name.isBaseName(of: $0) }) { return true }
    }
    // Open to root and the process's own user alone; whoever may not read it has the command line to go by.
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = clinux_read_process_link(directory, pid, "exe", &target, target.count)
    return length > 0 && name.isBaseName(of: target.prefix(length).map { UInt8(bitPattern: $0) })
  }

  private func status(of pid: pid_t, in directory: CInt) -> ProcessStatus? {
    read("stat", of: pid, in: directory).flatMap { ProcessStatus(pid: pid, stat: $0) }
  }

  private func read(_ file: String, of pid: pid_t, in directory: CInt) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      let length = clinux_read_process_file(directory, pid, file, buffer.baseAddress, buffer.count)
      failed = length < 0
      count = max(length, 0)
    }
    return failed ? nil : bytes
  }
}
