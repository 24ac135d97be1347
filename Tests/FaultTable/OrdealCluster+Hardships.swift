// How each hardship is done, and undone.

import Glibc
import Rehearsal

extension OrdealCluster {
  /// - Returns: When two holders began to be able to know of each other, where they could not before.
  func happen(_ hardship: Hardship) async throws -> Moment? {
    switch hardship {
    case .kill: try await killed()
    case .killAndRestart:
      try signal("KILL", holder)
      try await ended(holder)
      try start(holder)
    case .suspend: try await suspended(for: .seconds(8))
    case .freeze: try await frozen(for: .seconds(2))
    case .linkCut:
      try testbed.cutLink(of: holder)
      try await successor()
      try testbed.restoreLink(of: holder)
    case .partition: return try await partitioned()
    case .oneWay: return try await deaf()
    case .addressDeleted: try ip("address", "del", "\(Self.address)/24", "dev", "eth0")
    case .interfaceReplaced:
      try testbed.unplug(holder)
      try await successor()
      try testbed.plug(holder)
    case .stop:
      try signal("TERM", holder)
      try await ended(holder)
      try await successor()
      try start(holder)
    case .drain: try await drained()
    case .reload: try reload()
    case .brokenReload: try brokenReload()
    case .upgrade:
      try require(holder.run(Programs.beside("vipctl"), ["upgrade"]), "vipctl upgrade")
    case .diskFull: try await diskFull()
    case .outOfDescriptors: try await outOfDescriptors()
    case .netlinkOverrun: try await netlinkOverrun()
    }
    return nil
  }

  /// Waits until n2 has the address; whoever else may have it too.
  private func successor() async throws { try await holds(for: .milliseconds(100)) { $0.contains("n2") } }

  private func killed() async throws {
    try signal("KILL", holder)
    try await ended(holder)
    try await successor()
    try start(holder)
  }

  private func suspended(for span: Duration) async throws {
    try signal("STOP", holder)
    try await Task.sleep(for: span)
    try signal("CONT", holder)
  }

  private func frozen(for span: Duration) async throws {
    try await holder.freeze()
    try await Task.sleep(for: span)
    try holder.thaw()
  }

  private func partitioned() async throws -> Moment {
    try testbed.partition(holder)
    try await successor()
    let healed = Moment.now()
    try testbed.heal(holder)
    return healed
  }

  private func deaf() async throws -> Moment {
    try testbed.block(from: holder, to: testbed["n2"])
    try await successor()
    let known = Moment.now()
    try await holds(for: .milliseconds(100)) { $0 == ["n2"] }
    try testbed.unblock(from: holder, to: testbed["n2"])
    return known
  }

  /// A one-way link that comes again soon is given way to for longer; the next one shall be the first.
  func forget(_ hardship: Hardship) async throws {
    guard hardship == .oneWay else { return }
    try signal("KILL", holder)
    try await ended(holder)
    try start(holder)
    try await settle()
  }

  private func drained() async throws {
    try require(holder.run(Programs.beside("vipctl"), ["drain"]), "vipctl drain")
    try await successor()
    try require(holder.run(Programs.beside("vipctl"), ["resume"]), "vipctl resume")
  }

  /// Both daemons read their file again on SIGHUP.
  private func reload() throws {
    try require(holder.run("pkill", ["-HUP", "-o", "-x", candidate.processName]), "pkill")
  }

  private func brokenReload() throws {
    let path = candidate.filePath
    try require(holder.run("cp", [path, path + ".good"]), "cp")
    try require(holder.run("sh", ["-c", "echo 'nonsense: {' >>\(path)"]), "sh")
    try reload()
    usleep(300_000)
    try require(holder.run("mv", [path + ".good", path]), "mv")
    try reload()
  }

  private func diskFull() async throws {
    // What is left is less than a page.
    try holder.run("sh", ["-c", "dd if=/dev/zero of=/run/vipd/full bs=4k 2>/run/dd; :"])
    try await drained()
    try require(holder.run("rm", ["/run/vipd/full"]), "rm")
  }

  /// The daemon was started with a limit that a few who ask exhaust, as far as they may.
  private func outOfDescriptors() async throws {
    let reloads = {
      self.daemon[self.holder.name]?.log.split(separator: "\n").count { $0.contains("is in force") } ?? 0
    }
    let before = reloads()
    let watchers = try (0..<60).map { _ in try holder.spawn(Programs.beside("vipctl"), ["watch"]) }
    defer { for watcher in watchers { watcher.kill() } }
    try await eventually("some are turned away") { watchers.contains { $0.log.contains("too many") } }
    // Those that are turned away leave room for whoever only asks.
    try await eventually("an admin is let in") {
      try holder.run(Programs.beside("vipctl"), ["status"]).status.isSuccess
    }
    try reload()
    try await eventually("a reload finds the descriptors that it needs") { reloads() > before }
  }

  /// More changes than the socket that tells of them can hold.
  private func netlinkOverrun() async throws {
    try ip("link", "add", "ballast", "type", "bridge")
    try signal("STOP", holder)
    let changes = (0..<8000).map { "link set ballast mtu \(1400 + $0 % 2)" }
    try require(holder.run("ip", ["-batch", "-"], input: changes.joined(separator: "\n") + "\n"), "ip")
    try await successor()
    try signal("CONT", holder)
    try await eventually("a netlink socket has lost something") {
      try holder.run("cat", ["/proc/net/netlink"]).output.split(separator: "\n").dropFirst().contains { line in
        line.split(separator: " ").dropFirst(8).first.map { $0 != "0" } ?? false
      }
    }
    try ip("link", "del", "ballast")
  }

  private func ip(_ arguments: String...) throws { try require(holder.run("ip", arguments), "ip") }

  private func require(_ result: CommandResult, _ what: String) throws {
    guard result.status.isSuccess else { throw TestbedError(what, cause: "\(result.output) (\(result.status))") }
  }
}
