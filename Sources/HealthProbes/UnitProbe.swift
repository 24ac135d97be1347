// The tracker kind `unit`: does a systemd unit have a process? Told by its control group, which is named after it and knows
// at once when its last process ends; nobody needs to be asked, and no systemd needs to answer.

import CLinux
import Glibc
import NetworkTypes

struct UnitProbe: Probe {
  private let name: String
  private let descriptors: any DescriptorWaiting
  private let groups: ControlGroups
  /// Where it was found last.
  private var group: String?
  private var watch: FileWatch?

  init(name: String, descriptors: any DescriptorWaiting, groups: ControlGroups = ControlGroups()) {
    self.name = name
    self.descriptors = descriptors
    self.groups = groups
  }

  mutating func check() async -> CheckResult? {
    if let group, let isPopulated = groups.isPopulated(group) { return judge(isPopulated, group) }
    group = groups.path(of: name)
    // Before it is looked at, so that no change goes unnoticed. Where it cannot be watched it is looked at once an interval.
    watch = group.flatMap { FileWatch(groups.events(of: $0)) }
    guard let group, let isPopulated = groups.isPopulated(group) else {
      return CheckResult(.failure, "\(name) does not run: \(groups.root) has no control group of that name")
    }
    return judge(isPopulated, group)
  }

  mutating func rest(until nextCheck: Instant) async {
    guard let watch else { return await sleep(until: nextCheck) }
    await watch.untilChange(or: nextCheck, descriptors)
  }

  private func judge(_ isPopulated: Bool, _ group: String) -> CheckResult {
    let processes = groups.processes(of: group)
    guard isPopulated else { return CheckResult(.failure, "\(name) does not run: its processes have ended") }
    return CheckResult(.success, "\(name) runs" + (processes.first.map { ", pid \($0)" } ?? ""))
  }
}

/// The control groups of version 2, as systemd lays them out.
struct ControlGroups: Sendable {
  var root = Self.standardRoot

  /// Where version 1 rules, systemd keeps those of version 2 beside it.
  private static let standardRoot =
    access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified"

  /// Below slices alone: a container's groups have names of their own making.
  func path(of unit: String) -> String? {
    let usual = "\(root)/system.slice/\(unit)"
    if access(usual, F_OK) == 0 { return usual }
    var slices = [root]
    while let slice = slices.popLast() {
      for entry in entries(of: slice) {
        if entry == unit { return "\(slice)/\(entry)" }
        if entry.hasSuffix(".slice") { slices.append("\(slice)/\(entry)") }
      }
    }
    return nil
  }

  func events(of group: String) -> String { "\(group)/cgroup.events" }

  /// Whether any process is in it or below; nil where there is no such group.
  func isPopulated(_ group: String) -> Bool? {
    smallFile(events(of: group)).map { $0.split(separator: "\n").contains("populated 1") }
  }

  func processes(of group: String) -> [Int] {
    (smallFile("\(group)/cgroup.procs") ?? "").split(separator: "\n").compactMap { Int($0) }
  }

  private func entries(of path: String) -> [String] {
    guard let listing = opendir(path) else { return [] }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names.filter { $0 != "." && $0 != ".." }
  }
}
