// The real thing: three managers of a Docker Swarm, HAProxy published on each as a global service, vipd beside it. Each
// fault is one that `pgrep dockerd` would not see, or see too late. What a client noticed is printed.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("A Docker Swarm of three managers", .sharesTheMachineForMinutes, .tellsWhatDaemonsWrote)
struct SwarmTests {
  @Test("Its faults, one after the other: the address goes to a node that serves")
  func faults() async throws {
    let layout = TestbedLayout.lanAndSwarmNetwork()
    try await Cluster.with(Self.file, on: layout, services: false, daemons: false) { cluster in
      let swarm = try await Swarm(on: cluster.testbed.nodes)
      for node in cluster.testbed.nodes { try cluster.start(node.name) }
      try await swarm.settled(cluster)
      try expectTheServiceBehind(cluster)

      try await swarm.fault("the proxy's container is killed", cluster, says: ["proxy": "connection refused"]) {
        let containers = try swarm["n1"].containers(of: "proxy")
        for container in containers { try swarm["n1"].kill(container: container) }
      }
      try await swarm.settled(cluster)

      try await swarm.fault("dockerd is stopped", cluster, says: ["engine": "it is stopped, pid"]) {
        swarm["n1"].process.suspend()
      }
      swarm["n1"].process.resume()
      try await swarm.settled(cluster)

      try await swarm.fault("dockerd is killed", cluster, says: ["engine": "dockerd does not run"]) {
        swarm["n1"].process.kill()
      }
      try await expectAnElectionToMoveNothing(cluster)
      try await swarm.restart("n1")
      try await swarm.settled(cluster)

      try await swarm.fault("the node is drained in Swarm", cluster, says: ["swarm": "availability at drain"]) {
        try swarm["n2"].setAvailability("drain", of: cluster["n1"])
      }
      try await cluster.wait(until: "its containers are gone") { try !cluster.tracker("engine", on: "n1").up }
      try swarm["n2"].setAvailability("active", of: cluster["n1"])
      try await swarm.settled(cluster)

      try await swarm.fault(
        "the manager is cut off from the others", cluster, says: ["swarm": "no quorum|does not have a leader"]
      ) {
        try cluster.testbed.partition(cluster["n1"], interface: "eth1")
      }
      try cluster.testbed.heal(cluster["n1"], interface: "eth1")
      try await swarm.settled(cluster)

      try await withoutQuorum(cluster, swarm)
    }
  }

  private static var file: ClusterFile {
    var file = ClusterFile(
      trackers: [
        "proxy": "http: \"http://127.0.0.1/ready\", interval: 300ms, timeout: 1s",
        "engine": "docker: {service: proxy}, interval: 400ms, timeout: 1s",
        "swarm": "swarm: {patience: 35s}, interval: 1s, timeout: 1s",
      ])
    file.priorities = nil
    return file
  }

  /// Through the virtual address, the proxy, and the network that Swarm lays over the nodes.
  private func expectTheServiceBehind(_ cluster: Cluster) throws {
    let result = try cluster.testbed.client.run(
      "curl", ["--silent", "--max-time", "5", "http://\(Cluster.address)/behind"])
    #expect(result.output.hasPrefix("web on n"), "\(result)")
  }

  /// The leader has died with its dockerd. Until there is another one, managers that are well do not answer.
  private func expectAnElectionToMoveNothing(_ cluster: Cluster) async throws {
    let before = try cluster.router(on: "n2").transitions
    try await cluster.wait(until: "it is noticed") {
      try cluster.tracker("swarm", on: "n2").detail.hasPrefix("unknown")
    }
    try await cluster.wait(within: DockerEngine.patience, until: "there is another leader") {
      try cluster.tracker("swarm", on: "n2").detail.contains("2 of 3 managers reachable")
    }
    #expect(try cluster.router(on: "n2").transitions == before)
    #expect(try await cluster.holder() == "n2")
  }

  /// Two of three managers stop: nobody has a quorum, so nobody is fit, and the last one that serves goes on.
  private func withoutQuorum(_ cluster: Cluster, _ swarm: Swarm) async throws {
    let client = try await cluster.client()
    for name in ["n2", "n3"] { swarm[name].process.terminate() }
    try await cluster.wait(within: DockerEngine.patience, until: "all know") {
      try !cluster.tracker("swarm", on: "n1").up && !cluster.tracker("engine", on: "n2").up
        && !cluster.tracker("engine", on: "n3").up
    }
    try await cluster.holder(is: "n1")
    let record = client.stop()
    #expect(record.responders == ["n1"])
    let reason = try cluster.router(on: "n1").reason
    #expect(reason.contains("it goes on though not fit (swarm)"), "\(reason)")
    swarm.tell("two of three managers are stopped", holder: "n1", record.longestOutage, reason)
  }
}

/// The Engines of a Swarm, by node.
private final class Swarm {
  private var engines: [String: DockerEngine] = [:]

  subscript(_ node: String) -> DockerEngine { engines[node]! }

