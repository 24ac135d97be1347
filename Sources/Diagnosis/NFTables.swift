// nftables' rules, as `nft --json list ruleset` prints them, followed as the kernel follows them for one packet. iptables'
// rules are among them where iptables is the kind that is built on nftables, as it is on current distributions.
//
// libnftables-json(5) has the format. A condition that cannot be judged from here (a mark, an extension) makes a rule
// uncertain: it is passed over, and what comes after it is told as "as far as can be told".

import FoundationEssentials
import NetworkTypes

struct NFTables: Sendable {
  private var chains: [Chain] = []
  private var rules: [Name: [JSONTree]] = [:]
  /// The elements of named sets and maps.
  private var sets: [Name: [JSONTree]] = [:]

  /// Of a chain or a set.
  private struct Name: Hashable {
    var family: String
    var table: String
    var name: String

    init(_ item: JSONTree, name key: String = "name") {
      family = item["family"].text
      table = item["table"].text
      name = item[key].text
    }

    init(family: String, table: String, name: String) {
      self.family = family
      self.table = table
      self.name = name
    }

    func beside(_ name: String) -> Name { Name(family: family, table: table, name: name) }
  }

  private struct Chain {
    var name: Name
    /// Empty where only other chains lead to it.
    var hook: String
    var priority: Int
    var drops: Bool
    /// Of a chain at a device's own hook; older versions of nft do not tell.
    var devices: [String]
  }

  /// - Throws: where it is not JSON.
  init(json: String) throws {
    for item in try JSONDecoder().decode(JSONTree.self, from: Data(json.utf8))["nftables"].list {
      switch item.only {
      case ("chain", let chain)?:
        chains.append(
          Chain(
            name: Name(chain), hook: chain["hook"].text, priority: chain["prio"].number ?? 0,
            drops: chain["policy"].text == "drop",
            devices: chain["dev"].list.map(\.text) + [chain["dev"].text].filter { !$0.isEmpty }))
      case ("rule", let rule)?: rules[Name(rule, name: "chain"), default: []].append(rule)
      case ("set", let set)?: sets[Name(set)] = set["elem"].list
      case ("map", let map)?: sets[Name(map)] = map["elem"].list
      default: break
      }
    }
  }

  /// Where the packet is dropped; nil where it comes through.
  func drop(of packet: FirewallPacket) -> FirewallDrop? {
    let hooks =
      packet.direction == .incoming ? ["ingress", "prerouting", "input"] : ["output", "postrouting", "egress"]
    let families = packet.family == .ipv4 ? ["ip", "inet"] : ["ip6", "inet"]
    for hook in hooks {
      let bases = chains.filter { chain in
        chain.hook == hook
          && (families.contains(chain.name.family) || chain.name.family == "netdev")
          && (chain.devices.isEmpty || chain.devices.contains(packet.interface))
      }
      // What one chain accepts still goes through the others of the hook. nft(8), "Verdict statement"
      for chain in bases.sorted(by: { $0.priority < $1.priority }) {
        var walk = Walk(packet: packet)
        switch follow(chain.name, &walk, depth: 0) {
        case .accept: continue
        case .drop(let rule): return drop(in: chain.name, by: "the rule with handle \(rule["handle"].text)", walk)
        case .fellThrough: if chain.drops { return drop(in: chain.name, by: nil, walk) }
        }
      }
    }
    return nil
  }

  private func drop(in base: Name, by rule: String?, _ walk: Walk) -> FirewallDrop {
    let chain: FirewallChain =
      switch (base.family, base.table, base.name) {
      case (_, "firewalld", _): .firewalld(name: base.name)
      case ("ip", _, "INPUT"), ("ip", _, "OUTPUT"), ("ip", _, "PREROUTING"), ("ip", _, "POSTROUTING"):
        .iptables(command: "iptables", table: base.table, name: base.name)
      case ("ip6", _, "INPUT"), ("ip6", _, "OUTPUT"), ("ip6", _, "PREROUTING"), ("ip6", _, "POSTROUTING"):
        .iptables(command: "ip6tables", table: base.table, name: base.name)
      default: .nftables(family: base.family, table: base.table, name: base.name)
      }
    return FirewallDrop(chain: chain, rule: rule, isCertain: !walk.isUncertain)
  }
}

