// FRR's vrrpd on a node, for tests that have it as a peer.
//
// FRR speaks VRRP from macvlan devices that bear the virtual router's MAC address and its addresses; it takes their
// carrier away while the node is a Backup Router.

import ControlAPI
import Rehearsal

/// One VRRPv3 router of both families, by multicast, on `eth0`.
struct FRRouter {
  let node: TestbedNode
  var vrid = 12
  var priority: Int
  /// In milliseconds, a multiple of 10.
  var interval = 200
  var ipv4 = "10.0.10.39/24"
  /// A link-local one first.
  var ipv6 = ["fe80::39/64", "fd10::39/64"]

  /// What `show vrrp` says of one family.
  enum State: String {
    case initialize = "Initialize"
    case backup = "Backup"
    case active = "Master"
  }

  /// Makes the devices and starts FRR.
  /// - Returns: vrrpd's process and zebra's, which go on until they are ended.
  func start() throws -> [NodeProcess] {
    let hex = (vrid < 16 ? "0" : "") + String(vrid, radix: 16)
    try makeDevice("vrrp4-\(vrid)", "00:00:5e:00:01:\(hex)", [ipv4])
    try makeDevice("vrrp6-\(vrid)", "00:00:5e:00:02:\(hex)", ipv6)
    let addresses = ([ipv4] + ipv6).map { $0.prefix { $0 != "/" } }
    let lines = addresses.map { " vrrp \(vrid) \($0.contains(":") ? "ipv6" : "ip") \($0)" }
    try node.write(
      """
      interface eth0
       vrrp \(vrid) version 3
       vrrp \(vrid) priority \(priority)
       vrrp \(vrid) advertisement-interval \(interval)
      \(lines.joined(separator: "\n"))
      exit

      """, toRun: "frr/vrrpd.conf")
    try node.write("\n", toRun: "frr/zebra.conf")
    try node.write("\n", toRun: "frr/vtysh.conf")
    // They run as a user of their own, which makes sockets and notes there.
    _ = try node.run("chown", ["-R", "frr:frr", "/run/frr"])
    return try ["zebra", "vrrpd"].map { daemon in
      try node.spawn(
        "/usr/lib/frr/\(daemon)",
        [
          "-f", "/run/frr/\(daemon).conf", "-i", "/run/frr/\(daemon).pid",
          "-z", "/run/frr/zserv.api", "--vty_socket", "/run/frr", "--log", "stdout",
        ])
    }
  }

  /// Nil while vrrpd does not answer.
  func state(_ family: AddressFamily) throws -> State? {
    let shown = try node.run(
      "vtysh", ["--vty_socket", "/run/frr", "--config_dir", "/run/frr", "-d", "vrrpd", "-c", "show vrrp \(vrid)"])
    // One line a family: ` Status (v4)                              Master`.
    let label = family == .ipv4 ? "Status (v4)" : "Status (v6)"
    let line = shown.output.split(separator: "\n").first { $0.contains(label) }
    return line?.split(separator: " ").last.flatMap { State(rawValue: String($0)) }
  }

  private func makeDevice(_ name: String, _ address: String, _ addresses: [String]) throws {
    if try node.run("ip", ["link", "show", name]).status.isSuccess { return }
    try ip(["link", "add", name, "link", "eth0", "type", "macvlan", "mode", "bridge"])
    try ip(["link", "set", "dev", name, "address", address])
    for address in addresses {
      try ip(["address", "add", address, "dev", name] + (address.contains(":") ? ["nodad"] : []))
    }
    try ip(["link", "set", name, "up"])
  }

  private func ip(_ arguments: [String]) throws {
    let result = try node.run("ip", arguments)
    guard result.status.isSuccess else { throw ControlFailure("ip \(arguments): \(result.output)") }
  }
}
