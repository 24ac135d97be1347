// The daemons that are measured, and how each is told the same thing.

import Rehearsal

enum Contender: String, Sendable, CaseIterable, Codable {
  case vipd
  case keepalived

  /// One cluster's configuration, in no daemon's words.
  struct Setup: Sendable {
    /// Advertisement_Interval, in milliseconds.
    var interval: Int
    /// One, or many at 10.0.10.101 and up.
    var virtualRouters = 1
    var check = Check.none

    /// What watches the service.
    enum Check: Sendable {
      case none
      /// The daemon's own way to notice that a process is gone.
      case process
      /// The service is asked once a second.
      case script
    }

    /// Of n1, n2 and n3.
    static let priorities = [200, 150, 100]
    static let checkCommand = ["/usr/bin/curl", "--silent", "--fail", "--max-time", "1", "http://127.0.0.1/"]
    /// What the HTTP service's process is called.
    static let serviceProcess = "vipctl"

    /// Without prefix length, by number from 0.
    func address(_ number: Int = 0) -> String { virtualRouters == 1 ? "10.0.10.39" : "10.0.10.\(101 + number)" }
  }

  func daemon(_ setup: Setup, for nodes: [TestbedNode]) -> DaemonUnderTest {
    switch self {
    case .vipd: .vipd(file: Self.clusterFile(setup))
    case .keepalived:
      .keepalived { node in Self.keepalivedConfiguration(setup, for: node, among: nodes) }
    }
  }

  func version() throws -> String {
    let testbed = try Testbed(.lan(nodes: 1))
    defer { testbed.close() }
    let program = self == .vipd ? try Programs.beside("vipd") : "keepalived"
    let output = try testbed.client.run(program, ["--version"]).output
    let line = output.split(separator: "\n").first.map(String.init) ?? "?"
    return line.split(separator: " ").first { $0.contains(".") }.map { String($0.drop { $0 == "v" }) } ?? line
  }

  static func clusterFile(_ setup: Setup) -> String {
    let names = ["n1", "n2", "n3"]
    let nodes = names.indices.map {
      "  - {name: \(names[$0]), address: 10.0.10.3\($0 + 1), priority: \(Setup.priorities[$0])}"
    }
    let tracker =
      switch setup.check {
      case .none: ""
      case .process: "trackers: {proxy: {process: \(Setup.serviceProcess), weight: -120}}\n"
      case .script:
        "trackers: {proxy: {script: [\(Setup.checkCommand.map { "\"\($0)\"" }.joined(separator: ", "))], weight: -120}}\n"
      }
    let track = tracker.isEmpty ? "[]" : "[proxy]"
    let routers = (0..<setup.virtualRouters).map { number in
      "  - {name: router\(number), vrid: \(number + 1), addresses: [\(setup.address(number))/24], "
        + "interval: \(setup.interval)ms, track: \(track)}"
    }
    return """
      cluster: benchmark
      nodes:
      \(nodes.joined(separator: "\n"))
      \(tracker)virtual_routers:
      \(routers.joined(separator: "\n"))

      """
  }

  /// The file for many is that for one, again and again, but for what comes before the first instance.
  static func keepalivedConfiguration(_ setup: Setup, for node: TestbedNode, among nodes: [TestbedNode])
    -> String
  {
    let priorities = Dictionary(uniqueKeysWithValues: zip(nodes.map(\.name), Setup.priorities))
    let blocks = (0..<setup.virtualRouters).map { number in
      var instance = KeepalivedInstance(priorities: priorities, addresses: ["\(setup.address(number))/24"])
      instance.vrid = number + 1
      instance.interval =
        "\(setup.interval / 1000).\(setup.interval % 1000 / 10 < 10 ? "0" : "")\(setup.interval % 1000 / 10)"
      switch setup.check {
      case .none: break
      case .process, .script:
        instance.scripts = [
          KeepalivedInstance.Script(
            name: "proxy", command: Setup.checkCommand.joined(separator: " "), interval: "1", weight: -120)
        ]
      }
      return instance.configuration(for: node, among: nodes).replacing("VI_1", with: "VI_\(number + 1)")
    }
    return blocks.enumerated().map { number, text in
      number == 0 ? text : "vrrp_instance" + (text.split(separator: "vrrp_instance", maxSplits: 1).last ?? "")
    }.joined()
  }
}