// MARK: - Following

extension NFTables {
  private struct Walk {
    let packet: FirewallPacket
    /// A rule that could not be judged may have let the packet through.
    var isUncertain = false
  }

  private enum Verdict {
    case accept
    case drop(JSONTree)
    /// The chain's end, or `return`.
    case fellThrough
  }

  private enum Step {
    case goOn
    case leave(Verdict)
  }

  private func follow(_ chain: Name, _ walk: inout Walk, depth: Int) -> Verdict {
    // The kernel's own bound on jumps. linux/netfilter/nf_tables.h, NFT_JUMP_STACK_SIZE
    guard depth < 16 else { return .fellThrough }
    for rule in rules[chain] ?? [] {
      if case .leave(let verdict) = apply(rule, of: chain, &walk, depth) { return verdict }
    }
    return .fellThrough
  }

  private func apply(_ rule: JSONTree, of chain: Name, _ walk: inout Walk, _ depth: Int) -> Step {
    var match = Match.yes
    for statement in rule["expr"].list {
      guard let (key, value) = statement.only else { continue }
      switch key {
      case "match": match = match.and(judge(value, chain, walk.packet))
      // Of iptables' extensions only the name is told, if that. A comment holds for all.
      case "xt" where value["type"].text == "match" && value["name"].text == "comment": break
      case "xt" where value["type"].text == "target":
        return carryOut(value["name"].text.lowercased(), .null, when: match, rule, chain, &walk, depth)
      case "xt": match = match.and(.unknown)
      // "Over" so many, which ordinary traffic is not.
      case "limit" where value["inv"] == .bool(true), "quota", "ct count": match = match.and(.unknown)
      case "queue", "fwd", "dup": if match != .no { walk.isUncertain = true }
      case "vmap":
        if case .leave(let verdict) = lookUp(value, match, rule, chain, &walk, depth) { return .leave(verdict) }
      case "accept", "drop", "reject", "return", "jump", "goto":
        return carryOut(key, value, when: match, rule, chain, &walk, depth)
      default: break  // It counts, logs, marks; a limit holds for packets as few as these.
      }
      if match == .no { return .goOn }
    }
    return .goOn
  }

  /// A map from what a packet has to what becomes of it.
  private func lookUp(
    _ map: JSONTree, _ match: Match, _ rule: JSONTree, _ chain: Name, _ walk: inout Walk, _ depth: Int
  ) -> Step {
    let entries = elements(of: map["data"], chain).filter { $0.list.count == 2 }
    if entries.isEmpty, match != .no { walk.isUncertain = true }
    for entry in entries {
      let isThis = match.and(compare(map["key"], with: entry.list[0], chain, walk.packet))
      guard isThis != .no, let (verdict, target) = entry.list[1].only else { continue }
      let step = carryOut(verdict, target, when: isThis, rule, chain, &walk, depth)
      if isThis == .yes { return step }
    }
    return .goOn
  }

  private func carryOut(
    _ verdict: String, _ value: JSONTree, when match: Match, _ rule: JSONTree, _ chain: Name, _ walk: inout Walk,
    _ depth: Int
  ) -> Step {
    guard match == .yes else {
      if match == .unknown, verdict != "drop", verdict != "reject" { walk.isUncertain = true }
      return .goOn
    }
    switch verdict {
    case "accept": return .leave(.accept)
    case "drop", "reject": return .leave(.drop(rule))
    case "goto": return .leave(follow(chain.beside(value["target"].text), &walk, depth: depth + 1))
    case "jump":
      let inner = follow(chain.beside(value["target"].text), &walk, depth: depth + 1)
      if case .fellThrough = inner { return .goOn }
      return .leave(inner)
    case "return": return .leave(.fellThrough)
    default: return .goOn
    }
  }
}

