// What clients may not do to the control server: use it up, hold it up, or bring it down.

import ControlAPI
import NIOCore
import Testing

@testable import VIPDaemon

@Suite(.timeLimit(.minutes(3))) struct ControlBoundsTests {
  @Test func turnsAwayConnectionsThatAreTooMany() async throws {
    var limits = ControlLimits.patient
    limits.connections = 4
    try await withServer(limits: limits) { server in
      var clients: [RawClient] = []
      for _ in 0..<4 { clients.append(try await server.connect(.tcp)) }
      let refused = try await RawAnswer(server.connect(.tcp).everything())
      #expect(refused.status == 503)
      #expect(refused.error == "too many connections; ask again later")
      // vipctl still gets through, and a place that is given back is given out again.
      #expect(try await server.ask("GET", "/healthz", .unix).status == 200)
      for client in clients { try await client.close() }
      let limit = ContinuousClock.now + .seconds(20)
      var status = 0
      while status != 200, ContinuousClock.now < limit {
        status = (try? await server.ask("GET", "/healthz", .tcp).status) ?? 0
      }
      #expect(status == 200)
    }
  }

  @Test func refusesHeadersThatAreTooLarge() async throws {
    try await withServer { server in
      let answer = try await server.ask("GET", "/", headers: "X: \(String(repeating: "x", count: 20 << 10))\r\n")
      #expect(answer.status == 431)
      let many = try await server.ask("GET", "/", headers: (0..<200).map { "X-\($0): 1\r\n" }.joined())
      #expect(many.status == 431)
    }
  }

  @Test(arguments: ["Content-Length: 20000", "Content-Length: 9223372036854775807", "Transfer-Encoding: chunked"])
  func refusesBodiesThatAreTooLarge(header: String) async throws {
    try await withServer { server in
      let client = try await server.connect()
      client.send("POST /v1/reload HTTP/1.1\r\nHost: vipd\r\n\(header)\r\n\r\n")
      for _ in 0..<20 { client.send("400\r\n\(String(repeating: "x", count: 1024))\r\n") }
      #expect(try await RawAnswer(client.receive(until: "\"error\"")).status == 413)
      try await client.untilClosed()
    }
  }

  @Test func takesASmallBody() async throws {
    try await withServer { server in
      let client = try await server.connect()
      client.send("POST /v1/reload HTTP/1.1\r\nHost: vipd\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
      #expect(try await RawAnswer(client.everything()).status == 200)
    }
  }

  /// One byte now and then keeps no connection open.
  @Test(arguments: [
    "", "GET /healthz HTT", "GET / HTTP/1.1\r\nX: ", "POST /v1/reload HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
  ])
  func closesASlowRequest(beginning: String) async throws {
    var limits = ControlLimits.patient
    limits.requestTime = .milliseconds(200)
    try await withServer(limits: limits) { server in
      let client = try await server.connect()
      client.send(beginning)
      let text = try await client.everything()
      #expect(text.isEmpty || text.contains(" 408 "))
    }
  }

  @Test func closesAnIdleConnection() async throws {
    var limits = ControlLimits.patient
    limits.idleTime = .milliseconds(200)
    try await withServer(limits: limits) { server in
      let client = try await server.connect()
      client.send("GET /healthz HTTP/1.1\r\nHost: vipd\r\n\r\n")
      #expect(try await RawAnswer(client.everything()).status == 200)
    }
  }

  /// A client that asks and asks and never reads: what it is owed does not pile up, and it is closed.
  @Test func closesAClientThatTakesNoAnswer() async throws {
    var limits = ControlLimits.patient
    limits.writeTime = .milliseconds(300)
    try await withServer(limits: limits) { server in
      let client = try await server.connect(autoRead: false)
      // 4,000 answers of 1 KB and more: beyond what the kernel's buffers hold for a reader that sleeps.
      client.send(String(repeating: "GET /v1/status HTTP/1.1\r\n\r\n", count: 4000))
      let limit = ContinuousClock.now + .seconds(20)
      while await server.server.connectionCount() > 0, ContinuousClock.now < limit { await Task.yield() }
      #expect(await server.server.connectionCount() == 0)
      #expect(try await server.ask("GET", "/healthz").status == 200)
      try? await client.close()
    }
  }

  @Test(arguments: [
    "\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "GET / HTTP/1.1\r\n: empty\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}", "GET / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n",
    "POST /v1/reload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "GET /healthz HTTP/1.1\r\n\r\nGARBAGE\r\n\r\n",
  ])
  func refusesWhatIsNoRequest(text: String) async throws {
    try await withServer { server in
      let client = try await server.connect()
      client.send(text)
      try await client.closeOutput()
      let answer = try await client.everything()
      #expect(answer.isEmpty || answer.contains(" 400 ") || answer.contains(" 405 "))
      #expect(try await server.ask("GET", "/healthz").status == 200)
    }
  }

  /// Random bytes and mutated requests. Seeded, so that a failure can be looked at again.
  @Test func livesThroughThousandsOfMalformedRequests() async throws {
    try await withServer { server in
      var random = SplitMix(state: 0x76_69_70_64)
      let good = [
        "GET /v1/status HTTP/1.1\r\nHost: vipd\r\n\r\n", "POST /v1/reload HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        "GET /v1/events HTTP/1.1\r\nLast-Event-ID: 3\r\n\r\n", "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "POST /v1/drain HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      ]
      for round in 0..<3000 {
        var bytes: [UInt8]
        if round.isMultiple(of: 3) {
          bytes = (0..<Int.random(in: 1...300, using: &random)).map { _ in .random(in: 0...255, using: &random) }
        } else {
          bytes = (0..<Int.random(in: 1...3, using: &random)).flatMap { _ in
            Array(good[Int.random(in: 0..<good.count, using: &random)].utf8)
          }
          for _ in 0..<Int.random(in: 1...6, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...2, using: &random) {
            case 0: bytes[place] = .random(in: 0...255, using: &random)
            case 1: bytes.insert(.random(in: 0...255, using: &random), at: place)
            default: bytes.remove(at: place)
            }
          }
        }
        let client = try await server.connect(round.isMultiple(of: 2) ? .unix : .tcp)
        client.send(bytes)
        // An event stream never ends by itself, even where the client says no more.
        if round.isMultiple(of: 5) || String(decoding: bytes, as: UTF8.self).contains("/v1/events") {
          try? await client.close()
        } else {
          try? await client.closeOutput()
          try await client.untilClosed()
        }
      }
      #expect(try await server.ask("GET", "/healthz", .unix).status == 200)
      #expect(try await server.ask("GET", "/healthz", .tcp).status == 200)
    }
  }
}

/// A small generator with a seed (splitmix64).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
