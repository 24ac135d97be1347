// Server-sent events (WHATWG HTML §9.2), as far as vipd speaks them: what `GET /v1/events` streams, and how a client
// takes the stream apart again, however its bytes were cut on the way.

/// One event of a stream.
public struct ServerSentEvent: Sendable, Hashable {
  /// What a client sends back as `Last-Event-ID` to go on from here.
  public var id: String?
  /// Its type; `message` where the stream names none.
  public var event: String
  public var data: String

  public init(id: String? = nil, event: String = "message", data: String) {
    self.id = id
    self.event = event
    self.data = data
  }

  /// A control event on its way: its sort as the type, its JSON as the data.
  public init(_ event: ControlEvent, id: UInt64) throws {
    try self.init(
      id: String(id), event: event.kind.rawValue, data: String(decoding: ControlJSON.compact(event), as: UTF8.self))
  }

  /// The event in the stream's form, the empty line that ends it included.
  public var encoded: String {
    var text = ""
    if let id { text += "id: \(id)\n" }
    if event != "message" { text += "event: \(event)\n" }
    for line in data.split(separator: "\n", omittingEmptySubsequences: false) { text += "data: \(line)\n" }
    return text + "\n"
  }

  /// A line that every client passes over; it keeps a silent stream alive and shows a dead one.
  public static func comment(_ text: String) -> String { ": \(text)\n\n" }
}

/// Takes a stream of server-sent events apart.
public struct ServerSentEventParser: Sendable {
  /// The last id that was seen, for `Last-Event-ID`.
  public private(set) var lastEventID: String?

  private var line: [UInt8] = []
  private var endedInCarriageReturn = false
  private var event = ""
  private var data: [String] = []
  private var size = 0

  /// What one event may hold, in bytes, before the stream is taken for broken.
  public static let maximumEventSize = 1 << 20

  public init() {}

  /// Takes the next bytes of the stream.
  ///
  /// - Returns: The events that they complete.
  /// - Throws: Where an event is larger than ``maximumEventSize``.
  public mutating func append(_ bytes: some Sequence<UInt8>) throws(ControlFailure) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      let followsCarriageReturn = endedInCarriageReturn
      endedInCarriageReturn = byte == UInt8(ascii: "\r")
      switch byte {
      case UInt8(ascii: "\n") where followsCarriageReturn:
        continue
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        if let event = endLine() { events.append(event) }
      default:
        line.append(byte)
        size += 1
        guard size <= Self.maximumEventSize else {
          throw ControlFailure("an event of more than \(Self.maximumEventSize) bytes: not vipd's stream")
        }
      }
    }
    return events
  }

  private mutating func endLine() -> ServerSentEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    guard !line.isEmpty else { return endEvent() }
    let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    var value = parts.count == 2 ? parts[1] : []
    if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
    let text = String(decoding: value, as: UTF8.self)
    switch String(decoding: parts[0], as: UTF8.self) {
    case "event": event = text
    case "data": data.append(text)
    case "id": lastEventID = text
    default: break  // A comment (no name), `retry`, or a field to come: passed over, as the standard wants it.
    }
    return nil
  }

  /// An empty line: an event without data is none.
  private mutating func endEvent() -> ServerSentEvent? {
    defer {
      event = ""
      data = []
      size = 0
    }
    guard !data.isEmpty else { return nil }
    return ServerSentEvent(
      id: lastEventID, event: event.isEmpty ? "message" : event, data: data.joined(separator: "\n"))
  }
}
