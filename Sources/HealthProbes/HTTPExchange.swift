// One HTTP request and its answer: over TCP or a Unix socket, with TLS or without, within bounds of time and size.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix

/// Where a question goes.
public enum ServiceEndpoint: Sendable, Hashable {
  case tcp(host: String, port: UInt16)
  case unix(path: String)
}

struct HTTPQuestion: Sendable {
  var endpoint: ServiceEndpoint
  /// Nil for plain HTTP.
  var tls: TLSVerifier?
  var method = "GET"
  /// Path and query.
  var target: String
  /// The Host header.
  var host: String
  /// Of the answer's body no more is read.
  var bodyLimit = 64 << 10
}

struct HTTPAnswer: Sendable {
  var status: Int
  var body: [UInt8]
}

/// Why there was no answer, in words.
struct ConversationFailure: Error, Sendable, Hashable {
  let reason: String
  /// The kernel's number, where it was the kernel.
  var code: CInt?

  static let endedEarly = ConversationFailure(reason: "the connection was closed before the answer was complete")
}

extension HTTPQuestion {
  /// Asks over a connection of its own. Ends at once where the task is cancelled.
  ///
  /// - Parameter patience: for the connection to be made.
  func ask(patience: Duration) async throws(ConversationFailure) -> HTTPAnswer {
    // Not on the loop, where others wait.
    let settings = try tls?.currentSettings()
    let answer = ProbeLoop.group.any().makePromise(of: HTTPAnswer.self)
    let limit = bodyLimit
    let tls = tls
    let endpoint = endpoint
    let channel: any Channel
    do throws(ConversationFailure) {
      channel = try await endpoint.connect(patience: patience) { channel in
        if let tls, let settings {
          let handler = try TLSHandler(settings, connectingTo: tls.peer(at: endpoint))
          try channel.pipeline.syncOperations.addHandler(handler)
        }
        try channel.pipeline.syncOperations.addHTTPClientHandlers()
        try channel.pipeline.syncOperations.addHandler(AnswerCollector(answer, limit: limit))
      }
    } catch {
      answer.fail(error)
      throw error
    }
    let headers: HTTPHeaders = ["Host": host, "User-Agent": "vipd", "Accept": "*/*", "Connection": "close"]
    let head = HTTPRequestHead(version: .http1_1, method: .init(rawValue: method), uri: target, headers: headers)
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    do {
      let result = try await withTaskCancellationHandler {
        try await answer.futureResult.get()
      } onCancel: {
        channel.close(promise: nil)
      }
      channel.close(promise: nil)
      return result
    } catch {
      channel.close(promise: nil)
      throw ConversationFailure(error)
    }
  }
}

/// The thread on which probes hold their conversations. It ends with the program.
enum ProbeLoop {
  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
}

extension ServiceEndpoint {
  /// - Parameter prepare: run on the new channel before it is connected.
  func connect(
    patience: Duration, _ prepare: @escaping @Sendable (any Channel) throws -> Void
  ) async throws(ConversationFailure) -> any Channel {
    let bootstrap = ClientBootstrap(group: ProbeLoop.group)
      .connectTimeout(.nanoseconds(Int64(patience / .nanoseconds(1))))
      .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try prepare(channel) } }
    do {
      switch self {
      case .unix(let path): return try await bootstrap.connect(unixDomainSocketPath: path).get()
      case .tcp(let host, let port): return try await bootstrap.connect(host: host, port: Int(port)).get()
      }
    } catch {
      throw ConversationFailure(error)
    }
  }
}

extension ConversationFailure {
  fileprivate init(_ error: any Error) {
    switch error {
    case let error as ConversationFailure: self = error
    case let error as IOError: self.init(reason: systemError(error.errnoCode), code: error.errnoCode)
    case ChannelError.connectTimeout: self.init(reason: "no answer to the attempt to connect", code: ETIMEDOUT)
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        self = ConversationFailure(first.error)
      } else {
        self.init(reason: "the host's name is not known")
      }
    case HTTPParserError.invalidEOFState: self = Self.endedEarly
    case is HTTPParserError: self.init(reason: "the answer is not HTTP")
    default: self.init(reason: "\(error)")
    }
  }
}

/// Gathers one answer. A body that is longer than the limit is cut.
private final class AnswerCollector: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let promise: EventLoopPromise<HTTPAnswer>
  private let limit: Int
  private var answer = HTTPAnswer(status: 0, body: [])

  init(_ promise: EventLoopPromise<HTTPAnswer>, limit: Int) {
    self.promise = promise
    self.limit = limit
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): answer.status = Int(head.status.code)
    case .body(let bytes):
      answer.body += bytes.readableBytesView.prefix(limit - answer.body.count)
      if answer.body.count >= limit { promise.succeed(answer) }
    case .end: promise.succeed(answer)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    // Without effect where the answer was whole.
    promise.fail(ConversationFailure.endedEarly)
  }
}
