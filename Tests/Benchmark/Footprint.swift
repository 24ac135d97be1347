// What a daemon costs: memory, threads, and processor time while nothing happens.

import Glibc
import Rehearsal

struct Footprint: Sendable, Codable {
  var contender: Contender
  /// With one virtual router at 1 s.
  var role: Role
  var processes: Int
  var threads: Int
  var residentKiB: Int
  /// What no other process shares.
  var privateKiB: Int
  /// Of one core.
  var processorShare: Double

  enum Role: String, Sendable, Codable {
    case active
    case backup
  }

  enum CodingKeys: String, CodingKey {
    case contender, role, processes, threads
    case residentKiB = "resident_kib"
    case privateKiB = "private_kib"
    case processorShare = "processor_share"
  }

  static func measure(_ contender: Contender, for duration: Duration) async throws -> [Footprint] {
    let cluster = try await BenchmarkCluster(contender, .init(interval: 1000))
    defer { cluster.testbed.close() }
    let shares = try await ProcessFamily.processorShares(of: cluster.daemons, during: duration)
    return [("n1", Role.active), ("n2", .backup)].compactMap { node, role in
      guard let daemon = cluster.daemons[node] else { return nil }
      let family = ProcessFamily(of: daemon.processIdentifier)
      return Footprint(
        contender: contender, role: role, processes: family.members.count, threads: family.threads,
        residentKiB: family.sum("Rss:"), privateKiB: family.sum("Private_Clean:") + family.sum("Private_Dirty:"),
        processorShare: shares[node] ?? 0)
    }
  }
}

/// A process and all its descendants, as `/proc` has them.
struct ProcessFamily {
  let members: [pid_t]

  init(of ancestor: pid_t) {
    var members = [ancestor]
    var next = 0
    while next < members.count {
      let children = ProcessFiles.text("/proc/\(members[next])/task/\(members[next])/children") ?? ""
      members += children.split(separator: " ").compactMap { pid_t($0) }
      next += 1
    }
    self.members = members
  }

  var threads: Int { members.reduce(0) { $0 + ProcessFiles.names("/proc/\($1)/task").count } }

  /// Of a field of `smaps_rollup`, in KiB.
  func sum(_ field: String) -> Int {
    members.reduce(0) { sum, process in
      let lines = (ProcessFiles.text("/proc/\(process)/smaps_rollup") ?? "").split(separator: "\n")
      let line = lines.first { $0.hasPrefix(field) }
      return sum + (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
    }
  }

  /// Of all threads so far, to the nanosecond.
  var processorTime: Duration {
    members.reduce(.zero) { sum, process in
      ProcessFiles.names("/proc/\(process)/task").reduce(sum) { sum, thread in
        let text = ProcessFiles.text("/proc/\(process)/task/\(thread)/schedstat") ?? ""
        return sum + .nanoseconds(text.split(separator: " ").first.flatMap { Int64($0) } ?? 0)
      }
    }
  }

  /// How much of one core each daemon uses from now on, by node.
  static func processorShares(
    of daemons: [String: NodeProcess], during duration: Duration
  ) async throws -> [String: Double] {
    func times() -> [String: Duration] { daemons.mapValues { Self(of: $0.processIdentifier).processorTime } }
    let begin = Moment.now()
    let before = times()
    try await Task.sleep(for: duration)
    let span = Moment.now() - begin
    return times().merging(before) { $0 - $1 }.mapValues { $0 / span }
  }
}

enum Processors {
  static var count: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }
}

private enum ProcessFiles {
  /// Nil where it can not be read, as when the process has ended.
  static func text(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = fread(&chunk, 1, chunk.count, file)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }

  /// Those that are numbers.
  static func names(_ path: String) -> [Int] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [Int] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let number = Int(name) { names.append(number) }
    }
    return names
  }
}
