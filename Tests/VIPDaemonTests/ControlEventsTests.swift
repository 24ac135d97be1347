// The event stream: everyone hears everything, in order, and nobody is waited for.

import ControlAPI
import NIOCore
import Synchronization
import Testing

@testable import VIPDaemon

@Suite(.timeLimit(.minutes(2))) struct ControlEventsTests {
  private static func event(_ message: String) -> ControlEvent {
    ControlEvent(time: "2026-03-01T12:00:00.000Z", kind: .tracker, message: message, tracker: "docker", up: false)
  }

  /// A stream that is open: its greeting has been read.
  private static func open(_ server: ServerUnderTest, _ transport: ControlTransport = .unix, headers: String = "")
    async throws -> RawClient
  {
    let client = try await server.connect(transport)
    client.send("GET /v1/events HTTP/1.1\r\nHost: vipd\r\n\(headers)\r\n")
    _ = try await client.receive(until: ": vipd's events")
    return client
  }

  @Test func tellsEveryoneEverythingInOrder() async throws {
    try await withServer { server in
      server.daemon.events.publish(Self.event("before"))
      let clients = [try await Self.open(server, .unix), try await Self.open(server, .tcp)]
      for number in 0..<200 { server.daemon.events.publish(Self.event("event \(number).")) }
      for client in clients {
        let text = try await client.receive(until: "event 199.")
        #expect(text.contains("Content-Type: text/event-stream"))
        #expect(!text.contains("before"))
        let numbers = text.matches(of: /event (\d+)\./).compactMap { Int($0.output.1) }
        #expect(numbers == Array(0..<200))
        #expect(text.contains("id: 1001\nevent: tracker\ndata: {"))
      }
    }
  }

  @Test func goesOnAfterTheLastEventThatAClientSaw() async throws {
    try await withServer { server in
      for number in 0..<10 { server.daemon.events.publish(Self.event("event \(number).")) }
      let client = try await Self.open(server, headers: "Last-Event-ID: 1006\r\n")
      let text = try await client.receive(until: "event 9.")
      #expect(text.matches(of: /event (\d+)\./).map { String($0.output.1) } == ["7", "8", "9"])
    }
  }

  /// A new daemon's events bear higher numbers, so that a client that reconnects misses none of them.
  @Test(arguments: ["3", "0", "18446744073709551615", "x"])
  func takesAnyLastEventID(last: String) async throws {
    try await withServer { server in
      server.daemon.events.publish(Self.event("first."))
      let client = try await Self.open(server, headers: "Last-Event-ID: \(last)\r\n")
      server.daemon.events.publish(Self.event("second."))
      let text = try await client.receive(until: "second.")
      #expect(text.contains("first.") == (last == "3" || last == "0"))
    }
  }

  @Test func keepsASilentStreamAlive() async throws {
    var limits = ControlLimits.patient
    limits.keepAlive = .milliseconds(50)
    try await withServer(limits: limits) { server in
      let client = try await Self.open(server)
      _ = try await client.receive { $0.matches(of: /: keep-alive/).count >= 3 }
    }
  }

  @Test func disconnectsAReaderThatIsTooSlow() async throws {
    try await withServer { server in
      let slow = try await server.connect(autoRead: false)
      slow.send("GET /v1/events HTTP/1.1\r\nHost: vipd\r\n\r\n")
      let quick = try await Self.open(server)
      // As many as it takes to fill the kernel's buffers, the server's, and the ring. The quick reader keeps up.
      let filler = String(repeating: "x", count: 2000)
      for number in 0..<2000 where await server.server.connectionCount() > 1 {
        server.daemon.events.publish(Self.event("event \(number). \(filler)"))
        if number.isMultiple(of: 50) { _ = try await quick.receive(until: "event \(number).") }
      }
      let limit = ContinuousClock.now + .seconds(20)
      while await server.server.connectionCount() > 1, ContinuousClock.now < limit { await Task.yield() }
      #expect(await server.server.connectionCount() == 1)
      server.daemon.events.publish(Self.event("the last one"))
      _ = try await quick.receive(until: "the last one")
      try? await slow.close()
    }
  }

  @Test func disconnectsAReaderThatTakesNothing() async throws {
    var limits = ControlLimits.patient
    limits.keepAlive = .milliseconds(50)
    try await withServer(limits: limits) { server in
      let client = try await server.connect(autoRead: false)
      for _ in 0..<20 { server.daemon.events.publish(Self.event(String(repeating: "x", count: 100_000))) }
      client.send("GET /v1/events HTTP/1.1\r\nHost: vipd\r\nLast-Event-ID: 1\r\n\r\n")
      let limit = ContinuousClock.now + .seconds(20)
      while await server.server.connectionCount() == 0, ContinuousClock.now < limit { await Task.yield() }
      while await server.server.connectionCount() > 0, ContinuousClock.now < limit { await Task.yield() }
      #expect(await server.server.connectionCount() == 0)
      try? await client.close()
    }
  }

  @Test func boundsTheStreams() async throws {
    var limits = ControlLimits.patient
    limits.eventStreams = 2
    try await withServer(limits: limits) { server in
      let first = try await Self.open(server)
      let second = try await Self.open(server)
      #expect(try await server.ask("GET", "/v1/events").status == 503)
      try await first.close()
      let limit = ContinuousClock.now + .seconds(20)
      while await server.server.connectionCount() > 1, ContinuousClock.now < limit { await Task.yield() }
      _ = try await Self.open(server)
      try await second.close()
    }
  }

  @Test func streamsToHTTP10WithoutChunks() async throws {
    try await withServer { server in
      let client = try await server.connect()
      client.send("GET /v1/events HTTP/1.0\r\n\r\n")
      _ = try await client.receive(until: ": vipd's events")
      server.daemon.events.publish(Self.event("plain"))
      let text = try await client.receive(until: "plain")
      #expect(!text.lowercased().contains("chunked"))
    }
  }
}

