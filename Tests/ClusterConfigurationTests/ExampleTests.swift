// The files that are shipped, and reading from disk.

import ClusterConfiguration
import NetworkTypes
import Testing
import VRRP

@Suite struct ExampleTests {
  @Test(arguments: exampleNames) func passesTheCheckWithoutAWarning(name: String) throws {
    let report = CheckReport(try load(example: name))
    #expect(report.diagnostics.map(\.description) == [])
    #expect(report.exitCode(strict: true) == 0)
    #expect(report.text().hasSuffix("\(name).yaml: good\n"))
  }

  /// In every example every failure of a check, by itself, moves the address to the next node.
  @Test(arguments: exampleNames) func everyFailureMovesTheAddress(name: String) throws {
    let cluster = try load(example: name).get()
    for router in cluster.virtualRouters {
      for prospect in FailoverAnalysis(of: router, in: cluster).prospects where prospect.next != nil {
        #expect(!prospect.effects.isEmpty)
        #expect(prospect.effects.allSatisfy { $0.movesAlone })
      }
    }
  }

  /// What `vipctl rehearse` needs of it.
  @Test func swarm() throws {
    let cluster = try load(example: "swarm").get()
    #expect(cluster.nodes.map(\.name.rawValue) == ["swarm1", "swarm2", "swarm3"])
    #expect(cluster.nodes.map(\.addresses) == [[ip("10.0.10.31")], [ip("10.0.10.32")], [ip("10.0.10.33")]])
    #expect(cluster.trackers.map(\.name.rawValue) == ["docker", "proxy"])
    #expect(cluster.trackers.first?.kind == .process(.init(name: "dockerd")))
    let router = try #require(cluster.virtualRouters.first)
    #expect(router.interval == .oneSecond)
    let address = try #require(router.addresses.first?.address)
    #expect(cluster.nodes.allSatisfy { node in node.addresses.allSatisfy { address.network(contains: $0) } })
  }

  @Test func twoInterfaces() throws {
    let cluster = try load(example: "two-interfaces").get()
    let view = try #require(cluster.virtualRouters(for: node("edge2")).first)
    #expect(view.families.map(\.localAddress) == [ip("10.20.0.2")])
    #expect(view.families[0].addresses.map(\.interface) == ["eth1", nil])
  }

  @Test func filesThatCanNotBeRead() {
    #expect(throws: UnreadableFile.self) { try ClusterFile.load(path: "/nonexistent/vipd.yaml") }
    #expect {
      try ClusterFile.load(path: "/nonexistent/vipd.yaml")
    } throws: {
      "\($0)" == "/nonexistent/vipd.yaml: cannot open: no such file or directory"
    }
    #expect {
      try ClusterFile.load(path: packageRoot)
    } throws: {
      "\($0)" == "\(packageRoot): is a directory; name the cluster file in it"
    }
    #expect {
      try ClusterFile.load(path: "/dev/zero")
    } throws: {
      "\($0)" == "/dev/zero: is not a file"
    }
  }
}
