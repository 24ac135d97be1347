// Who holds the address when all is well, and what a daemon says of itself.

import ControlAPI
import Rehearsal
import Testing

@Suite("Election", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct ElectionTests {
  @Test(
    "The highest priority wins; one node alone has the address", arguments: [[200, 150, 100], nil, [90, 90, 120]])
  func highestWins(priorities: [Int]?) async throws {
    var file = ClusterFile()
    file.priorities = priorities
    let best = priorities?.last == 120 ? "n3" : "n1"
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: best)
      let holder = try cluster.router(on: best)
      #expect(holder.state == .active)
      #expect(holder.addresses == [VirtualAddressStatus(address: "10.0.10.39/24", installed: true, interface: "eth0")])
      #expect(cluster[best].addresses.first { $0.address == "10.0.10.39" }?.prefixLength == 24)
      #expect(holder.activeRouter?.node == best)
      for other in cluster.testbed.nodes where other.name != best {
        let router = try cluster.router(on: other.name)
        #expect(router.state == .backup)
        #expect(router.activeRouter == holder.activeRouter)
        #expect(router.addresses.map(\.installed) == [false])
        #expect(
          router.reason.contains("\(best) (\(holder.activeRouter?.address ?? "?")) is Active"), "\(router.reason)")
      }
      _ = try await cluster.client(answeredBy: best)
    }
  }

  @Test("Among equal priorities one node alone has the address, and keeps it")
  func equals() async throws {
    var file = ClusterFile()
    file.priorities = [100, 100, 100]
    try await Cluster.with(file) { cluster in
      let holder = try await cluster.holder()
      let sent = try cluster.router(on: holder).advertisementsSent
      try await cluster.wait(until: "\(holder) has sent 20 more") {
        try cluster.router(on: holder).advertisementsSent >= sent + 20
      }
      #expect(try await cluster.holder() == holder)
    }
  }

  @Test("Status has the promised keys; health and metrics answer, and TCP takes no commands")
  func interfaces() async throws {
    try await Cluster.with(ClusterFile(trackers: ["docker": "process: dockerd, weight: -120"])) { cluster in
      for node in cluster.testbed.nodes { try node.startProcess(named: "dockerd") }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      let text = try cluster["n1"].ask("/v1/status").text
      let keys = [
        "cluster", "node", "version", "uptime_seconds", "virtual_routers", "name", "family", "vrid", "interface",
        "state", "since_seconds", "priority", "effective_priority", "reason", "active_router", "address", "addresses",
        "installed", "transitions", "advertisements_sent", "advertisements_received", "discarded", "ttl", "checksum",
        "trackers", "kind", "up", "weight", "detail", "peers", "last_heard_seconds",
      ]
      #expect(keys.filter { !text.contains("\"\($0)\"") } == [], "\(text)")

      let status = try cluster.status("n1")
      #expect(status.cluster == "system-test" && status.node == "n1")
      #expect(status.trackers.map(\.weight) == [-120])
      #expect(status.peers.map(\.node) == ["n2", "n3"])
      #expect(try cluster["n1"].ask("/metrics").text.contains("vipd_"))

      func curl(_ arguments: String...) throws -> String {
        try cluster["n1"].run("curl", ["--silent", "--write-out", "%{http_code}"] + arguments).output
      }
      #expect(try curl("http://127.0.0.1:9112/healthz").hasSuffix("200"))
      #expect(try curl("--request", "POST", "http://127.0.0.1:9112/v1/reload").hasSuffix("403"))
      #expect(try cluster["n1"].run("stat", ["-c", "%a", "/run/vipd/vipd.sock"]).output == "660\n")
    }
  }
}
