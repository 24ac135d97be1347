// A host that runs systemd: a whole system of its own, booted in a node of a test bed, so that units, packages and the journal
// are the real ones, while its network is the test's.

import ControlAPI
import Glibc
import Rehearsal
import Testing

struct BootedHost: Sendable {
  let node: TestbedNode
  /// Of its init, as the node counts.
  private let leader: String
  var name: String { node.name }

  /// Boots one. What it writes is gone with the node.
  static func boot(on node: TestbedNode) async throws -> BootedHost {
    let group = try node.reserveControlGroup("host")
    let script = """
      set -e
      mkdir -p /run/host
      mount -t tmpfs -o mode=755 tmpfs /run/host
      mkdir /run/host/upper /run/host/work /run/host/root
      mount -t overlay -o lowerdir=\(try Packages.image()),upperdir=/run/host/upper,workdir=/run/host/work overlay /run/host/root
      # Its systemd shall find a place of its own in every hierarchy.
      for hierarchy in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts); do
        mkdir -p "$hierarchy\(group)"
        for file in cpuset.cpus cpuset.mems; do
          [ ! -e "$hierarchy\(group)/$file" ] || cat "$hierarchy/$file" >"$hierarchy\(group)/$file" || true
        done
        # A group has no time for SCHED_RR of its own where the kernel counts that.
        [ ! -e "$hierarchy\(group)/cpu.rt_runtime_us" ] || echo 200000 >"$hierarchy\(group)/cpu.rt_runtime_us"
        echo $$ >"$hierarchy\(group)/cgroup.procs"
      done
      export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
      exec systemd-nspawn --directory /run/host/root --boot --machine \(node.name) --register=no --keep-unit \
        --capability=CAP_NET_ADMIN,CAP_IPC_LOCK --resolv-conf=off --link-journal=no --console=read-only \
        --bind-ro=\(Packages.directory):/packages
      """
    let nspawn = try node.spawn("sh", ["-c", script])
    var leader: String?
    try await eventually(within: .seconds(60), "\(node.name) boots") {
      guard nspawn.isRunning else { throw TestbedError("\(node.name) does not boot", cause: nspawn.log) }
      // The host's init, which comes after nspawn itself.
      leader = try node.run("pgrep", ["-o", "-x", "systemd"]).output.split(separator: "\n").first.map(String.init)
      guard let leader else { return false }
      let host = BootedHost(node: node, leader: leader)
      return try host.run("systemctl", "is-active", "multi-user.target").output.hasPrefix("active")
    }
    return BootedHost(node: node, leader: try #require(leader))
  }

  /// Runs a program in the host, to its end.
  @discardableResult
  func run(_ program: String, _ arguments: String...) throws -> CommandResult { try run(program, arguments) }

  func run(_ program: String, _ arguments: [String]) throws -> CommandResult {
    try node.run(
      "nsenter", ["--target", leader, "--mount", "--uts", "--ipc", "--net", "--pid", program] + arguments,
      environment: ["DEBIAN_FRONTEND": "noninteractive"])
  }

  /// The same for what must succeed. Returns what it wrote.
  @discardableResult
  func must(_ program: String, _ arguments: String...) throws -> String {
    let result = try run(program, arguments)
    let journal = result.status.isSuccess ? "" : try journal()
    try #require(
      result.status.isSuccess,
      "\(name): \(program) \(arguments.joined(separator: " ")): \(result.output)\n\(journal)")
    return result.output
  }

  /// The end of what vipd and its unit have written.
  func journal() throws -> String {
    try run("journalctl", "--unit", "vipd", "--no-pager", "--lines", "40").output
  }

  func write(_ text: String, to path: String) throws {
    let result = try node.run(
      "nsenter", ["--target", leader, "--mount", "sh", "-c", "mkdir -p \"${1%/*}\" && cat >\"$1\"", "sh", path],
      input: text)
    try #require(result.status.isSuccess, "\(result.output)")
  }

  func exists(_ path: String) throws -> Bool { try run("test", "-e", path).status.isSuccess }

  /// A property of vipd's unit.
  func unit(_ property: String) throws -> String {
    String(try must("systemctl", "show", "--value", "--property", property, "vipd.service").prefix { $0 != "\n" })
  }

  func status() throws -> NodeStatus {
    try ControlJSON.decode(NodeStatus.self, from: must("vipctl", "status", "--json").utf8)
  }

  func state() throws -> VirtualRouterState? { try status().virtualRouters.first?.state }
}
