// What the measuring client makes of its answers, and what measuring costs.

import Testing

@testable import Rehearsal

@Suite("Traffic record")
struct TrafficTallyTests {
  private let start = Moment(sinceBoot: .seconds(100))

  private func at(_ milliseconds: Double) -> Moment { start + .nanoseconds(Int(milliseconds * 1_000_000)) }

  /// Requests `numbers`, one a millisecond; each answered after a quarter of one.
  private func ask(_ tally: inout TrafficTally, _ numbers: Range<Int>, answeredBy responder: String?) {
    for number in numbers {
      tally.sent(number, at: at(Double(number)))
      if let responder { tally.answered(number, by: responder, at: at(Double(number) + 0.25)) }
    }
  }

  @Test("An outage lasts from the first request in vain to the first answer")
  func outage() {
    var tally = TrafficTally(started: start, noticed: .milliseconds(5))
    ask(&tally, 0..<10, answeredBy: "a")
    ask(&tally, 10..<40, answeredBy: nil)
    #expect(tally.record(at: at(40), processorTime: .zero).ongoingOutage == at(10))
    for number in 10..<20 { tally.failed(number, .noAnswer) }
    ask(&tally, 40..<50, answeredBy: "b")
    for number in 20..<40 { tally.failed(number, .noAnswer) }
    let record = tally.record(at: at(50), processorTime: .zero)
    #expect(
      record.outages == [
        .init(start: at(10), end: at(40.25), before: "a", after: "b", lostRequests: 30)
      ])
    #expect(record.spans.map(\.responder) == ["a", "b"])
    #expect(record.spans.map(\.answers) == [10, 10])
    #expect(record.ongoingOutage == nil)
    #expect((record.sent, record.answered, record.failed) == (50, 20, 30))
  }

  @Test("Answers that come all at once after a pause end one outage, not many")
  func pile() {
    var tally = TrafficTally(started: start, noticed: .milliseconds(5))
    ask(&tally, 0..<10, answeredBy: "a")
    ask(&tally, 10..<60, answeredBy: nil)
    for number in 10..<60 { tally.answered(number, by: "a", at: at(60)) }
    let record = tally.record(at: at(60), processorTime: .zero)
    #expect(record.outages == [.init(start: at(10), end: at(60), before: "a", after: "a", lostRequests: 0)])
    #expect(record.longestAnswerTime == .milliseconds(50))
  }

  @Test("One lost request among answered ones is lost, but no outage")
  func loss() {
    var tally = TrafficTally(started: start, noticed: .milliseconds(5))
    ask(&tally, 0..<10, answeredBy: "a")
    ask(&tally, 10..<11, answeredBy: nil)
    ask(&tally, 11..<20, answeredBy: "a")
    tally.failed(10, .noAnswer)
    let record = tally.record(at: at(20), processorTime: .zero)
    #expect(record.outages.isEmpty)
    #expect(record.failures == [.noAnswer: 1])
    #expect(record.spans.count == 1)
  }

  @Test("A time in which the client did not ask is no outage")
  func blindness() {
    var tally = TrafficTally(started: start, noticed: .milliseconds(5))
    ask(&tally, 0..<10, answeredBy: "a")
    tally.blind(for: .milliseconds(50))
    tally.sent(10, at: at(60))
    tally.answered(10, by: "a", at: at(60.25))
    let record = tally.record(at: at(61), processorTime: .zero)
    #expect(record.outages.isEmpty)
    #expect(record.longestBlindness == .milliseconds(50))
  }

  @Test(
    "An answer is read as far as it goes",
    arguments: [
      ("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nn1\n", false, AnswerReader.Outcome.good(responder: "n1")),
      ("HTTP/1.1 200 OK\r\ncontent-length:2\r\nX: y\r\n\r\nn1", false, .good(responder: "n1")),
      ("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nn", false, .incomplete),
      ("HTTP/1.0 200 OK\r\n\r\nn1\nmore", false, .incomplete),
      ("HTTP/1.0 200 OK\r\n\r\nn1\nmore", true, .good(responder: "n1")),
      ("HTTP/1.0 503 Busy\r\n\r\n", false, .bad),
      ("SSH-2.0-x\r\n\r\n", false, .bad),
      ("HTTP/1.0 2", true, .bad),
      ("", true, .incomplete),
    ])
  func answers(_ text: String, _ isComplete: Bool, _ outcome: AnswerReader.Outcome) {
    var reader = AnswerReader()
    #expect(reader.read(Array(text.utf8), isComplete: isComplete) == outcome)
    #expect(reader.read(Array(text.utf8), isComplete: isComplete) == outcome)
  }

  @Test(
    "A check's port",
    arguments: [
      (["--port", "443"], 443), (["--port=8080"], 8080), (["-p", "81"], 81), (["http://127.0.0.1:8000/x"], 8000),
      (["https://[::1]/"], 443), (["http://localhost"], 80), (["--port", "x"], nil), ([], nil),
    ] as [([String], UInt16?)])
  func ports(_ arguments: [String], _ port: UInt16?) {
    #expect(StandIn.servicePort(in: arguments) == port)
  }
}

@Suite("Answering service")
struct AnsweringServiceTests {
  @Test("A request that comes in pieces is answered once it is there, and no connection is reset")
  func pieces() async throws {
    try await Testbed.with(.lan(nodes: 1)) { testbed in
      let node = testbed["n1"]
      try await node.startHTTPService()
      let script = """
        exec 3<>/dev/tcp/10.0.10.31/80
        for piece in 'GET / HTTP/1.0\r\n' 'Host: x\r' '\n\r' '\n'; do printf "$piece" >&3; sleep 0.02; done
        cat <&3
        """
      let answer = try testbed.client.run("bash", ["-c", script])
      #expect(answer.status.isSuccess && answer.output.hasSuffix("\r\n\r\nn1\n"), "\(answer)")
    }
  }
}

@Suite("Measuring client")
struct TrafficClientTests {
  @Test("A thousand requests a second cost little and lose none", arguments: ["10.0.10.31", "fd10::31"])
  func cost(_ address: String) async throws {
    try await ExclusiveMeasurement.run {
      try await Testbed.with(.lan(nodes: 1)) { testbed in
        try await testbed["n1"].startHTTPService()
        let client = try TrafficClient(from: testbed.client, to: address)
        try await client.waitForAnswer(from: "n1")
        try await eventually("2,000 answers") { client.record.answered >= 2000 }
        let record = client.stop()
        #expect(record.failures.isEmpty)
        let share = record.processorTime / (record.ended - record.started)
        print(
          "client: \(record.sent) requests, \(Int(share * 100)) % of a processor, longest answer time",
          "\(record.longestAnswerTime), longest blindness \(record.longestBlindness), outages \(record.outages.count)")
        #expect(share < 0.5)  // a sixth where nothing else wants the processors; a release build takes half of that
      }
    }
  }

  @Test("What is no address is refused with a reason")
  func badAddress() async throws {
    try await Testbed.with(.lan(nodes: 1)) { testbed in
      #expect(throws: TestbedError("n1", cause: "not an IP address")) {
        try TrafficClient(from: testbed.client, to: "n1")
      }
    }
  }
}
