// What a client learnt by asking over and over: who answered from when to when, and when nobody did.

/// The account of a measuring client, up to the moment at which it was asked for.
public struct TrafficRecord: Sendable, Hashable {
  /// Who answered, in order. A new span begins with another answering node and after each outage.
  public internal(set) var spans: [Span] = []
  /// Times without an answer, in order.
  public internal(set) var outages: [Outage] = []
  /// Since when the client has been waiting in vain, if it has for longer than what counts as an outage.
  public internal(set) var ongoingOutage: Moment?

  public internal(set) var sent = 0
  public internal(set) var answered = 0
  /// By what became of them.
  public internal(set) var failures: [RequestFailure: Int] = [:]

  public internal(set) var started: Moment
  public internal(set) var ended: Moment
  /// The longest that an answered request took.
  public internal(set) var longestAnswerTime: Duration = .zero
  /// The longest time for which the client itself was late to ask: it has seen nothing then.
  public internal(set) var longestBlindness: Duration = .zero
  /// Processor time that the measuring has cost, in the kernel and outside.
  public internal(set) var processorTime: Duration = .zero

  /// One node answered all the time.
  public struct Span: Sendable, Hashable {
    /// The first line of the answer.
    public var responder: String
    /// When its first and its last answer arrived.
    public var first: Moment
    public var last: Moment
    public var answers: Int
  }

  /// Nobody answered.
  public struct Outage: Sendable, Hashable {
    /// When the first request was sent that had no answer by the end, so within one period after the true beginning.
    public var start: Moment
    /// When the first answer arrived.
    public var end: Moment
    /// Who had answered before, and who did afterwards.
    public var before: String?
    public var after: String
    /// How many of the requests that were sent meanwhile were never answered.
    public var lostRequests: Int

    public var duration: Duration { end - start }
  }

  /// Requests without a good answer.
  public var failed: Int { failures.values.reduce(0, +) }

  /// The longest outage, one that has not ended included; zero where there was none.
  public var longestOutage: Duration { longestOutage(since: started) }

  /// The longest outage after `moment`, one that has not ended included; of one that had begun before, only the rest.
  public func longestOutage(since moment: Moment) -> Duration {
    let ongoing = ongoingOutage.map { ended - max($0, moment) } ?? .zero
    return outages.filter { $0.end > moment }.map { $0.end - max($0.start, moment) }.reduce(ongoing, max)
  }

  /// Who answered last.
  public var responder: String? { spans.last?.responder }

  /// Who answered one after the other, whatever outages there were between.
  public var responders: [String] {
    spans.reduce(into: []) { responders, span in
      if responders.last != span.responder { responders.append(span.responder) }
    }
  }
}

/// Why a request had no good answer.
public enum RequestFailure: String, Sendable, Hashable, CaseIterable {
  /// Not in time.
  case noAnswer = "no answer"
  /// A host was there, but no service, or the service broke the connection.
  case refused
  /// No way to any host.
  case unreachable
  /// The service answered that it does not work.
  case badAnswer = "bad answer"
  /// The client had no means left to ask.
  case notSent = "not sent"
}

/// Makes a record from what happens to single requests. No clock and no network of its own.
struct TrafficTally: Sendable {
  private(set) var record: TrafficRecord
  /// A shorter time without an answer is no outage but jitter.
  private let noticed: Duration

  private static let remembered = 4096
  private var sendTimes: [Moment]
  private var latestAnswered = -1
  private var latestAnswer: Moment
  /// When the first request was sent after the one that was answered last; nil while there is none.
  private var waitingSince: Moment?
  /// Requests that were given up since the latest answer, so during what may turn out to be an outage.
  private var failuresSinceAnswer = 0

  init(started: Moment, noticed: Duration) {
    record = TrafficRecord(started: started, ended: started)
    self.noticed = noticed
    latestAnswer = started
    sendTimes = Array(repeating: started, count: Self.remembered)
  }

  /// Requests are numbered from 0, without gaps.
  mutating func sent(_ number: Int, at moment: Moment) {
    record.sent = number + 1
    sendTimes[number % Self.remembered] = moment
    if waitingSince == nil { waitingSince = moment }
  }

  mutating func answered(_ number: Int, by responder: String, at moment: Moment) {
    record.answered += 1
    record.longestAnswerTime = max(record.longestAnswerTime, moment - sendTimes[number % Self.remembered])
    // An answer that was overtaken by a later request's tells nothing new about who could be reached when.
    guard number > latestAnswered else { return }
    // Requests that piled up at a stuck service are answered all at once: they have waited for the same thing.
    let start = max(waitingSince ?? moment, latestAnswer)
    let isOutage = moment - start > noticed
    if isOutage {
      record.outages.append(
        TrafficRecord.Outage(
          start: start, end: moment, before: record.responder, after: responder, lostRequests: failuresSinceAnswer))
    }
    if let last = record.spans.indices.last, !isOutage, record.spans[last].responder == responder {
      record.spans[last].last = moment
      record.spans[last].answers += 1
    } else {
      record.spans.append(TrafficRecord.Span(responder: responder, first: moment, last: moment, answers: 1))
    }
    latestAnswered = number
    latestAnswer = moment
    failuresSinceAnswer = 0
    waitingSince = number + 1 < record.sent ? sendTimes[(number + 1) % Self.remembered] : nil
  }

  mutating func failed(_ number: Int, _ failure: RequestFailure) {
    record.failures[failure, default: 0] += 1
    // Many requests are given up only after the outage in which they were sent.
    let sent = sendTimes[number % Self.remembered]
    let outage = record.outages.lastIndex { $0.start <= sent && sent <= $0.end }
    if let outage { record.outages[outage].lostRequests += 1 } else { failuresSinceAnswer += 1 }
  }

  mutating func blind(for duration: Duration) {
    record.longestBlindness = max(record.longestBlindness, duration)
  }

  /// The account up to now.
  func record(at moment: Moment, processorTime: Duration) -> TrafficRecord {
    var record = record
    record.ended = moment
    record.processorTime = processorTime
    if let waitingSince {
      let start = max(waitingSince, latestAnswer)
      if moment - start > noticed { record.ongoingOutage = start }
    }
    return record
  }
}