@Suite struct EventBroadcasterTests {
  private static func numbers(_ batch: [EventBroadcaster.Numbered]?) -> [UInt64]? { batch?.map(\.number) }

  @Test func keepsTheNewest() {
    let events = EventBroadcaster(capacity: 3, firstNumber: 1)
    #expect(Self.numbers(events.events(from: 1, limit: 9)) == [])
    for number in 1...5 { events.publish(ControlEvent(kind: .daemon, message: "\(number)")) }
    #expect(events.nextNumber == 6)
    #expect(Self.numbers(events.events(from: 3, limit: 9)) == [3, 4, 5])
    #expect(Self.numbers(events.events(from: 4, limit: 1)) == [4])
    #expect(Self.numbers(events.events(from: 6, limit: 9)) == [])
    #expect(events.events(from: 2, limit: 9) == nil)
    #expect(events.resumption(after: 0) == 3)
    #expect(events.resumption(after: 4) == 5)
    #expect(events.resumption(after: .max) == 6)
  }

  @Test func numbersGrowFromOneDaemonToTheNext() {
    let first = EventBroadcaster()
    for _ in 0..<900 { first.publish(ControlEvent(kind: .daemon, message: "m")) }
    #expect(first.nextNumber > 1_700_000_000_000)
    #expect(first.nextNumber < 1 << 53)
  }

  @Test func wakesAListenerOnceUntilItLooks() {
    let events = EventBroadcaster(capacity: 8, firstNumber: 1)
    let wakes = Counter()
    let listener = events.listen { wakes.increment() }
    events.publish(ControlEvent(kind: .daemon, message: "1"))
    events.publish(ControlEvent(kind: .daemon, message: "2"))
    #expect(wakes.value == 1)
    events.rearm(listener)
    events.publish(ControlEvent(kind: .daemon, message: "3"))
    #expect(wakes.value == 2)
    events.rearm(listener)
    events.removeListener(listener)
    events.publish(ControlEvent(kind: .daemon, message: "4"))
    #expect(wakes.value == 2)
  }
}

/// Counts calls from any thread.
final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int { count.load(ordering: .sequentiallyConsistent) }
  func increment() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}
