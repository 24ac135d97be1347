// keepalived's configuration, for benchmarks and for tests that have it as a peer.

/// One VRRP instance, as keepalived is told it: version 3 among unicast peers unless said otherwise.
public struct KeepalivedInstance: Sendable, Hashable {
  public var vrid = 12
  /// In seconds, as the file has it: "1", "0.1".
  public var interval = "1"
  /// By node name.
  public var priorities: [String: Int]
  /// With prefix lengths, all of one family.
  public var addresses: [String]
  public var interface = "eth0"
  public var version = 3
  /// `auth_type PASS`, which only version 2 has.
  public var password: String?
  /// To 224.0.0.18 or ff02::12.
  public var isMulticast = false
  /// keepalived sends unicast IPv6 with hop limit 64 unless it is told one.
  public var unicastTTL: Int?
  /// More lines of the instance: `nopreempt`.
  public var more: [String] = []
  /// `vrrp_script` blocks and what refers to them.
  public var scripts: [Script] = []

  public struct Script: Sendable, Hashable {
    public var name: String
    public var command: String
    public var interval: String
    public var weight: Int

    public init(name: String, command: String, interval: String, weight: Int) {
      self.name = name
      self.command = command
      self.interval = interval
      self.weight = weight
    }
  }

  public init(priorities: [String: Int], addresses: [String]) {
    self.priorities = priorities
    self.addresses = addresses
  }

  /// The file for one of `nodes`, all of which take part.
  public func configuration(for node: TestbedNode, among nodes: [TestbedNode]) -> String {
    let isIPv6 = addresses.contains { $0.contains(":") }
    let own = nodes.compactMap { node -> (String, String)? in
      let all = node.layout.interfaces.first { $0.name == interface }?.addresses ?? []
      return all.first { $0.contains(":") == isIPv6 }.map { (node.name, String($0.prefix { $0 != "/" })) }
    }
    return configuration(forNode: node.name, addresses: Dictionary(uniqueKeysWithValues: own))
  }

  /// The file for a node by its name.
  /// - Parameter addresses: of all the nodes, without prefix lengths.
  public func configuration(forNode node: String, addresses own: [String: String]) -> String {
    let scriptBlocks = scripts.map {
      """
      vrrp_script \($0.name) {
        script "\($0.command)"
        interval \($0.interval)
        weight \($0.weight)
        user root
      }
      """
    }
    let tracked = scripts.isEmpty ? "" : "track_script {\n    \(scripts.map(\.name).joined(separator: "\n    "))\n  }"
    let authentication = password.map { "authentication {\n    auth_type PASS\n    auth_pass \($0)\n  }" } ?? ""
    return """
      global_defs {
        vrrp_version \(version)
        enable_script_security
        script_user root
      }
      \(scriptBlocks.joined(separator: "\n"))
      vrrp_instance VI_1 {
        state BACKUP
        interface \(interface)
        virtual_router_id \(vrid)
        priority \(priorities[node] ?? 100)
        advert_int \(interval)
        \(more.joined(separator: "\n  "))
        \(authentication)
        \(isMulticast ? "" : unicastBlock(of: node, own))
        virtual_ipaddress {
          \(addresses.joined(separator: "\n    "))
        }
        \(tracked)
      }

      """
  }

  private func unicastBlock(of node: String, _ own: [String: String]) -> String {
    let peers = own.filter { $0.key != node }.map(\.value).sorted()
    return """
      unicast_src_ip \(own[node] ?? "?")
        \(unicastTTL.map { "unicast_ttl \($0)" } ?? "")
        unicast_peer {
          \(peers.joined(separator: "\n    "))
        }
      """
  }
}
