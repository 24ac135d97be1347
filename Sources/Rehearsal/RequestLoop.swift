// The loop of the measuring client: one epoll, one timer, and a slot for each request that is under way.

import CLinux
import Glibc

struct RequestLoop: ~Copyable {
  private let target: SocketAddress
  private let request: [UInt8]
  private let period: Duration
  private let deadline: Duration
  private let epoll: Int32
  private let timer: Int32

  /// By number, modulo their count.
  private var slots: [Slot]
  /// Requests from here up to `next` may be under way; they are given up in this order.
  private var oldest = 0
  private var next = 0
  private var events = [epoll_event](repeating: epoll_event(), count: 64)
  private var ready = 0
  private var buffer = [UInt8](repeating: 0, count: 8192)
  private var latestTick: Moment?
  /// When what is being read is taken to have arrived.
  private var arrival = Moment(sinceBoot: .zero)
  private var answers = AnswerReader()

  private struct Slot {
    var descriptor: Int32 = -1
    var sent = Moment(sinceBoot: .zero)
    var isRequestSent = false
    /// What has arrived so far; almost always the whole answer arrives at once.
    var received: [UInt8] = []
  }

  private static let timerTag = UInt64.max

  /// Nil with errno where the kernel has no descriptors left.
  init?(_ target: SocketAddress, _ period: Duration, _ deadline: Duration) {
    self.target = target
    self.period = period
    self.deadline = deadline
    request = Array("GET / HTTP/1.0\r\nHost: \(target.host)\r\n\r\n".utf8)
    let most = max(64, min(4000, Int((deadline / period).rounded(.up)) * 5 / 4))
    slots = Array(repeating: Slot(), count: most)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    timer = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
    guard epoll >= 0, timer >= 0 else { return nil }
    let nanoseconds = Int(period / .nanoseconds(1))
    let tick = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    var schedule = itimerspec(it_interval: tick, it_value: tick)
    guard timerfd_settime(timer, 0, &schedule, nil) == 0, watch(timer, EPOLLIN.rawValue, tag: Self.timerTag) else {
      return nil
    }
  }

  deinit {
    for slot in slots where slot.descriptor >= 0 { close(slot.descriptor) }
    close(timer)
    close(epoll)
  }

  /// Processor time of the calling thread, in nanoseconds.
  static var threadTime: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  var hasOpenRequests: Bool { (oldest..<next).contains { slots[$0 % slots.count].descriptor >= 0 } }

  /// Sleeps until there is something to do.
  mutating func wait() { ready = Int(epoll_wait(epoll, &events, Int32(events.count), 1000)) }

  /// Does what there is to do: reads answers first, so that none looks later than it is.
  mutating func work(_ tally: inout TrafficTally, asking: Bool) {
    guard ready > 0 else { return }
    arrival = .now()
    if let latestTick, arrival - latestTick > period * 2 {
      // This thread was not given a processor. What it finds now may have come at any time since.
      tally.blind(for: arrival - latestTick - period)
      arrival = latestTick + period
    }
    var isTick = false
    for index in 0..<ready {
      let event = events[index]
      if event.data.u64 == Self.timerTag {
        isTick = true
      } else {
        handle(Int(event.data.u64), event.events, &tally)
      }
    }
    if isTick { tick(&tally, asking: asking) }
  }

  private mutating func tick(_ tally: inout TrafficTally, asking: Bool) {
    var expirations: UInt64 = 0
    guard read(timer, &expirations, MemoryLayout<UInt64>.size) > 0 else { return }
    let now = Moment.now()
    // Ticks that were missed are not made up for: a burst would say nothing about the time that has passed.
    latestTick = now
    giveUp(before: now - deadline, &tally)
    if asking { ask(at: now, &tally) }
  }

  private mutating func giveUp(before limit: Moment, _ tally: inout TrafficTally) {
    while oldest < next {
      let index = oldest % slots.count
      if slots[index].descriptor >= 0 {
        guard slots[index].sent < limit || next - oldest >= slots.count else { return }
        finish(oldest)
        tally.failed(oldest, .noAnswer)
      }
      oldest += 1
    }
  }

