// A holder that is gone without a word: the next takes over when Active_Down_Interval has passed. RFC 9568 §6.1

import Rehearsal
import Testing

@Suite("The holder's death", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct HostDeathTests {
  enum Fault: String, CaseIterable, CustomTestStringConvertible {
    case hostDeath = "host death"
    case linkCut = "link cut"

    var testDescription: String { rawValue }

    func happen(to node: TestbedNode, in testbed: Testbed) throws {
      switch self {
      case .hostDeath: try testbed.killHost(node)
      case .linkCut: try testbed.cutLink(of: node)
      }
    }
  }

  struct Case: CustomTestStringConvertible {
    var fault: Fault
    var milliseconds: Int
    var addresses = ["10.0.10.39/24"]

    var testDescription: String { "\(fault.rawValue) at \(milliseconds) ms, \(addresses[0])" }
    /// Of n2, whose priority is 150.
    var activeDownInterval: Duration { .milliseconds(milliseconds) * (3 * 256 + 106) / 256 }
  }

  @Test(
    "A client waits no longer than Active_Down_Interval and 100 ms",
    arguments: [
      Case(fault: .hostDeath, milliseconds: 1000), Case(fault: .hostDeath, milliseconds: 100),
      Case(fault: .linkCut, milliseconds: 100),
      Case(fault: .hostDeath, milliseconds: 100, addresses: ["fd10::39/64"]),
    ])
  func outage(_ test: Case) async throws {
    try await Cluster.with(ClusterFile(interval: "\(test.milliseconds)ms", addresses: test.addresses)) { cluster in
      try await cluster.holder(is: "n1")
      let address = String(test.addresses[0].prefix { $0 != "/" })
      let outage = try await cluster.outage(of: address) {
        try test.fault.happen(to: cluster["n1"], in: cluster.testbed)
      }
      #expect(outage <= test.activeDownInterval + .milliseconds(100))
      // Up to one interval may have passed since the last advertisement. Less than that would not be waiting for it.
      #expect(outage >= test.activeDownInterval - .milliseconds(test.milliseconds) - .milliseconds(100))
    }
  }

  @Test("A host that comes back is the holder again")
  func comeBack() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.killHost(cluster["n1"])
      try await cluster.holder(is: "n2")
      try cluster.testbed.bootHost(cluster["n1"])
      try await cluster["n1"].startHTTPService()
      try cluster.start("n1")
      try await cluster.holder(is: "n1")
      _ = try await cluster.client()
    }
  }

  @Test("When the second dies too, the third takes over")
  func lastNode() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      try cluster.testbed.killHost(cluster["n1"])
      try await cluster.holder(is: "n2")
      // Of n3, whose priority is 100: 361 ms.
      let outage = try await cluster.outage(from: "n2", to: "n3") { try cluster.testbed.killHost(cluster["n2"]) }
      #expect(outage <= .milliseconds(361 + 100))
    }
  }
}
