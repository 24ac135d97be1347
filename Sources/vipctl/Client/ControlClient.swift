// Asks the daemon: HTTP over its Unix socket or TCP, one connection for each question, and never for longer than the
// time-out.

import ControlAPI
import NIOCore
import NIOHTTP1
import NIOPosix

struct ControlClient: Sendable {
  let endpoint: ControlEndpoint
  let timeout: Duration

  /// One thread for all clients of the program. It ends with it.
  private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  /// The server says something at least every 15 s; when it does not, it is gone.
  private static let streamPatience = TimeAmount.seconds(40)

  init(_ endpoint: ControlEndpoint, timeout: Duration) {
    self.endpoint = endpoint
    self.timeout = timeout
  }

  func status() async throws(ClientFailure) -> NodeStatus {
    let bytes = try await statusJSON()
    do {
      return try ControlJSON.decode(NodeStatus.self, from: bytes)
    } catch {
      throw ClientFailure.notVipd(endpoint, "\(error)")
    }
  }

  /// The status as the daemon wrote it.
  func statusJSON() async throws(ClientFailure) -> [UInt8] { try await ask(.GET, "/v1/status") }

  /// The oldest first.
  func history() async throws(ClientFailure) -> [ControlEvent] {
    let bytes = try await ask(.GET, "/v1/history")
    do {
      return try ControlJSON.decode(TransitionRecord.self, from: bytes).transitions
    } catch {
      throw ClientFailure.notVipd(endpoint, "\(error)")
    }
  }

  /// - Returns: What changed.
  func reload() async throws(ClientFailure) -> String { try await command("reload") }

  /// - Returns: Who has taken over.
  func drain(for duration: Duration?, force: Bool) async throws(ClientFailure) -> String {
    let query = [duration.map { "for=\($0.components.seconds)" }, force ? "force=true" : nil].compactMap(\.self)
    return try await command("drain" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
  }

  func resume() async throws(ClientFailure) -> String { try await command("resume") }

  /// - Returns: Which program takes over.
  ///
  /// The daemon tries the new program before it answers, so that may take longer than other answers.
  func upgrade() async throws(ClientFailure) -> String {
    try await ControlClient(endpoint, timeout: max(timeout, .seconds(15))).command("upgrade")
  }

  private func command(_ words: String) async throws(ClientFailure) -> String {
    let bytes = try await ask(.POST, "/v1/" + words)
    guard let answer = try? ControlJSON.decode(ControlConfirmation.self, from: bytes) else {
      throw ClientFailure.notVipd(endpoint, "its answer is no confirmation")
    }
    return answer.message
  }

  /// - Parameter lastEventID: To go on after that event, where the daemon still has the next ones.
  func events(after lastEventID: String?) async throws(ClientFailure) -> EventStream {
    let (chunks, sink) = AsyncThrowingStream.makeStream(of: [UInt8].self, bufferingPolicy: .unbounded)
    let head = Self.group.any().makePromise(of: Void.self)
    let endpoint = endpoint
    let handler: @Sendable () -> StreamReader = { StreamReader(endpoint, head, sink) }
    var headers: HTTPHeaders = ["Accept": "text/event-stream"]
    if let lastEventID { headers.add(name: "Last-Event-ID", value: lastEventID) }
    let channel = try await connect(head) { channel in
      try channel.pipeline.syncOperations.addHandlers([
        IdleStateHandler(readTimeout: Self.streamPatience), handler(),
      ])
    }
    sink.onTermination = { _ in channel.close(promise: nil) }
    send(.GET, "/v1/events", headers, on: channel)
    try await finish(head.futureResult, channel, head)
    return EventStream(chunks)
  }

  /// One question.
  ///
  /// - Returns: The body of an answer of 200.
  private func ask(_ method: HTTPMethod, _ path: String) async throws(ClientFailure) -> [UInt8] {
    let answer = Self.group.any().makePromise(of: [UInt8].self)
    let endpoint = endpoint
    let channel = try await connect(answer) { channel in
      try channel.pipeline.syncOperations.addHandler(AnswerReader(endpoint, answer))
    }
    send(method, path, ["Connection": "close"], on: channel)
    let bytes = try await finish(answer.futureResult, channel, answer)
    channel.close(promise: nil)
    return bytes
  }

  /// - Parameter answer: Fails where there is no connection, as a promise must not be forgotten.
  private func connect<Value>(
    _ answer: EventLoopPromise<Value>, _ prepare: @escaping @Sendable (any Channel) throws -> Void
  ) async throws(ClientFailure) -> any Channel {
    let bootstrap = ClientBootstrap(group: Self.group)
      .connectTimeout(.milliseconds(timeout.milliseconds))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHTTPClientHandlers()
          try prepare(channel)
        }
      }
    do {
      switch endpoint {
      case .unix(let path): return try await bootstrap.connect(unixDomainSocketPath: path).get()
      case .tcp(let url): return try await bootstrap.connect(host: url.host, port: url.port).get()
      }
    } catch {
      let failure = failure(of: error)
      answer.fail(failure)
      throw failure
    }
  }

  private func send(_ method: HTTPMethod, _ path: String, _ headers: HTTPHeaders, on channel: any Channel) {
    var head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
    head.headers.add(name: "Host", value: "vipd")
    if method == .POST { head.headers.add(name: "Content-Length", value: "0") }
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
  }

  /// Waits for the answer, but not for ever.
  private func finish<Value: Sendable>(
    _ future: EventLoopFuture<Value>, _ channel: any Channel, _ promise: EventLoopPromise<Value>
  ) async throws(ClientFailure) -> Value {
    let limit = channel.eventLoop.scheduleTask(in: .milliseconds(timeout.milliseconds)) {
      promise.fail(timeoutFailure)
      channel.close(promise: nil)
    }
    do {
      let value = try await future.get()
      limit.cancel()
      return value
    } catch {
      limit.cancel()
      throw failure(of: error)
    }
  }

  private var timeoutFailure: ClientFailure {
    let milliseconds = timeout.milliseconds
    let seconds = milliseconds.isMultiple(of: 1000) ? "\(milliseconds / 1000)" : "\(Double(milliseconds) / 1000)"
    return .timeout(endpoint, seconds: seconds)
  }

  private func failure(of error: any Error) -> ClientFailure {
    switch error {
    case let error as ClientFailure: error
    // What the kernel says where the queue of connections is full.
    case let error as IOError where error.errnoCode == EAGAIN: timeoutFailure
    case let error as IOError: .unreachable(endpoint, code: error.errnoCode)
    case ChannelError.connectTimeout: timeoutFailure
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { failure(of: $0.error) } ?? .failed(endpoint, "the host's name is not known")
    default: .failed(endpoint, "\(error)")
    }
  }
}

/// Events as they arrive.
final class EventStream {
  private var chunks: AsyncThrowingStream<[UInt8], any Error>.Iterator
  private var parser = ServerSentEventParser()
  private var ready: [ServerSentEvent] = []

  init(_ chunks: AsyncThrowingStream<[UInt8], any Error>) { self.chunks = chunks.makeAsyncIterator() }

  /// Waits for the next event; nil when the daemon has ended the stream.
  func next() async throws(ClientFailure) -> ServerSentEvent? {
    while ready.isEmpty {
      do {
        guard let chunk = try await chunks.next() else { return nil }
        ready = try parser.append(chunk)
      } catch {
        throw error as? ClientFailure ?? .failed(.unix("the event stream"), "\(error)")
      }
    }
    return ready.removeFirst()
  }
}
