// One client's connection: requests in, answers out, one after the other. An answer is on its way until the client has
// taken it; only then the next request is looked at, so that a client which asks and never reads costs one answer.

import ControlAPI
import Logging
import NIOCore
import NIOHTTP1

final class ControlConnection: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private enum Phase {
    /// Between requests, or in the middle of one.
    case receiving(Request?)
    /// The daemon is being asked, or the client has not taken the answer yet.
    case answering
    case streaming(nextEvent: UInt64)
    /// The last answer is out. What still comes is thrown away, so that the client gets to read it.
    case lingering
  }

  private struct Request {
    var head: HTTPRequestHead
    var bodySize = 0
  }

  private let hub: ConnectionHub
  private let transport: ControlTransport
  private var phase = Phase.receiving(nil)
  private var context: ChannelHandlerContext?
  private var deadline: Scheduled<Void>?
  private var mustCloseAfterAnswer = false
  /// The event stream could not be written to when its last keep-alive was due.
  private var isStuck = false

  init(_ hub: ConnectionHub, _ transport: ControlTransport) {
    self.hub = hub
    self.transport = transport
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    setDeadline(hub.limits.requestTime)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .receiving(let request) = phase else { return }
    switch (unwrapInboundIn(data), request) {
    case (.head(let head), _):
      let size = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
      receive(Request(head: head), more: size)
      if case .receiving(.some) = phase { phase = .receiving(Request(head: head)) }
    case (.body(let bytes), .some(let request)):
      receive(request, more: bytes.readableBytes)
    case (.end, .some(let request)):
      answer(request)
    case (.body, .none), (.end, .none):
      break  // Cannot come without a head.
    }
  }

  private func receive(_ request: Request, more size: Int) {
    var request = request
    request.bodySize += size
    phase = .receiving(request)
    if request.bodySize > hub.limits.bodySize {
      refuse(.payloadTooLarge, "a body of at most \(hub.limits.bodySize) bytes is taken; this path needs none")
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else {
      return context.fireUserInboundEventTriggered(event)
    }
    switch phase {
    case .receiving, .streaming, .lingering: context.close(promise: nil)
    case .answering: mustCloseAfterAnswer = true
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    switch (phase, error as? HTTPParserError) {
    case (.receiving, .some(.headerOverflow)):
      refuse(.requestHeaderFieldsTooLarge, "header fields of at most \(hub.limits.headerSize) bytes are taken")
    case (.receiving, .some(let error)):
      refuse(.badRequest, "not an HTTP request: \(error)")
    case (.answering, _), (.streaming, _), (.lingering, _), (.receiving, .none):
      context.close(promise: nil)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    pump()
    context.fireChannelWritabilityChanged()
  }

  /// The server stops: an answer that is on its way is the last one.
  func finish() {
    switch phase {
    case .receiving, .streaming, .lingering: context?.close(promise: nil)
    case .answering: mustCloseAfterAnswer = true
    }
  }
}

// Answers.
extension ControlConnection {
  private func answer(_ request: Request) {
    phase = .answering
    // Nobody watches the client while the daemon is asked; the desk has a time-out of its own.
    deadline?.cancel()
    let head = request.head
    // What follows an upgrade is no HTTP, so nothing may follow it here.
    mustCloseAfterAnswer =
      mustCloseAfterAnswer || !head.isKeepAlive || head.method == .CONNECT || head.headers.contains(name: "upgrade")
    switch ControlRoute.find(head.method, head.uri, over: transport) {
    case .failure(let refusal): send(refusal, to: head.method)
    case .success(let route): answer(route, head)
    }
  }

  private func answer(_ route: ControlRoute, _ head: HTTPRequestHead) {
    switch route {
    case .index: send(.index, to: head.method)
    case .status: sendStatus(to: head.method) { .json(.ok, $0) }
    case .health: sendStatus(to: head.method, ControlResponse.health)
    case .metrics: sendStatus(to: head.method, ControlResponse.metrics)
    case .events: startStream(head)
    case .history: send(hub.desk.history, to: head.method)
    case .reload: perform(.reload, head.method)
    case .resume: perform(.resume, head.method)
    case .upgrade: perform(.upgrade, head.method)
    case .drain:
      do throws(ControlFailure) {
        perform(.drain(try DrainRequest(query: head.uri.drop { $0 != "?" }.dropFirst())), head.method)
      } catch {
        send(.json(.badRequest, error), to: head.method)
      }
    }
  }

  private func sendStatus(to method: HTTPMethod, _ render: @escaping (NodeStatus) -> ControlResponse) {
    hub.desk.status().assumeIsolated().whenComplete { result in
      switch result {
      case .success(let status): self.send(render(status), to: method)
      case .failure(let error):
        self.send(error as? ControlResponse ?? .refusal(.internalServerError, "\(error)"), to: method)
      }
    }
  }

  private func perform(_ command: StatusDesk.Command, _ method: HTTPMethod) {
    guard let caller = context.flatMap({ ControlCaller(of: $0.channel) }) else {
      return send(.refusal(.forbidden, "the kernel does not say who asks, so nobody may \(command.verb)"), to: method)
    }
    guard hub.authority.allows(caller) else {
      let refusal = ControlAuthority.refusal(of: caller, to: command.verb)
      hub.logger.warning("control: \(refusal)")
      return send(.refusal(.forbidden, refusal), to: method)
    }
    hub.logger.notice("control: \(caller.name) asked to \(command.verb)")
    hub.desk.perform(command).assumeIsolated().whenSuccess { self.send($0, to: method) }
  }

  /// Answers a request that is not looked at any further. The connection ends with it.
  private func refuse(_ status: HTTPResponseStatus, _ sentence: String) {
    phase = .answering
    mustCloseAfterAnswer = true
    send(.refusal(status, sentence), to: .GET)
  }

  private func send(_ response: ControlResponse, to method: HTTPMethod) {
    guard let context else { return }
    setDeadline(hub.limits.writeTime)
    var headers = HTTPHeaders(response.headers)
    headers.add(name: "Content-Type", value: response.contentType)
    headers.add(name: "Content-Length", value: String(response.body.count))
    headers.add(name: "Cache-Control", value: "no-store")
    if mustCloseAfterAnswer { headers.add(name: "Connection", value: "close") }
    let head = HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)
    let written = context.eventLoop.makePromise(of: Void.self)
    if method == .HEAD || response.body.isEmpty {
      context.writeAndFlush(wrapOutboundOut(.head(head)), promise: written)
    } else {
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      let body = context.channel.allocator.buffer(bytes: response.body)
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(body))), promise: written)
    }
    written.futureResult.assumeIsolated().whenComplete { result in
      switch result {
      // Not at once: a thousand requests in one packet must not become a thousand nested calls.
      case .success: context.eventLoop.assumeIsolated().execute { self.endAnswer() }
      case .failure: context.close(promise: nil)
      }
    }
  }

  /// The client has taken the answer.
  private func endAnswer() {
    guard let context, case .answering = phase else { return }
    guard mustCloseAfterAnswer else {
      phase = .receiving(nil)
      setDeadline(hub.limits.idleTime)
      // May bring the next request at once, so it comes last.
      return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
    phase = .lingering
    setDeadline(.seconds(1))
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    context.close(mode: .output, promise: nil)
  }

  private func setDeadline(_ time: TimeAmount) {
    deadline?.cancel()
    deadline = context?.eventLoop.assumeIsolated().scheduleTask(in: time) { self.deadlinePassed() }
  }

  private func deadlinePassed() {
    switch phase {
    case .receiving(.some): refuse(.requestTimeout, "the request was not whole in time")
    case .streaming: keepStreamAlive()
    // A client that has not finished a request's head cannot be answered; one that takes no answer need not be.
    case .receiving(.none), .answering, .lingering: context?.close(promise: nil)
    }
  }
}

