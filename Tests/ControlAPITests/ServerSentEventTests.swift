// Server-sent events: what is written is read, however the bytes are cut.

import ControlAPI
import Testing

@Suite struct ServerSentEventTests {
  static let event = ControlEvent(
    time: "2026-03-01T12:00:00.250Z", kind: .transition, message: "ingress (IPv4): backup → active", family: .ipv4,
    from: .backup, to: .active)

  @Test func writesAnEvent() throws {
    #expect(
      try ServerSentEvent(Self.event, id: 7).encoded == """
        id: 7
        event: transition
        data: {"family":"ipv4","from":"backup","kind":"transition","message":"ingress (IPv4): backup → active",\
        "time":"2026-03-01T12:00:00.250Z","to":"active"}


        """)
    #expect(ServerSentEvent(data: "a\nb").encoded == "data: a\ndata: b\n\n")
    #expect(ServerSentEvent.comment("keep-alive") == ": keep-alive\n\n")
  }

  @Test func timeIsRFC3339InUTC() {
    #expect(ControlEvent.wallClockNow().wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
  }

  /// Every way to cut a stream in two, with each of the standard's line ends.
  @Test(arguments: ["\n", "\r\n", "\r"])
  func readsWhatIsWrittenHoweverItIsCut(lineEnd: String) throws {
    let events = [
      try ServerSentEvent(Self.event, id: 7), ServerSentEvent(id: "7", data: "two\nlines"),
      ServerSentEvent(id: "8", event: "e", data: ""),
    ]
    let stream = Array(
      (ServerSentEvent.comment("hello") + events.map(\.encoded).joined()).replacing("\n", with: lineEnd).utf8)
    for cut in 0...stream.count {
      var parser = ServerSentEventParser()
      var read = try parser.append(stream[..<cut])
      read += try parser.append(stream[cut...])
      #expect(read == events)
      #expect(parser.lastEventID == "8")
    }
  }

  @Test func passesOverWhatItDoesNotKnow() throws {
    var parser = ServerSentEventParser()
    let stream = "retry: 1000\n\nfuture: x\ndata\n\nnonsense\ndata:no space\ndata:  two\n\nevent: lost\n\ndata: open"
    #expect(
      try parser.append(stream.utf8)
        == [ServerSentEvent(data: ""), ServerSentEvent(data: "no space\n two")])
  }

  @Test func refusesAnEventWithoutEnd() throws {
    var parser = ServerSentEventParser()
    let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
    #expect(throws: ControlFailure.self) { for _ in 0...16 { _ = try parser.append(chunk) } }
  }

  @Test func readsKindsThatItDoesNotKnow() throws {
    let event = try ControlJSON.decode(
      ControlEvent.self, from: #"{"time": "t", "kind": "moon_phase", "message": "m", "phase": 3}"#.utf8)
    #expect(event.kind.rawValue == "moon_phase")
  }

  /// Seeded, so that a failure can be looked at again.
  @Test func takesAnyBytes() throws {
    var state: UInt64 = 0x5eed
    let alphabet = Array("data:evntid \r\n\u{fe}é".utf8)
    for _ in 0..<2000 {
      var parser = ServerSentEventParser()
      let bytes = (0..<64).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return alphabet[Int(state >> 33) % alphabet.count]
      }
      _ = try parser.append(bytes)
    }
  }
}
