// vipctl on a node of a real cluster: what the tired person types.

import ControlAPI
import Rehearsal
import Testing

@Suite("vipctl on a running node", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct CommandTests {
  private func withDocker(_ body: (Cluster, NodeProcess) async throws -> Void) async throws {
    // What is left of n1's 200 is more than n3 has, so that nobody but n2 takes over.
    let file = ClusterFile(trackers: ["docker": "process: dockerd, weight: -80"])
    try await Cluster.with(file, daemons: false) { cluster in
      // There before the daemons look for it: they look again only after a second.
      let docker = try cluster.testbed.nodes.map { try $0.startProcess(named: "dockerd") }
      for node in cluster.testbed.nodes { try cluster.start(node.name) }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      try await body(cluster, docker[0])
    }
  }

  private func vipctl(_ arguments: String..., on node: String, of cluster: Cluster) throws -> CommandResult {
    try cluster[node].run(Programs.beside("vipctl"), arguments)
  }

  @Test("status: a table, and the object that the daemon serves")
  func status() async throws {
    try await withDocker { cluster, _ in
      let table = try vipctl("status", on: "n2", of: cluster)
      #expect(table.status.isSuccess)
      for word in ["ingress", "10.0.10.39/24", "backup", "n1", "docker"] {
        #expect(table.output.contains(word), "\(table.output)")
      }
      let json = try vipctl("status", "--json", on: "n2", of: cluster)
      let status = try ControlJSON.decode(NodeStatus.self, from: json.output.utf8)
      #expect(status.node == "n2" && status.virtualRouters.map(\.state) == [.backup])
      let overTCP = try vipctl("status", "--json", "--url", "http://127.0.0.1:9112", on: "n2", of: cluster)
      #expect(try ControlJSON.decode(NodeStatus.self, from: overTCP.output.utf8).node == "n2")
    }
  }

  @Test("probe and watch tell of a failure")
  func failure() async throws {
    try await withDocker { cluster, dockerd in
      #expect(try vipctl("probe", on: "n1", of: cluster).status == .exited(0))
      let watch = try cluster["n2"].spawn(Programs.beside("vipctl"), ["watch", "--lines"])
      // What happens before it listens, it does not tell; so something is made to happen until it does.
      try await eventually("vipctl watches") {
        try vipctl("reload", on: "n2", of: cluster).status.isSuccess && watch.log.contains("is in force")
      }
      dockerd.kill()
      try await cluster.holder(is: "n2")
      #expect(try vipctl("probe", on: "n1", of: cluster).status == .exited(2))
      try await eventually("vipctl tells of it: \(watch.log)") { watch.log.contains("backup → active") }
    }
  }

  @Test("trackers and history tell what failed, what it costs, and what became of it")
  func trackersAndHistory() async throws {
    try await withDocker { cluster, dockerd in
      dockerd.kill()
      try await cluster.holder(is: "n2")
      let page = try vipctl("trackers", on: "n1", of: cluster)
      let row = try #require(page.output.split(separator: "\n").first { $0.hasPrefix("docker ") }, "\(page.output)")
      for word in ["process", "DOWN", "−80", "no running process"] { #expect(row.contains(word), "\(row)") }
      let json = try vipctl("trackers", "--json", on: "n1", of: cluster)
      let trackers = try ControlJSON.decode([TrackerStatus].self, from: json.output.utf8)
      #expect(trackers.map(\.name) == ["docker"] && trackers[0].weight == -80 && !trackers[0].up)

      let history = try vipctl("history", on: "n1", of: cluster).output.split(separator: "\n")
      #expect(history.count == 3)
      #expect(history[2].contains("active → backup: n2 (10.0.10.32) had the better claim"), "\(history[2])")
      let last = try vipctl("history", "--json", "-n", "1", on: "n1", of: cluster).output
      let event = try ControlJSON.decode(ControlEvent.self, from: last.utf8)
      #expect(event.from == .active && event.to == .backup && event.virtualRouter == "ingress")
    }
  }

  @Test("No daemon: said in a sentence, with an exit status")
  func nobodyThere() async throws {
    try await Cluster.with(ClusterFile(), services: false, daemons: false) { cluster in
      let status = try vipctl("status", on: "n1", of: cluster)
      #expect(!status.status.isSuccess)
      #expect(status.output.contains("/run/vipd/vipd.sock"), "\(status.output)")
      #expect(try vipctl("probe", on: "n1", of: cluster).status == .exited(2))
    }
  }
}
