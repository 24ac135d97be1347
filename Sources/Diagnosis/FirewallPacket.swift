// The packets that a firewall has to let through, and what it does to them. A firewall is read, not tried: nobody should
// have to wait for a failover to learn that protocol 112 does not come through.

import NetworkTypes

/// An advertisement on its way, as a firewall's rules look at it.
struct FirewallPacket: Sendable, Hashable {
  enum Direction: Sendable, Hashable {
    case incoming
    case outgoing
  }

  var direction: Direction
  var interface: String
  var source: IPAddress
  var destination: IPAddress

  var family: IPFamily { source.family }

  /// For "drops VRRP that …".
  var words: String {
    switch direction {
    case .incoming: "comes from \(source) on \(interface)"
    case .outgoing: "goes to \(destination) on \(interface)"
    }
  }
}

/// Where a packet's way ends.
struct FirewallDrop: Sendable, Hashable {
  var chain: FirewallChain
  /// Which of its rules, in words; nil for the chain's policy.
  var rule: String?
  /// Whether no rule before it may let the packet through that could not be judged.
  var isCertain: Bool
}

/// A list of rules, and the program that changes it.
enum FirewallChain: Sendable, Hashable {
  case nftables(family: String, table: String, name: String)
  /// - Parameter command: `iptables`, `ip6tables-legacy` …
  case iptables(command: String, table: String, name: String)
  case firewalld(name: String)

  var words: String {
    switch self {
    case .nftables(let family, let table, let name): "nftables, table \(family) \(table), chain \(name)"
    case .iptables(let command, let table, let name):
      table == "filter" ? "\(command), chain \(name)" : "\(command), table \(table), chain \(name)"
    case .firewalld(let name): "firewalld, chain \(name)"
    }
  }

  /// What lets VRRP to or from these hosts through, before all other rules.
  func commands(
    letting peers: [IPAddress], _ direction: FirewallPacket.Direction, on interface: String
  ) -> [String] {
    switch self {
    case .nftables(let family, let table, let name):
      IPFamily.allCases.compactMap { ipFamily in
        let hosts = peers.filter { $0.family == ipFamily }
        guard !hosts.isEmpty else { return nil }
        let header = ipFamily == .ipv4 ? "ip" : "ip6"
        let side = direction == .incoming ? "saddr" : "daddr"
        let list = hosts.map(\.description).joined(separator: ", ")
        return "nft insert rule \(family) \(table) \(name) \(header) \(side) '{ \(list) }' meta l4proto 112 accept"
      }
    case .iptables(let command, let table, let name):
      [
        "\(command) -t \(table) -I \(name) -p 112 \(direction == .incoming ? "-s" : "-d") "
          + "\(peers.map(\.description).joined(separator: ",")) -j ACCEPT"
      ]
    case .firewalld where direction == .incoming:
      [
        "firewall-cmd --permanent --zone=\"$(firewall-cmd --get-zone-of-interface=\(interface))\" --add-protocol=vrrp",
        "firewall-cmd --reload",
      ]
    case .firewalld: ["firewall-cmd --list-all-policies"]
    }
  }
}

/// What a rule's condition is for a packet.
enum Match: Sendable, Hashable {
  case yes
  case no
  /// It depends on what is not known here.
  case unknown

  init(_ value: Bool) { self = value ? .yes : .no }

  var negated: Match {
    switch self {
    case .yes: .no
    case .no: .yes
    case .unknown: .unknown
    }
  }

  func and(_ other: Match) -> Match {
    if self == .no || other == .no { return .no }
    return self == .yes && other == .yes ? .yes : .unknown
  }
}

/// What VRRP is called where protocols have names: /etc/protocols.
let vrrpProtocolNames: Set = ["112", "vrrp"]

extension FirewallPacket {
  /// `10.0.10.0/24`, `10.0.10.9`, or a range of them.
  static func matches(_ address: IPAddress, _ text: some StringProtocol) -> Match {
    if let network = InterfaceAddress(text) { return Match(network.network(contains: address)) }
    if let other = IPAddress(text) { return Match(other == address) }
    let ends = text.split(separator: "-")
    guard ends.count == 2, let low = IPAddress(ends[0]), let high = IPAddress(ends[1]) else { return .unknown }
    return Match(low <= address && address <= high)
  }

  /// `eth0`, `eth*`.
  static func matches(interface: String, _ pattern: some StringProtocol) -> Match {
    if pattern.hasSuffix("*") || pattern.hasSuffix("+") { return Match(interface.hasPrefix(pattern.dropLast())) }
    return Match(interface == pattern)
  }
}
