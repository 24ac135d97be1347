// The daemon that a test bed's nodes run: vipd, or keepalived beside it in a benchmark.

/// How to start a daemon on a node.
public struct DaemonUnderTest: Sendable {
  public var name: String
  /// Starts it and returns at once.
  public var start: @Sendable (TestbedNode) throws -> NodeProcess

  public init(_ name: String, start: @escaping @Sendable (TestbedNode) throws -> NodeProcess) {
    self.name = name
    self.start = start
  }

  /// The real vipd with one file for all nodes; its control socket is `/run/vipd/vipd.sock` in each.
  ///
  /// - Parameter executable: the one beside the running program when nil.
  public static func vipd(
    file: String, named fileName: String = "vipd.yaml", executable: String? = nil, arguments: [String] = []
  ) -> DaemonUnderTest {
    DaemonUnderTest("vipd") { node in
      let path = try node.write(file, toRun: "rehearsal/\(fileName)")
      try Files.makeDirectory("\(node.runDirectory)/vipd")
      return try node.spawn(
        executable ?? Programs.beside("vipd"),
        ["--config", path, "--node", node.name, "--control", "/run/vipd/vipd.sock"] + arguments)
    }
  }

  /// keepalived, with a configuration of its own for each node.
  public static func keepalived(_ configuration: @escaping @Sendable (TestbedNode) -> String) -> DaemonUnderTest {
    DaemonUnderTest("keepalived") { node in
      let path = try node.write(configuration(node), toRun: "keepalived.conf")
      return try node.spawn(
        "keepalived",
        ["-n", "-l", "-D", "-f", path, "-p", "/run/keepalived.pid", "-r", "/run/keepalived_vrrp.pid"])
    }
  }
}

/// One VRRPv3 instance among unicast peers, as keepalived is told it.
public struct KeepalivedInstance: Sendable, Hashable {
  public var vrid = 12
  /// In seconds, as the file has it: "1", "0.1".
  public var interval = "1"
  /// By node name.
  public var priorities: [String: Int]
  /// With prefix lengths, all of one family.
  public var addresses: [String]
  public var interface = "eth0"
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
    return """
      global_defs {
        vrrp_version 3
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
        unicast_src_ip \(own[node] ?? "?")
        unicast_peer {
          \(own.filter { $0.key != node }.map(\.value).sorted().joined(separator: "\n    "))
        }
        virtual_ipaddress {
          \(addresses.joined(separator: "\n    "))
        }
        \(tracked)
      }

      """
  }
}
