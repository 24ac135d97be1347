// The control group (version 2) of one node: freezes and kills all its processes at once.

import Glibc

struct ControlGroup: Sendable {
  let path: String

  /// Where the version 2 hierarchy is mounted and may be written to; nil where there is none, as in many containers.
  static let hierarchy: String? = mounts.first { $0.fileSystem == "cgroup2" && access($0.path, W_OK) == 0 }?.path

  /// What is mounted where.
  fileprivate static var mounts: [(path: String, fileSystem: String)] {
    (Files.read("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap { mount in
      // "… root mount-point options optional… - type source options"
      let fields = mount.split(separator: " ")
      guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { return nil }
      return (String(fields[4]), String(fields[dash + 1]))
    }
  }

  /// Nil where control groups can not be used here.
  init?(named name: String, recordingIn journal: Journal) throws(TestbedError) {
    guard let hierarchy = Self.hierarchy else { return nil }
    path = "\(hierarchy)/vipd-rehearsal-\(name)"
    try journal.record(.controlGroup(path: path))
    guard mkdir(path, 0o755) == 0, Files.exists("\(path)/cgroup.freeze") else { return nil }
  }

  /// For joining: write to it.
  func openMembers() throws(TestbedError) -> Int32 {
    let descriptor = open("\(path)/cgroup.procs", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TestbedError("cannot use the control group \(path)", errno: errno) }
    return descriptor
  }

  /// Stops all its processes, or lets them go on. They can not notice it but by the clock.
  func setFrozen(_ frozen: Bool) throws(TestbedError) {
    try Files.write(frozen ? "1" : "0", to: "\(path)/cgroup.freeze", flags: 0)
  }

  /// Whether the last process has stopped.
  var isFrozen: Bool { (Files.read("\(path)/cgroup.events") ?? "").contains("frozen 1") }

  /// SIGKILL to all its processes in one step.
  static func kill(_ path: String) {
    try? Files.write("1", to: "\(path)/cgroup.kill", flags: 0)
    try? Files.write("0", to: "\(path)/cgroup.freeze", flags: 0)
  }

  /// Removes the group and those below it; killed processes take a moment to leave it.
  static func remove(_ path: String) {
    for name in Files.names(in: path) where Files.isDirectory("\(path)/\(name)") { remove("\(path)/\(name)") }
    for _ in 0..<2000 {
      if rmdir(path) == 0 || errno != EBUSY { return }
      usleep(1000)
    }
  }
}

extension TestbedNode {
  /// A control group, in every hierarchy, for what makes groups itself: a container engine. It is made by whoever uses it,
  /// and removed with the test bed.
  ///
  /// - Returns: its path below the hierarchies' mount points.
  public func reserveControlGroup(_ purpose: String) throws(TestbedError) -> String {
    let group = "vipd-rehearsal-\(journal.identifier)-\(name)-\(purpose)"
    for mount in ControlGroup.mounts where mount.fileSystem.hasPrefix("cgroup") {
      try journal.record(.controlGroup(path: "\(mount.path)/\(group)"))
    }
    return "/\(group)"
  }
}
