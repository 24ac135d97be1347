// Every route and method of the control endpoint, over both transports.

import ControlAPI
import Logging
import NIOCore
import Testing

@testable import VIPDaemon

@Suite(.timeLimit(.minutes(2))) struct ControlServerTests {
  @Test(arguments: [ControlTransport.unix, .tcp])
  func answersStatus(transport: ControlTransport) async throws {
    try await withServer { server in
      let answer = try await server.ask("GET", "/v1/status?pretty", transport)
      #expect(answer.status == 200)
      #expect(answer.headers["content-type"] == "application/json")
      #expect(answer.headers["cache-control"] == "no-store")
      #expect(try ControlJSON.decode(NodeStatus.self, from: answer.body.utf8) == .sample)
    }
  }

  @Test(arguments: [ControlTransport.unix, .tcp])
  func saysWhetherThisNodeIsFit(transport: ControlTransport) async throws {
    try await withServer { server in
      let fit = try await server.ask("GET", "/healthz", transport)
      #expect(fit.status == 200)
      #expect(fit.body == "fit\n")

      server.daemon.set {
        $0.health = NodeHealth(fit: false, problems: ["docker is down: no such process", "eth0 is down"])
      }
      let unfit = try await untilFresh {
        try await server.ask("GET", "/healthz", transport)
      } until: {
        $0.status != 200
      }
      #expect(unfit.status == 503)
      #expect(unfit.headers["content-type"] == "text/plain; charset=utf-8")
      #expect(unfit.body == "not fit\ndocker is down: no such process\neth0 is down\n")
    }
  }

  @Test func answersMetricsAndIndex() async throws {
    try await withServer { server in
      let metrics = try await server.ask("GET", "/metrics", .tcp)
      #expect(metrics.status == 200)
      #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
      #expect(metrics.body == PrometheusMetrics.text(for: .sample))

      let index = try await server.ask("GET", "/", .tcp)
      #expect(index.status == 200)
      for route in ControlRoute.allCases { #expect(index.body.contains(route.rawValue)) }
    }
  }

  @Test(arguments: [ControlTransport.unix, .tcp])
  func answersTheHistory(transport: ControlTransport) async throws {
    try await withServer { server in
      let answer = try await server.ask("GET", "/v1/history", transport)
      #expect(answer.status == 200)
      #expect(try ControlJSON.decode(TransitionRecord.self, from: answer.body.utf8) == .sample)
    }
  }

  @Test(arguments: ["/", "/healthz", "/metrics", "/v1/status", "/v1/history", "/v1/events"])
  func answersHeadWithoutABody(path: String) async throws {
    try await withServer { server in
      let answer = try await server.ask("HEAD", path)
      #expect(answer.status == 200)
      #expect(answer.body.isEmpty)
    }
  }

  @Test func reloads() async throws {
    try await withServer { server in
      server.daemon.answerNextReload(.success("ingress: interval 1s → 100ms"))
      let done = try await server.ask("POST", "/v1/reload")
      #expect(done.status == 200)
      #expect(
        try ControlJSON.decode(ControlConfirmation.self, from: done.body.utf8).message == "ingress: interval 1s → 100ms"
      )

      server.daemon.answerNextReload(.failure(ControlFailure("vipd.yaml:3:5: unknown key \"nods\"")))
      let refused = try await server.ask("POST", "/v1/reload")
      #expect(refused.status == 422)
      #expect(refused.error == "vipd.yaml:3:5: unknown key \"nods\"")
    }
  }

  @Test func takesOneReloadAtATime() async throws {
    try await withServer { server in
      server.daemon.freeze()
      let first = try await server.connect()
      first.send("POST /v1/reload HTTP/1.1\r\nHost: vipd\r\nConnection: close\r\n\r\n")
      try await eventually("the first reload has begun") { server.daemon.reloadCount == 1 }
      let refused = try await server.ask("POST", "/v1/reload")
      #expect(refused.status == 409)
      server.daemon.thaw()
      #expect(try await RawAnswer(first.everything()).status == 200)
      #expect(try await server.ask("POST", "/v1/reload").status == 200)
    }
  }

  @Test(arguments: [
    ("/v1/drain", DrainRequest()), ("/v1/drain?for=1800", DrainRequest(duration: .seconds(1800))),
    ("/v1/drain?force=true&for=1", DrainRequest(duration: .seconds(1), isForced: true)),
  ])
  func drains(path: String, request: DrainRequest) async throws {
    try await withServer { server in
      let drained = try await server.ask("POST", path)
      #expect(drained.status == 200)
      #expect(server.daemon.drains == [request])
      let resumed = try await server.ask("POST", "/v1/resume")
      #expect(resumed.status == 200)
      #expect(server.daemon.drains == [request, nil])
    }
  }

  @Test(arguments: ["for=0", "for=-1", "for=soon", "for=99999999999", "for", "force=maybe", "until=noon"])
  func refusesADrainThatMakesNoSense(query: String) async throws {
    try await withServer { server in
      let answer = try await server.ask("POST", "/v1/drain?" + query)
      #expect(answer.status == 400)
      #expect(answer.error?.contains(query.prefix { $0 != "=" }) == true)
      #expect(server.daemon.drains == [])
    }
  }

  @Test(arguments: ["/v1/reload", "/v1/drain", "/v1/resume", "/v1/upgrade", "/v1/status"])
  func takesNoCommandsOverTCP(path: String) async throws {
    try await withServer { server in
      let answer = try await server.ask("POST", path, .tcp)
      #expect(answer.status == 403)
      #expect(answer.error?.contains("Unix socket") == true)
    }
  }

  @Test(arguments: [
    ("POST", "/v1/status", "GET, HEAD"), ("DELETE", "/", "GET, HEAD"), ("OPTIONS", "/metrics", "GET, HEAD"),
    ("PUT", "/healthz", "GET, HEAD"), ("PATCH", "/v1/events", "GET, HEAD"), ("GET", "/v1/reload", "POST"),
    ("HEAD", "/v1/drain", "POST"), ("TRACE", "/v1/resume", "POST"),
  ])
  func refusesOtherMethods(method: String, path: String, allowed: String) async throws {
    try await withServer { server in
      let answer = try await server.ask(method, path)
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == allowed)
    }
  }

  @Test(arguments: ["/v2/status", "/v1/status/", "//", "/%2e%2e/etc/passwd", "*", "/v1/%C3%A9"])
  func refusesOtherPaths(path: String) async throws {
    try await withServer { server in
      let answer = try await server.ask("GET", path)
      #expect(answer.status == 404)
      #expect(answer.error?.contains("/v1/status") == true)
    }
  }

  @Test func answersPipelinedRequestsInOrder() async throws {
    try await withServer { server in
      let client = try await server.connect()
      let paths = ["/healthz", "/v1/nothing", "/", "/v1/status", "/metrics"]
      client.send(
        paths.map { "GET \($0) HTTP/1.1\r\nHost: vipd\r\n\r\n" }.joined()
          + "GET /v1/last HTTP/1.1\r\nHost: vipd\r\nConnection: close\r\n\r\n")
      let text = try await client.everything()
      let statuses = text.matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.output.1) }
      #expect(statuses == ["200", "404", "200", "200", "200", "404"])
    }
  }

  @Test func answersAThousandRequestsInOnePacket() async throws {
    try await withServer { server in
      let client = try await server.connect()
      client.send(String(repeating: "GET /healthz HTTP/1.1\r\n\r\n", count: 1000))
      _ = try await client.receive { $0.matches(of: /fit\n/).count == 1000 }
    }
  }

  @Test func answersAClientThatHasHalfClosed() async throws {
    try await withServer { server in
      for request in ["GET /v1/status HTTP/1.0\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: vipd\r\n\r\n"] {
        let client = try await server.connect()
        client.send(request)
        try await client.closeOutput()
        #expect(try await RawAnswer(client.everything()).status == 200)
      }
    }
  }

  @Test func closesAfterARequestToUpgrade() async throws {
    try await withServer { server in
      let client = try await server.connect()
      client.send("GET /healthz HTTP/1.1\r\nHost: vipd\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0")
      #expect(try await RawAnswer(client.everything()).status == 200)
    }
  }

  /// However many ask, the daemon's thread is asked a few times only.
  @Test func asksTheDaemonOnceForMany() async throws {
    try await withServer { server in
      server.daemon.freeze()
      var clients: [RawClient] = []
      for _ in 0..<40 {
        let client = try await server.connect()
        client.send("GET /v1/status HTTP/1.1\r\nHost: vipd\r\nConnection: close\r\n\r\n")
        clients.append(client)
      }
      // Answered without the daemon, and accepted after all those: they have all been heard.
      #expect(try await server.ask("GET", "/").status == 200)
      server.daemon.thaw()
      for client in clients { #expect(try await RawAnswer(client.everything()).status == 200) }
      #expect(server.daemon.statusCount <= 3)
    }
  }

  @Test func saysThatTheDaemonHangs() async throws {
    var limits = ControlLimits.patient
    limits.statusTime = .milliseconds(100)
    try await withServer(limits: limits) { server in
      server.daemon.freeze()
      for path in ["/v1/status", "/healthz", "/metrics"] {
        let answer = try await server.ask("GET", path)
        #expect(answer.status == 503)
        #expect(answer.error?.contains("within 100 ms") == true)
      }
      server.daemon.thaw()
      let answer = try await untilFresh {
        try await server.ask("GET", "/healthz")
      } until: {
        $0.status == 200
      }
      #expect(answer.status == 200)
    }
  }

  /// A status is served for some milliseconds after it was made, so a change is not seen at once.
  private func untilFresh(_ ask: () async throws -> RawAnswer, until isFresh: (RawAnswer) -> Bool) async throws
    -> RawAnswer
  {
    let limit = ContinuousClock.now + .seconds(20)
    var answer = try await ask()
    while !isFresh(answer), ContinuousClock.now < limit { answer = try await ask() }
    return answer
  }
}

