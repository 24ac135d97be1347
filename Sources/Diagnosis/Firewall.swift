// Whether this host's firewall lets VRRP through, both ways: where it does not, nodes do not hear each other, and each of
// them holds the address.

import ClusterConfiguration
import NetworkTypes
import VRRP

struct Firewall: Sendable {
  var nftables: NFTables?
  /// At most one for each family.
  var iptables: [IPTables] = []
  /// What could not be looked at, and what helps.
  var obstacles: [(seen: String, mend: String)] = []

  /// This host's.
  static func ofThisHost() async -> Firewall {
    var firewall = Firewall()
    if let answer = await Programs.ask("nft", ["--json", "list", "ruleset"]) {
      if answer.isSuccess {
        firewall.nftables = try? NFTables(json: answer.output)
        if firewall.nftables == nil {
          firewall.obstacles.append(("this nft prints no JSON", "nft list ruleset"))
        }
      } else {
        firewall.obstacles.append(("nft: \(answer.complaint)", "sudo vipctl doctor"))
      }
    } else {
      firewall.obstacles.append(("there is no program nft", "apt-get install nftables"))
    }
    for (names, command) in [
      ("/proc/net/ip_tables_names", "iptables-legacy"), ("/proc/net/ip6_tables_names", "ip6tables-legacy"),
    ] where SmallFile.text(names)?.isEmpty == false {
      if let answer = await Programs.ask("\(command)-save", []), answer.isSuccess {
        firewall.iptables.append(IPTables(command: command, saved: answer.output))
      } else {
        firewall.obstacles.append(("\(command) has rules, and \(command)-save does not print them", "\(command) -S"))
      }
    }
    return firewall
  }

  func findings(for patient: Patient) -> [Finding] {
    var dropped: [FirewallDrop: [FirewallPacket]] = [:]
    for packet in Self.packets(of: patient) {
      if let drop = drop(of: packet) { dropped[drop, default: []].append(packet) }
    }
    let findings = dropped.map { drop, packets in Self.finding(drop, packets) }.sorted { $0.seen < $1.seen }
    return findings
      + obstacles.map { obstacle in
        Finding(
          .notExamined, .note, "firewall", seen: obstacle.seen, why: "a rule that drops VRRP would go unnoticed",
          mend: [obstacle.mend])
      }
  }

  private func drop(of packet: FirewallPacket) -> FirewallDrop? {
    if let drop = nftables?.drop(of: packet) { return drop }
    return iptables.lazy.compactMap { $0.drop(of: packet) }.first
  }

  private static func finding(_ drop: FirewallDrop, _ packets: [FirewallPacket]) -> Finding {
    let incoming = packets.filter { $0.direction == .incoming }
    let direction: FirewallPacket.Direction = incoming.isEmpty ? .outgoing : .incoming
    let peers = packets.map { direction == .incoming ? $0.source : $0.destination }
    let first = packets.map(\.words).joined(separator: ", and what ")
    let reach = drop.isCertain ? "drops" : "drops, as far as can be told (not all rules can be judged),"
    return Finding(
      .firewall, drop.isCertain ? .error : .warning, drop.chain.words,
      seen: "\(drop.rule ?? "its policy") \(reach) VRRP that \(first)",
      why: direction == .incoming
        ? "a node that does not hear the Active Router takes the address too: two hosts have it (put the rule into your rule set too: the "
          + "command lasts until the next boot)"
        : "nodes that do not hear this one take its address: two hosts have it (put the rule into your rule set too: the command "
          + "lasts until the next boot)",
      mend: drop.chain.commands(letting: Array(Set(peers)).sorted(), direction, on: packets[0].interface))
  }

  /// What must come through: each peer's advertisements, and this node's to each.
  private static func packets(of patient: Patient) -> [FirewallPacket] {
    var packets: [FirewallPacket] = []
    for router in patient.routers {
      for family in router.families {
        guard let own = patient.node.address(family),
          let interface = patient.interfaces.first(where: { $0.name == router.interface || $0.holds(own) })
        else { continue }
        let peers = router.members.compactMap { member in
          member.node == patient.node.name ? nil : patient.configuration.node(named: member.node)?.address(family)
        }
        let group: IPAddress? = router.transport == .multicast ? family.vrrpGroup : nil
        for peer in peers {
          packets.append(
            FirewallPacket(direction: .incoming, interface: interface.name, source: peer, destination: group ?? own))
          packets.append(
            FirewallPacket(direction: .outgoing, interface: interface.name, source: own, destination: group ?? peer))
        }
      }
    }
    var seen: Set<FirewallPacket> = []
    return packets.filter { seen.insert($0).inserted }
  }
}