// The event stream.
extension ControlConnection {
  private func startStream(_ head: HTTPRequestHead) {
    guard let context else { return }
    guard head.method == .GET else {
      return send(ControlResponse(status: .ok, contentType: "text/event-stream", body: []), to: head.method)
    }
    guard hub.addStream(self) else {
      return send(.refusal(.serviceUnavailable, "too many event streams; ask again later"), to: head.method)
    }
    let last = head.headers.first(name: "last-event-id").flatMap { UInt64($0) }
    let events = hub.source.events
    phase = .streaming(nextEvent: last.map(events.resumption(after:)) ?? events.nextNumber)
    setDeadline(hub.limits.keepAlive)
    let headers: HTTPHeaders = ["Content-Type": "text/event-stream", "Cache-Control": "no-store"]
    context.write(
      // In the client's version, since chunks are unknown to HTTP/1.0.
      wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .ok, headers: headers))), promise: nil)
    write(ServerSentEvent.comment("vipd's events"))
    pump()
    context.flush()
  }

  /// Writes what is new, as far as the client takes it.
  func pump() {
    guard let context, case .streaming(var next) = phase else { return }
    repeat {
      // Asked for even while the client takes nothing, to see when the ring has overtaken it.
      guard let batch = hub.source.events.events(from: next, limit: context.channel.isWritable ? 32 : 0) else {
        hub.logger.info("control: a reader of /v1/events was too slow and is disconnected")
        return context.close(promise: nil)
      }
      guard let last = batch.last else { break }
      for (number, event) in batch {
        guard let event = try? ServerSentEvent(event, id: number) else { continue }
        write(event.encoded)
      }
      next = last.number + 1
      isStuck = false
      context.flush()
    } while context.channel.isWritable
    phase = .streaming(nextEvent: next)
  }

  private func write(_ text: String) {
    guard let context else { return }
    context.write(wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: text)))), promise: nil)
  }

  private func keepStreamAlive() {
    guard let context else { return }
    setDeadline(hub.limits.keepAlive)
    if context.channel.isWritable {
      isStuck = false
      write(ServerSentEvent.comment("keep-alive"))
      context.flush()
    } else if isStuck {
      hub.logger.info("control: a reader of /v1/events takes nothing and is disconnected")
      context.close(promise: nil)
    } else {
      isStuck = true
    }
  }
}