  init(on nodes: [TestbedNode]) async throws {
    for node in nodes {
      engines[node.name] = try await DockerEngine.start(on: node)
      try self[node.name].load(Self.makeImage(on: node), as: "image")
    }
    let addresses = nodes.map { String($0.layout.interfaces[1].addresses[0].prefix { $0 != "/" }) }
    let first = self[nodes[0].name]
    let token = try first.beginSwarm(at: addresses[0])
    for (node, address) in zip(nodes, addresses).dropFirst() {
      try self[node.name].joinSwarm(of: addresses[0], token: token, at: address)
    }
    try first.makeOverlay("inside")
    try first.makeService("web", image: "image", ["/bin/sh", "/web.sh"], network: "inside")
    try first.makeService("proxy", image: "image", ["/haproxy", "-f", "/proxy.cfg"], network: "inside", port: 80)
  }

  /// Starts dockerd again where it has ended.
  func restart(_ name: String) async throws {
    try await self[name].process.wait()
    engines[name] = try await DockerEngine.start(on: self[name].node)
  }

  /// Waits until every node is fit again and the best one has the address.
  ///
  /// Once the Swarm is done, too: the containers of a node that it had given up are replaced when the node is back.
  func settled(_ cluster: Cluster) async throws {
    try await cluster.wait(within: DockerEngine.patience, until: "what runs is what the Swarm wants") {
      let wanted = (try? self["n2"].runningContainersWanted(of: "proxy")) ?? []
      let running = cluster.testbed.nodes.flatMap { (try? self[$0.name].containers(of: "proxy")) ?? [] }
      return wanted.count == cluster.testbed.nodes.count && wanted == running.sorted()
    }
    for node in cluster.testbed.nodes {
      try await cluster.wait(
        within: DockerEngine.patience,
        until: "\(node.name) is fit; \((try? cluster.status(node.name).trackers.map(\.detail)) ?? [])"
      ) { try node.ask("/healthz").status == 200 }
    }
    try await cluster.holder(is: "n1")
  }

  /// Lets something happen to the node that has the address, and tells what came of it.
  ///
  /// - Parameter says: a part of what a tracker says of it; one of several, with bars between.
  func fault(
    _ name: String, _ cluster: Cluster, says words: [String: String], when happens: () async throws -> Void
  ) async throws {
    let client = try await cluster.client()
    let begin = Moment.now()
    try await happens()
    try await client.waitForAnswer(from: "n2", for: .milliseconds(200), within: DockerEngine.patience)
    let moved = Moment.now() - begin
    let record = client.stop()
    try await cluster.holder(is: "n2")
    for (tracker, part) in words {
      try await cluster.wait(until: "\(tracker) says \(part)") {
        let detail = try cluster.tracker(tracker, on: "n1").detail
        return part.split(separator: "|").contains { detail.contains($0) }
      }
    }
    let router = try cluster.router(on: "n1")
    #expect(router.adjustments?.isEmpty == false)
    tell("\(name) (n2 answers after \(moved))", holder: "n2", record.longestOutage(since: begin), router.reason)
  }

  func tell(_ what: String, holder: String, _ outage: Duration, _ reason: String) {
    print("measured: Swarm: \(what): \(holder) has the address, a client waited \(outage); n1 says: \(reason)")
  }

  /// An image of HAProxy with its libraries, and of busybox.
  private static func makeImage(on node: TestbedNode) throws -> String {
    try node.write(proxyConfiguration, toRun: "image/proxy.cfg")
    try node.write(
      "/bin/busybox mkdir /www; echo \"web on $NODE\" >/www/behind\nexec /bin/busybox httpd -f -p 8080 -h /www\n",
      toRun: "image/web.sh")
    let script = """
      set -e
      cd /run/image
      mkdir -p bin tmp etc
      echo root:x:0:0::/:/bin/sh >etc/passwd
      cp "$(command -v busybox)" bin/busybox
      ln -s busybox bin/sh
      haproxy=$(command -v haproxy)
      cp "$haproxy" haproxy
      ldd "$haproxy" | grep -o '/[^ ]*' | xargs cp -L --parents -t .
      tar -cf /run/image.tar .
      """
    let result = try node.run("sh", ["-c", script])
    guard result.status.isSuccess else { throw TestbedError("cannot make an image", cause: result.output) }
    return "/run/image.tar"
  }

  /// Ready while the service behind it is.
  private static let proxyConfiguration = """
    defaults
      mode http
      timeout connect 1s
      timeout client 5s
      timeout server 5s
    resolvers engine
      nameserver dns 127.0.0.11:53
      hold valid 1s
    frontend public
      bind :80
      monitor-uri /ready
      monitor fail if { nbsrv(web) eq 0 }
      http-request return status 200 content-type text/plain string "${NODE}" if { path / }
      default_backend web
    backend web
      server-template web 3 tasks.web:8080 check inter 500ms resolvers engine init-addr none

    """
}

extension TestbedLayout {
  /// Three nodes whose managers talk over a network of their own.
  fileprivate static func lanAndSwarmNetwork() -> TestbedLayout {
    var layout = TestbedLayout.lan()
    for index in layout.nodes.indices {
      layout.nodes[index].interfaces.append(.init("eth1", network: "swarm", addresses: ["192.0.2.\(index + 1)/24"]))
    }
    return layout
  }
}
