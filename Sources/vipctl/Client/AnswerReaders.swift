// What is done with the parts of an HTTP answer as they come in: a whole answer is gathered, a stream is passed on.

import ControlAPI
import NIOCore
import NIOHTTP1

/// Gathers one answer.
final class AnswerReader: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  /// More than any status; less than what would hurt.
  static let maximumSize = 16 << 20

  private let endpoint: ControlEndpoint
  private let answer: EventLoopPromise<[UInt8]>
  private var status = HTTPResponseStatus.ok
  private var body: [UInt8] = []

  init(_ endpoint: ControlEndpoint, _ answer: EventLoopPromise<[UInt8]>) {
    self.endpoint = endpoint
    self.answer = answer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): status = head.status
    case .body(let bytes):
      body += bytes.readableBytesView
      if body.count > Self.maximumSize {
        answer.fail(ClientFailure.notVipd(endpoint, "its answer has more than \(Self.maximumSize) bytes"))
        context.close(promise: nil)
      }
    case .end:
      if status == .ok { answer.succeed(body) } else { answer.fail(refusal(endpoint, status, body)) }
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.fail(readingFailure(endpoint, error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    // Without effect where the answer was whole.
    answer.fail(ClientFailure.disconnected(endpoint))
  }
}

/// Passes a stream on as it comes.
final class StreamReader: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private let endpoint: ControlEndpoint
  /// That there is a stream.
  private let began: EventLoopPromise<Void>
  private let sink: AsyncThrowingStream<[UInt8], any Error>.Continuation
  private var refused: HTTPResponseStatus?
  private var body: [UInt8] = []

  init(
    _ endpoint: ControlEndpoint, _ began: EventLoopPromise<Void>,
    _ sink: AsyncThrowingStream<[UInt8], any Error>.Continuation
  ) {
    self.endpoint = endpoint
    self.began = began
    self.sink = sink
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head) where head.status == .ok: began.succeed()
    case .head(let head): refused = head.status
    case .body(let bytes):
      if refused == nil {
        sink.yield(Array(bytes.readableBytesView))
      } else if body.count < AnswerReader.maximumSize {
        body += bytes.readableBytesView
      }
    case .end:
      end(refused.map { refusal(endpoint, $0, body) })
      context.close(promise: nil)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent {
      end(.disconnected(endpoint))
      context.close(promise: nil)
    } else {
      context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A daemon that is killed in the middle of a stream leaves an HTTP message without its end.
    end(refused == nil && error is HTTPParserError ? .disconnected(endpoint) : readingFailure(endpoint, error))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) { end(.disconnected(endpoint)) }

  /// Only the first end counts.
  private func end(_ failure: ClientFailure?) {
    began.fail(failure ?? .disconnected(endpoint))
    sink.finish(throwing: failure)
  }
}

/// The sentence with which the daemon refuses.
private func refusal(_ endpoint: ControlEndpoint, _ status: HTTPResponseStatus, _ body: [UInt8]) -> ClientFailure {
  guard let failure = try? ControlJSON.decode(ControlFailure.self, from: body) else {
    return .notVipd(endpoint, "HTTP status \(status.code)")
  }
  return .refused(status: Int(status.code), failure.error)
}

private func readingFailure(_ endpoint: ControlEndpoint, _ error: any Error) -> ClientFailure {
  switch error {
  case let error as IOError: .unreachable(endpoint, code: error.errnoCode)
  case HTTPParserError.invalidEOFState: .disconnected(endpoint)
  // What NIO's decoder says of bytes that are no HTTP, or that come before they were asked for.
  default: .notVipd(endpoint, "\(error)")
  }
}

extension Duration {
  /// Whole ones.
  var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
