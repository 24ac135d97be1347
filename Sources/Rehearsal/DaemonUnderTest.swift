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