// MARK: - Conditions

extension NFTables {
  private func judge(_ condition: JSONTree, _ chain: Name, _ packet: FirewallPacket) -> Match {
    let match = compare(condition["left"], with: condition["right"], chain, packet)
    switch condition["op"].text {
    case "==", "in", "": return match
    case "!=": return match.negated
    default: return .unknown
    }
  }

  private func elements(of value: JSONTree, _ chain: Name) -> [JSONTree] {
    if value.text.hasPrefix("@") { return sets[chain.beside(String(value.text.dropFirst()))] ?? [] }
    let list = value["set"].list
    return list.isEmpty ? value.list : list
  }

  /// Whether what the left side is for this packet is the right side, or one of it.
  private func compare(_ left: JSONTree, with right: JSONTree, _ chain: Name, _ packet: FirewallPacket) -> Match {
    let choices = elements(of: right, chain)
    if !choices.isEmpty || right.text.hasPrefix("@") {
      let matches = choices.map { compare(left, with: $0, chain, packet) }
      if matches.contains(.yes) { return .yes }
      return matches.contains(.unknown) ? .unknown : .no
    }
    switch left.only {
    case ("meta", let meta)?: return compare(meta: meta["key"].text, with: right, packet)
    case ("payload", let payload)?:
      return compare(payload: payload["protocol"].text, payload["field"].text, with: right, packet)
    // Advertisements are no answers.
    case ("ct", let tracking)? where tracking["key"].text == "state": return Match(right.text == "new")
    default: return .unknown
    }
  }

  private func compare(meta key: String, with right: JSONTree, _ packet: FirewallPacket) -> Match {
    switch (key, packet.direction) {
    case ("l4proto", _): Match(vrrpProtocolNames.contains(right.text))
    case ("nfproto", _): Match(right.text == packet.family.rawValue)
    case ("protocol", _): Match(right.text == (packet.family == .ipv4 ? "ip" : "ip6"))
    case ("iifname", .incoming), ("iif", .incoming), ("oifname", .outgoing), ("oif", .outgoing):
      FirewallPacket.matches(interface: packet.interface, right.text)
    case ("iifname", .outgoing), ("iif", .outgoing), ("oifname", .incoming), ("oif", .incoming): .no
    default: .unknown
    }
  }

  private func compare(payload header: String, _ field: String, with right: JSONTree, _ packet: FirewallPacket) -> Match
  {
    switch (header, packet.family) {
    case ("ip", .ipv6), ("ip6", .ipv4): return .no
    case ("ip", .ipv4), ("ip6", .ipv6): break
    case ("tcp", _), ("udp", _), ("udplite", _), ("icmp", _), ("icmpv6", _), ("sctp", _), ("dccp", _): return .no
    default: return .unknown
    }
    switch field {
    case "protocol", "nexthdr": return Match(vrrpProtocolNames.contains(right.text))
    case "ttl", "hoplimit": return Match(right.text == "255")
    case "saddr": return compare(packet.source, with: right)
    case "daddr": return compare(packet.destination, with: right)
    default: return .unknown
    }
  }

  private func compare(_ address: IPAddress, with right: JSONTree) -> Match {
    switch right.only {
    case ("prefix", let prefix)?:
      FirewallPacket.matches(address, "\(prefix["addr"].text)/\(prefix["len"].text)")
    case ("range", let range)?:
      FirewallPacket.matches(address, range.list.map(\.text).joined(separator: "-"))
    case ("elem", let element)?: compare(address, with: element["val"])
    default: FirewallPacket.matches(address, right.text)
    }
  }
}
