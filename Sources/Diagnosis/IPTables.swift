// The rules of the older iptables, which nft does not list: as `iptables-legacy-save` prints them.

import NetworkTypes

struct IPTables: Sendable {
  private let command: String
  /// By `table/chain`.
  private var rules: [String: [[String]]] = [:]
  private var policies: [String: String] = [:]

  /// - Parameters:
  ///   - command: what changes these rules: `iptables-legacy`.
  ///   - saved: what its -save program prints.
  init(command: String, saved: String) {
    self.command = command
    var table = ""
    for line in saved.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      switch line.first {
      case "*": table = String(line.dropFirst())
      case ":" where words.count >= 2: policies["\(table)/\(words[0].dropFirst())"] = words[1]
      case "-" where words.count >= 2 && words[0] == "-A": rules["\(table)/\(words[1])", default: []].append(words)
      default: break
      }
    }
  }

  /// Where the packet is dropped; nil where it comes through.
  func drop(of packet: FirewallPacket) -> FirewallDrop? {
    let chains = packet.direction == .incoming ? ["PREROUTING", "INPUT"] : ["OUTPUT", "POSTROUTING"]
    for chain in chains {
      for table in ["raw", "mangle", "filter", "security"] {
        var isCertain = true
        let verdict = follow(table, chain, packet, &isCertain, depth: 0)
        let place = FirewallChain.iptables(command: command, table: table, name: chain)
        switch verdict {
        case .accept: continue
        case .drop(let rule): return FirewallDrop(chain: place, rule: "the rule \(rule)", isCertain: isCertain)
        case .fellThrough:
          if policies["\(table)/\(chain)"] == "DROP" {
            return FirewallDrop(chain: place, rule: nil, isCertain: isCertain)
          }
        }
      }
    }
    return nil
  }

  private enum Verdict {
    case accept
    case drop(String)
    case fellThrough
  }

  private func follow(
    _ table: String, _ chain: String, _ packet: FirewallPacket, _ isCertain: inout Bool, depth: Int
  ) -> Verdict {
    guard depth < 16 else { return .fellThrough }
    for words in rules["\(table)/\(chain)"] ?? [] {
      let (match, target, isGoto) = Self.read(words, packet)
      switch (match, target) {
      case (.no, _), (_, "LOG"), (_, ""): continue
      case (.unknown, "DROP"), (.unknown, "REJECT"): continue
      case (.unknown, _): isCertain = false
      case (.yes, "ACCEPT"): return .accept
      case (.yes, "DROP"), (.yes, "REJECT"): return .drop(words.joined(separator: " "))
      case (.yes, "RETURN"): return .fellThrough
      case (.yes, let other):
        let inner = follow(table, other, packet, &isCertain, depth: depth + 1)
        if case .fellThrough = inner, !isGoto { continue }
        return inner
      }
    }
    return .fellThrough
  }

  /// One rule's condition, and where it leads.
  private static func read(_ words: [String], _ packet: FirewallPacket) -> (Match, target: String, isGoto: Bool) {
    var match = Match.yes
    var target = ""
    var isGoto = false
    var isNegated = false
    var index = 2
    while index < words.count {
      let option = words[index]
      let value = index + 1 < words.count ? words[index + 1] : ""
      index += 2
      var condition: Match?
      switch option {
      case "!":
        isNegated = true
        index -= 1
        continue
      case "-p": condition = Match(vrrpProtocolNames.contains(value) || value == "all" || value == "0")
      case "-s": condition = FirewallPacket.matches(packet.source, value)
      case "-d": condition = FirewallPacket.matches(packet.destination, value)
      case "-i":
        condition = packet.direction == .incoming ? FirewallPacket.matches(interface: packet.interface, value) : .no
      case "-o":
        condition = packet.direction == .outgoing ? FirewallPacket.matches(interface: packet.interface, value) : .no
      case "--ctstate", "--state": condition = Match(value.split(separator: ",").contains("NEW"))
      case "-m": condition = ["conntrack", "state", "comment", "limit"].contains(value) ? .yes : .unknown
      case "--limit", "--limit-burst": condition = .yes
      case "--comment":
        // In quotes, it goes on to the closing one.
        while value.hasPrefix("\""), index <= words.count, !words[index - 1].hasSuffix("\"") { index += 1 }
      case "-j": target = value
      case "-g":
        target = value
        isGoto = true
      default: index -= 1
      }
      if let condition { match = match.and(isNegated ? condition.negated : condition) }
      isNegated = false
    }
    return (match, target, isGoto)
  }
}
