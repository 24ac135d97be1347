// What a node watches on itself decides what it is worth: processes, scripts, and their weights.

import ControlAPI
import Glibc
import Rehearsal
import Testing

@Suite("Trackers", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct TrackerTests {
  /// A cluster with a `dockerd` on each node, which counts with a weight; n1 holds the address.
  private func withDocker(
    weight: Int, priorities: [Int] = [200, 150, 100], _ body: (Cluster, NodeProcess) async throws -> Void
  ) async throws {
    var file = ClusterFile(trackers: ["docker": "process: dockerd, weight: \(weight)"])
    file.priorities = priorities
    try await Cluster.with(file) { cluster in
      let processes = try cluster.testbed.nodes.map { try $0.startProcess(named: "dockerd") }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      try await body(cluster, processes[0])
    }
  }

  @Test("A process dies, its weight moves the address; it comes back, and the address too")
  func process() async throws {
    try await withDocker(weight: -120) { cluster, dockerd in
      #expect(try cluster.tracker("docker", on: "n1").detail.contains("pid"))
      dockerd.kill()
      try await cluster.holder(is: "n2")
      let router = try cluster.router(on: "n1")
      #expect(router.priority == 200 && router.effectivePriority == 80)
      #expect(router.adjustments == [PriorityAdjustment(tracker: "docker", amount: -120)])
      #expect(router.reason.contains("80 (200 − 120 docker)"), "\(router.reason)")
      #expect(try !cluster.tracker("docker", on: "n1").up)
      #expect(try cluster["n1"].ask("/healthz").status == 503)
      try cluster["n1"].startProcess(named: "dockerd")
      try await cluster.holder(is: "n1")
      #expect(try cluster.router(on: "n1").effectivePriority == 200)
    }
  }

  @Test("A stopped process is as bad as a dead one")
  func stoppedProcess() async throws {
    try await withDocker(weight: -120) { cluster, dockerd in
      dockerd.suspend()
      try await cluster.holder(is: "n2")
      #expect(try cluster.tracker("docker", on: "n1").detail.contains("stopped"))
      dockerd.resume()
      try await cluster.holder(is: "n1")
    }
  }

  @Test("https: whom the host's authorities vouch for, and only by the name that the file has")
  func https() async throws {
    let tracker = "http: {url: \"https://127.0.0.1:8443/\", host: proxy.example}, interval: 100ms, timeout: 2s"
    try await Cluster.with(ClusterFile(trackers: ["proxy": tracker]), daemons: false) { cluster in
      var servers: [NodeProcess] = []
      for node in cluster.testbed.nodes {
        let script = """
          cd /run
          for name in proxy other; do
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -addext subjectAltName=DNS:$name.example \
              -keyout $name.key -out $name.pem || exit
          done
          cat proxy.pem other.pem >authorities.pem
          """
        try #require(node.run("sh", ["-c", script]).status.isSuccess)
        servers.append(try serve("proxy", on: node))
        let daemon = try "#!/bin/sh\nSSL_CERT_FILE=/run/authorities.pem exec \(Programs.beside("vipd")) \"$@\"\n"
        try node.write(daemon, toRun: "trusting/vipd")
        try node.run("chmod", ["755", "/run/trusting/vipd"])
        try cluster.start(node.name, executable: "/run/trusting/vipd")
      }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      servers[0].kill()
      try await servers[0].wait()
      try serve("other", on: cluster["n1"])
      try await cluster.holder(is: "n2")
      try await cluster.wait(until: "n1 says whose certificate it is not") {
        try cluster.tracker("proxy", on: "n1").detail
          == "127.0.0.1:8443: TLS: the certificate is not for proxy.example"
      }
    }
  }

  /// Pages by OpenSSL's own server, with the certificate of that name.
  @discardableResult
  private func serve(_ name: String, on node: TestbedNode) throws -> NodeProcess {
    try node.spawn(
      "openssl", ["s_server", "-accept", "8443", "-www", "-cert", "/run/\(name).pem", "-key", "/run/\(name).key"])
  }

  @Test("A weight that is too small moves nothing, but is advertised at once")
  func tooSmall() async throws {
    try await withDocker(weight: -20) { cluster, dockerd in
      let before = try cluster.status("n1").virtualRouters[0].transitions
      dockerd.kill()
      try await cluster.wait(until: "the others hear the lower priority") {
        try cluster.router(on: "n2").activeRouter?.priority == 180
      }
      let sent = try cluster.router(on: "n1").advertisementsSent
      try await cluster.wait(until: "n1 has sent ten more") {
        try cluster.router(on: "n1").advertisementsSent >= sent + 10
      }
      #expect(try await cluster.holder() == "n1")
      #expect(try cluster.router(on: "n1").transitions == before)
    }
  }

  @Test("Weight 0: the node takes no part while the tracker is down")
  func zero() async throws {
    try await withDocker(weight: 0) { cluster, dockerd in
      dockerd.kill()
      try await cluster.holder(is: "n2")
      let router = try cluster.router(on: "n1")
      #expect(router.state == .initialize && router.effectivePriority == 200)
      #expect(router.reason.contains("tracker docker is down"), "\(router.reason)")
      try cluster["n1"].startProcess(named: "dockerd")
      try await cluster.holder(is: "n1")
    }
  }

  @Test("Weight 0, down on every node: nobody has the address")
  func zeroEverywhere() async throws {
    try await Cluster.with(ClusterFile(trackers: ["docker": "process: dockerd, weight: 0"])) { cluster in
      for node in ["n1", "n2", "n3"] {
        try await cluster.wait(until: "\(node) takes no part") {
          try cluster.router(on: node).state == .initialize && !cluster.tracker("docker", on: node).up
        }
      }
      #expect(cluster.testbed.holders(of: Cluster.address).isEmpty)
      try cluster["n3"].startProcess(named: "dockerd")
      try await cluster.holder(is: "n3")
    }
  }

  @Test("A positive weight is added while the tracker is up")
  func positive() async throws {
    try await withDocker(weight: 50, priorities: [100, 90, 80]) { cluster, dockerd in
      #expect(try cluster.router(on: "n1").effectivePriority == 150)
      dockerd.kill()
      try await cluster.holder(is: "n2")
      #expect(try cluster.router(on: "n1").effectivePriority == 100)
    }
  }

  @Test("Two failures on the best node, one on the next: the one with fewer has the address, without any weight given")
  func automaticWeights() async throws {
    var file = ClusterFile(trackers: ["docker": "process: dockerd", "proxy": "process: traefik"])
    file.priorities = nil
    try await Cluster.with(file) { cluster in
      let docker = try cluster.testbed.nodes.map { try $0.startProcess(named: "dockerd") }
      let proxies = try cluster.testbed.nodes.map { try $0.startProcess(named: "traefik") }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      docker[0].kill()
      try await cluster.holder(is: "n2")
      docker[1].kill()
      try await cluster.holder(is: "n3")
      proxies[2].kill()
      try await cluster.holder(is: "n1")
      docker[2].kill()
      proxies[0].kill()
      // One failure on n2, two on each of the others.
      try await cluster.holder(is: "n2")
    }
  }
}

@Suite("Check scripts", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct ScriptTests {
  /// A directory in which scripts, which are not root, may write; and the path of a script of these lines in it.
  private func script(_ name: String, _ lines: String, mode: String = "755", on node: TestbedNode) throws -> String {
    let path = try node.write(lines + "\n", toRun: "checks/\(name)")
    try node.run("chmod", [mode, path])
    try node.run("chmod", ["777", "/run/checks"])
    return path
  }

  @Test("A script's exit status moves the address")
  func exitStatus() async throws {
    let check = "script: [/usr/bin/test, -e, /run/ok], interval: 100ms, timeout: 5s, weight: -120"
    try await Cluster.with(ClusterFile(trackers: ["ok": check]), daemons: false) { cluster in
      for node in cluster.testbed.nodes {
        try node.write("", toRun: "ok")
        try cluster.start(node.name)
      }
      try await cluster.holder(is: "n1")
      try cluster["n1"].run("rm", ["/run/ok"])
      try await cluster.holder(is: "n2")
      #expect(try cluster.tracker("ok", on: "n1").detail == "exit status 1")
      try cluster["n1"].write("", toRun: "ok")
      try await cluster.holder(is: "n1")
    }
  }

  @Test("Rise and fall: as many results in a row as the file says, and one fewer is nothing")
  func hysteresis() async throws {
    let file = ClusterFile(
      trackers: ["check": "script: [/run/checks/check], interval: 50ms, timeout: 5s, rise: 4, fall: 3, weight: -120"])
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      // Counts its runs. Two failures, and three; in between and afterwards all is well.
      let lines = """
        #!/bin/sh
        n=$(( $(cat /run/checks/n 2>/dev/null || echo 0) + 1 ))
        echo $n >/run/checks/n
        echo run $n
        case $n in 10|11|20|21|22) exit 1 ;; esac
        """
      _ = try script("check", lines, on: cluster["n1"])
      let daemon = try cluster.start("n1")
      try await cluster.wait(until: "30 runs") {
        Int(try cluster["n1"].run("cat", ["/run/checks/n"]).output.dropLast()) ?? 0 >= 30
      }
      let changes = daemon.log.split(separator: "\n").filter { $0.contains("tracker check is") }
      try #require(changes.count == 3, "\(changes)")
      // The first result counts by itself: nothing was known before.
      #expect(changes[0].contains("is up: exit status 0: run 1"), "\(changes[0])")
      #expect(changes[1].contains("is down: exit status 1: run 22"), "\(changes[1])")
      #expect(changes[2].contains("is up: exit status 0: run 26"), "\(changes[2])")
    }
  }

  @Test("A script that hangs fails at its timeout, and is killed with all that it has started")
  func hanging() async throws {
    let file = ClusterFile(
      trackers: ["check": "script: [/run/checks/check], interval: 100ms, timeout: 300ms, weight: -120"])
    try await Cluster.with(file, daemons: false) { cluster in
      for node in cluster.testbed.nodes {
        _ = try script(
          "check", "#!/bin/sh\n[ -e /run/checks/hang ] || exit 0\nsleep 4000 &\nsleep 4001", on: node)
        try cluster.start(node.name)
      }
      try await cluster.holder(is: "n1")
      try cluster["n1"].write("", toRun: "checks/hang")
      try await cluster.holder(is: "n2")
      try await cluster.wait(until: "it is said why") {
        try cluster.tracker("check", on: "n1").detail.hasPrefix("timed out after 300ms")
      }
      try cluster["n1"].run("rm", ["/run/checks/hang"])
      try await cluster.holder(is: "n1")
      try await cluster.wait(until: "no sleeper is left") {
        try !cluster["n1"].run("pgrep", ["-f", "sleep 400"]).status.isSuccess
      }
    }
  }

  @Test(
    "What can not be run is a failure, and status says why",
    arguments: [
      ("missing", nil, "755", "no such file"),
      ("forbidden", "#!/bin/sh", "644", "permission denied"),
      ("headless", "#!/no/such/interpreter", "755", "bad interpreter /no/such/interpreter"),
      ("prose", "exit 0", "755", "not a program"),
      ("crash", "#!/bin/sh\nkill -SEGV $$", "755", "killed by signal 11 (SIGSEGV)"),
    ] as [(String, String?, String, String)])
  func unusable(_ name: String, _ lines: String?, _ mode: String, _ reason: String) async throws {
    let file = ClusterFile(trackers: [
      "check": "script: [/run/checks/\(name)], interval: 200ms, timeout: 5s, weight: -120"
    ])
    try await Cluster.with(file, on: .lan(nodes: 3), services: false, daemons: false) { cluster in
      if let lines { _ = try script(name, lines, mode: mode, on: cluster["n1"]) }
      try cluster.start("n1")
      try await cluster.wait(until: "the check has been made") {
        try cluster.tracker("check", on: "n1").pending != true
      }
      let tracker = try cluster.tracker("check", on: "n1")
      #expect(!tracker.up)
      #expect(tracker.detail.contains(reason), "\(tracker.detail)")
      #expect(try cluster.router(on: "n1").effectivePriority == 80)
      #expect(try cluster["n1"].ask("/healthz").text.contains(reason))
    }
  }
}

@Suite("A tracker's failure", .hasTheMachineToItself, .tellsWhatDaemonsWrote)
struct TrackerFailureTests {
  @Test("The proxy dies: the next node takes over within Skew_Time", arguments: [100, 1000])
  func proxyDeath(milliseconds: Int) async throws {
    // The HTTP service bears the name of the program that it is a part of.
    let file = ClusterFile(interval: "\(milliseconds)ms", trackers: ["proxy": "process: vipctl, weight: -120"])
    try await Cluster.with(file, daemons: false) { cluster in
      for node in cluster.testbed.nodes { try cluster.start(node.name) }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      let service = try #require(cluster["n1"].processes.first)
      let outage = try await cluster.outage { service.kill() }
      #expect(outage <= .milliseconds(milliseconds) * 106 / 256 + .milliseconds(100))
    }
  }
}
