// What connects the nodes: a bridge for each network, in a namespace of their own, and the faults that it can have.

import CLinux
import Glibc
import Synchronization

final class Wire: Sendable {
  private let holder: NamespaceHolder
  private let networks: [String]
  /// A socket in the wire's namespace, through which a port is set up or down in one system call.
  private let socket: Int32
  private let filter = Mutex(WireFilter())

  init(networks: [String], journal: Journal) throws(TestbedError) {
    self.networks = networks
    holder = try NamespaceHolder(
      kinds: NamespaceHolder.network, hostName: nil, runDirectory: nil, quickAddresses: true, journal: journal)
    socket = try holder.inNetwork { Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | SOCK_CLOEXEC_VALUE, 0) }
    guard socket >= 0 else { throw TestbedError("cannot open a socket", errno: errno) }
    try batch(
      networks.indices.flatMap { index in
        [
          "link add br\(index) type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
          "link set br\(index) up",
        ]
      })
  }

  deinit { close(socket) }

  /// Plugs all interfaces of a freshly started node in, with the addresses of its layout.
  func connect(_ node: TestbedNode, _ namespaces: NamespaceHolder) throws(TestbedError) {
    var wireCommands: [String] = []
    var nodeCommands: [String] = []
    for (number, interface) in node.layout.interfaces.enumerated() {
      guard let network = networks.firstIndex(of: interface.network) else { continue }
      let port = node.port(number)
      let hardwareAddress = "02:00:00:\(hex(network)):\(hex(node.index)):\(hex(number))"
      wireCommands += [
        "link add \(port) type veth peer name \(interface.name) address \(hardwareAddress) netns \(namespaces.process)",
        "link set \(port) master br\(network) up",
      ]
      nodeCommands += interface.addresses.map {
        "addr add \($0) dev \(interface.name)" + ($0.contains(":") ? " nodad" : "")
      }
      nodeCommands.append("link set \(interface.name) up")
    }
    try batch(wireCommands)
    try Self.batch(nodeCommands, in: namespaces)
  }

  private func hex(_ number: Int) -> String { (number < 16 ? "0" : "") + String(number & 0xff, radix: 16) }

  /// Takes an interface's carrier away, or gives it back.
  func setCarrier(_ node: TestbedNode, interface: Int, _ up: Bool) throws(TestbedError) {
    guard vipd_set_link(socket, node.port(interface), up ? 1 : 0) == 0 else {
      throw TestbedError("cannot set the link of \(node.name) \(up ? "up" : "down")", errno: errno)
    }
  }

  /// Whether the bridge forwards for this interface; its carrier stays.
  func setForwarding(_ node: TestbedNode, interface: Int, _ on: Bool) throws(TestbedError) {
    try run("bridge", ["link", "set", "dev", node.port(interface), "state", on ? "3" : "0"])
  }

  func change(_ change: @Sendable (inout WireFilter) -> Void) throws(TestbedError) {
    let text = filter.withLock { filter in
      change(&filter)
      return filter.ruleset
    }
    try run("nft", ["-f", "-"], input: text)
  }

  func end() {
    holder.end()
    holder.reap()
  }

  private func batch(_ commands: [String]) throws(TestbedError) { try Self.batch(commands, in: holder) }

  private func run(_ program: String, _ arguments: [String], input: String = "") throws(TestbedError) {
    try Self.run(program, arguments, input: input, in: holder)
  }

  /// Many commands for `ip` in one start of it, within the network namespace alone.
  static func batch(_ commands: [String], in holder: NamespaceHolder) throws(TestbedError) {
    try run("ip", ["-batch", "-"], input: commands.joined(separator: "\n") + "\n", in: holder)
  }

  private static func run(_ program: String, _ arguments: [String], input: String, in holder: NamespaceHolder)
    throws(TestbedError)
  {
    let result = try CommandRun.perform(program, input: input) { (standardInput, output) throws(TestbedError) in
      try holder.start(
        program, arguments, environment: CommandRun.environment, kinds: NamespaceHolder.network, input: standardInput,
        output: output)
    }
    guard result.status.isSuccess else {
      let words = result.output.split(separator: "\n").joined(separator: "; ")
      throw TestbedError("\(program) \(arguments.joined(separator: " "))", cause: "\(words) (\(result.status))")
    }
  }
}

private let SOCK_CLOEXEC_VALUE = Int32(SOCK_CLOEXEC.rawValue)

/// What the bridges drop, as one ruleset that is always replaced whole.
struct WireFilter: Sendable, Hashable {
  struct Direction: Sendable, Hashable, Comparable {
    /// Ports on the wire.
    var from: String
    var to: String

    static func < (lhs: Self, rhs: Self) -> Bool { (lhs.from, lhs.to) < (rhs.from, rhs.to) }
  }

  var blocked: Set<Direction> = []
  /// So many of a hundred packets of IP protocol 112 are lost.
  var advertisementLoss = 0

  /// For `nft -f`.
  var ruleset: String {
    var rules = blocked.sorted().map { "iifname \"\($0.from)\" oifname \"\($0.to)\" drop" }
    if advertisementLoss > 0 {
      let chance = advertisementLoss < 100 ? "numgen random mod 100 < \(advertisementLoss) " : ""
      rules += ["ip protocol 112", "ip6 nexthdr 112"].map { "\($0) \(chance)drop" }
    }
    return """
      table bridge rehearsal
      delete table bridge rehearsal
      table bridge rehearsal {
        chain forward {
          type filter hook forward priority 0; policy accept;
          \(rules.joined(separator: "\n    "))
        }
      }

      """
  }
}