@Suite(.timeLimit(.minutes(2))) struct ControlListenerTests {
  @Test(arguments: [
    "localhost:9112", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", ":9112", "", "[::1]", "::1:-1", "127.0.0.1:http",
  ])
  func refusesAnAddressThatIsNone(listen: String) {
    let failure = #expect(throws: ControlServerFailure.self) {
      try ControlServer.start(
        socket: nil, listen: listen, source: FakeDaemon(), logger: Logger(label: "control"))
    }
    #expect(failure?.description.contains("write it as 127.0.0.1:9112") == true)
  }

  @Test func namesTheRemedy() async throws {
    try await withServer { server in
      let taken = server.server.tcpAddress ?? ""
      for (listen, remedy) in [
        (taken, "another program listens there"), ("192.0.2.1:80", "does not hold that address"),
      ] {
        let failure = #expect(throws: ControlServerFailure.self) {
          try ControlServer.start(
            socket: nil, listen: listen, source: FakeDaemon(), logger: Logger(label: "control"))
        }
        #expect(failure?.description.contains(remedy) == true)
        #expect(failure?.description.hasPrefix("\(listen): cannot listen: ") == true)
      }
    }
  }

  @Test func changesTheTCPListener() async throws {
    try await withServer { server in
      // An address that no other test listens at, so that nobody else is given the port that is given up.
      try await server.server.changeTCPListener(to: "127.77.7.7:0")
      let old = server.server.tcpPort
      #expect(try await RawAnswer(Self.ask("127.77.7.7", old)).status == 200)
      try await server.server.changeTCPListener(to: "[::1]:0")
      #expect(server.server.tcpAddress?.hasPrefix("[::1]:") == true)
      await #expect(throws: (any Error).self) {
        try await RawClient(SocketAddress(ipAddress: "127.77.7.7", port: old))
      }
      try await server.server.changeTCPListener(to: nil)
      #expect(server.server.tcpAddress == nil)
      #expect(try await server.ask("GET", "/healthz").status == 200)
    }
  }

  private static func ask(_ host: String, _ port: Int) async throws -> String {
    let client = try await RawClient(SocketAddress(ipAddress: host, port: port))
    client.send("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
    return try await client.everything()
  }

  @Test func stopClosesConnectionsAndStreams() async throws {
    let daemon = FakeDaemon()
    var clients: [RawClient] = []
    try await withServer(daemon) { server in
      let idle = try await server.connect()
      let stream = try await server.connect()
      stream.send("GET /v1/events HTTP/1.1\r\nHost: vipd\r\n\r\n")
      _ = try await stream.receive(until: "vipd's events")
      clients = [idle, stream]
    }
    for client in clients { try await client.untilClosed() }
    // Nobody is left who would be woken.
    daemon.events.publish(ControlEvent(kind: .daemon, message: "after the end"))
  }
}