  private mutating func ask(at now: Moment, _ tally: inout TrafficTally) {
    let number = next
    let index = number % slots.count
    next += 1
    tally.sent(number, at: now)
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(target.family, kind, 0)
    guard descriptor >= 0 else { return tally.failed(number, .notSent) }
    // Closing resets the connection: 1,000 a second would otherwise use up all ports within a minute, in TIME-WAIT.
    var abort = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
    slots[index].descriptor = descriptor
    slots[index].sent = now
    slots[index].isRequestSent = false
    slots[index].received.removeAll(keepingCapacity: true)
    let result = target.withPointer { connect(descriptor, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else {
      let failure = Self.failure(errno)
      finish(number)
      return tally.failed(number, failure)
    }
    // On one machine the handshake is often complete by now, and the request can go out with no wait in between.
    slots[index].isRequestSent = sendRequest(descriptor)
    let interest = slots[index].isRequestSent ? EPOLLIN.rawValue : EPOLLIN.rawValue | EPOLLOUT.rawValue
    _ = watch(descriptor, interest | EPOLLET.rawValue, tag: UInt64(number))
  }

  private func sendRequest(_ descriptor: Int32) -> Bool {
    send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
  }

  private mutating func handle(_ number: Int, _ events: UInt32, _ tally: inout TrafficTally) {
    let index = number % slots.count
    guard number >= oldest, number < next, slots[index].descriptor >= 0 else { return }
    let descriptor = slots[index].descriptor
    if !slots[index].isRequestSent, events & EPOLLOUT.rawValue != 0, events & EPOLLERR.rawValue == 0 {
      slots[index].isRequestSent = sendRequest(descriptor)
    }
    guard events & (EPOLLIN.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 else { return }
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 {
        slots[index].received += buffer[..<count]
        switch answers.read(slots[index].received, isComplete: false) {
        case .incomplete: continue
        case .good(let responder): return succeed(number, responder, &tally)
        case .bad: return fail(number, .badAnswer, &tally)
        }
      }
      if count < 0, errno == EAGAIN || errno == EINTR { return }
      guard count == 0 else { return fail(number, Self.failure(errno), &tally) }
      switch answers.read(slots[index].received, isComplete: true) {
      case .good(let responder): return succeed(number, responder, &tally)
      case .bad: return fail(number, .badAnswer, &tally)
      case .incomplete: return fail(number, .refused, &tally)
      }
    }
  }

  private mutating func succeed(_ number: Int, _ responder: String, _ tally: inout TrafficTally) {
    finish(number)
    tally.answered(number, by: responder, at: max(arrival, slots[number % slots.count].sent))
  }

  private mutating func fail(_ number: Int, _ failure: RequestFailure, _ tally: inout TrafficTally) {
    finish(number)
    tally.failed(number, failure)
  }

  private mutating func finish(_ number: Int) {
    let index = number % slots.count
    if slots[index].descriptor >= 0 { close(slots[index].descriptor) }
    slots[index].descriptor = -1
  }

  private func watch(_ descriptor: Int32, _ events: UInt32, tag: UInt64) -> Bool {
    var event = epoll_event(events: events, data: epoll_data_t(u64: tag))
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0
  }

  private static func failure(_ number: Int32) -> RequestFailure {
    switch number {
    case ECONNREFUSED, ECONNRESET, EPIPE: .refused
    case EHOSTUNREACH, ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, EHOSTDOWN: .unreachable
    case ETIMEDOUT: .noAnswer
    default: .notSent
    }
  }
}

/// Reads HTTP answers just far enough to know whether all is well and who answered.
struct AnswerReader {
  enum Outcome: Equatable {
    case incomplete
    case good(responder: String)
    case bad
  }

  /// Most answers are like the one before.
  private var previous: [UInt8] = []
  private var previousOutcome = Outcome.incomplete

  /// - Parameter isComplete: whether the server has closed the connection, so that no more will come.
  mutating func read(_ bytes: [UInt8], isComplete: Bool) -> Outcome {
    if bytes == previous, previousOutcome != .incomplete { return previousOutcome }
    let outcome = Self.parse(bytes, isComplete: isComplete)
    previous = bytes
    previousOutcome = outcome
    return outcome
  }

  private static func parse(_ bytes: [UInt8], isComplete: Bool) -> Outcome {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let (head, body) = split(text) else { return isComplete && !bytes.isEmpty ? .bad : .incomplete }
    let lines = head.split(whereSeparator: \.isNewline)
    guard let statusLine = lines.first, statusLine.hasPrefix("HTTP/1.") else { return .bad }
    let words = statusLine.split(separator: " ")
    guard words.count >= 2, words[1].first == "2" else { return .bad }
    let length = lines.dropFirst().first { $0.lowercased().hasPrefix("content-length:") }
      .flatMap { Int($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
    guard isComplete || (length.map { body.utf8.count >= $0 } ?? false) else { return .incomplete }
    let line = body.split(whereSeparator: \.isNewline).first ?? "?"
    return .good(responder: String(line.prefix(64)))
  }

  private static func split(_ text: String) -> (head: Substring, body: Substring)? {
    var rest = text[...]
    // A line end is one Character in Swift, so the empty line is two of them in a row.
    while let end = rest.firstIndex(of: "\r\n") {
      let after = rest.index(after: end)
      if after < rest.endIndex, rest[after] == "\r\n" { return (text[..<end], rest[rest.index(after: after)...]) }
      rest = rest[after...]
    }
    return nil
  }
}
