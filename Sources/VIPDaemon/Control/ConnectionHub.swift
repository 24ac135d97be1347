// What the connections of the control server share: the desk that asks the daemon, the event streams, and the count that
// keeps them bounded. All of it belongs to the one event loop.

import ControlAPI
import Logging
import NIOCore
import NIOHTTP1

final class ConnectionHub: Sendable {
  let source: any ControlSource
  let eventLoop: any EventLoop
  let limits: ControlLimits
  let authority: ControlAuthority
  let logger: Logger
  let desk: StatusDesk

  private struct State {
    var connections: [ObjectIdentifier: ControlConnection] = [:]
    var counts: [ControlTransport: Int] = [:]
    var streams: [ObjectIdentifier: ControlConnection] = [:]
    /// The broadcaster's, while there is a stream to pump into.
    var listener: UInt64?
    var whenEmpty: EventLoopPromise<Void>?
  }

  private let state: NIOLoopBoundBox<State>

  init(
    _ source: any ControlSource, eventLoop: any EventLoop, limits: ControlLimits, authority: ControlAuthority,
    logger: Logger
  ) {
    self.source = source
    self.eventLoop = eventLoop
    self.limits = limits
    self.authority = authority
    self.logger = logger
    desk = StatusDesk(source, eventLoop: eventLoop, limits: limits)
    state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: eventLoop)
  }

  /// Prepares a connection that was just accepted.
  func welcome(_ channel: any Channel, over transport: ControlTransport) throws {
    let isCrowded = state.value.counts[transport, default: 0] >= limits.connections || state.value.whenEmpty != nil
    guard !isCrowded else { return try channel.pipeline.syncOperations.addHandler(Overcrowded()) }
    state.value.counts[transport, default: 0] += 1
    let connection = ControlConnection(self, transport)
    let id = ObjectIdentifier(connection)
    state.value.connections[id] = connection
    channel.closeFuture.assumeIsolated().whenComplete { _ in self.farewell(id, transport) }

    var decoding = NIOHTTPDecoderLimitConfiguration()
    decoding.maxHeaderFieldSize = limits.headerSize
    decoding.maxHeaderListSize = limits.headerSize
    decoding.maxHeaderFieldCount = 100
    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
      withErrorHandling: false, withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoding)
    try channel.pipeline.syncOperations.addHandler(connection)
  }

  private func farewell(_ id: ObjectIdentifier, _ transport: ControlTransport) {
    removeStream(id)
    state.value.connections[id] = nil
    state.value.counts[transport, default: 0] -= 1
    if state.value.connections.isEmpty { state.value.whenEmpty?.succeed() }
  }

  /// Has the connection woken for events.
  ///
  /// - Returns: False where there are too many streams.
  func addStream(_ connection: ControlConnection) -> Bool {
    guard state.value.streams.count < limits.eventStreams else { return false }
    state.value.streams[ObjectIdentifier(connection)] = connection
    if state.value.listener == nil {
      state.value.listener = source.events.listen { [weak self] in
        guard let self else { return }
        eventLoop.execute { self.pump() }
      }
    }
    return true
  }

  func removeStream(_ id: ObjectIdentifier) {
    state.value.streams[id] = nil
    if state.value.streams.isEmpty, let listener = state.value.listener {
      source.events.removeListener(listener)
      state.value.listener = nil
    }
  }

  private func pump() {
    if let listener = state.value.listener { source.events.rearm(listener) }
    for stream in state.value.streams.values { stream.pump() }
  }

  func connectionCount() async -> Int {
    (try? await eventLoop.submit { self.state.value.connections.count }.get()) ?? 0
  }

  /// Closes all connections; those that are being answered get a moment for it.
  func close() async {
    let empty = eventLoop.makePromise(of: Void.self)
    eventLoop.execute {
      self.state.value.whenEmpty = empty
      for connection in self.state.value.connections.values { connection.finish() }
      if self.state.value.connections.isEmpty { empty.succeed() }
    }
    let timeout = eventLoop.scheduleTask(in: .milliseconds(300)) { empty.succeed() }
    try? await empty.futureResult.get()
    timeout.cancel()
  }
}

/// Turns a connection away that is one too many.
private final class Overcrowded: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let answer = {
    let body = "{\"error\": \"too many connections; ask again later\"}\n"
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n"
      + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body
  }()

  func channelActive(context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.answer)), promise: nil)
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
