// A web server for tests: it answers as it is told, or not at all, over TCP, TLS or a Unix socket.

import CLibssl
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import HealthProbes

final class StandInServer: Sendable {
  struct Request: Sendable, Hashable {
    var method: String
    var target: String
    var host: String
  }

  enum Reply: Sendable {
    case answer(Int, String)
    /// The connection stays open, and nothing is said.
    case silence
    /// As HTTP/1.0 did: the body ends where the connection does.
    case untilTheEnd(String)
    /// The connection is closed in the middle of an answer.
    case rupture
  }

  private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let channel: any Channel
  private let state: Mutex<State>

  private struct State {
    var reply: @Sendable (Request) -> Reply
    var requests: [Request] = []
    var silenced: [any Channel] = []
  }

  var requests: [Request] { state.withLock { $0.requests } }
  var port: UInt16 { UInt16(channel.localAddress?.port ?? 0) }
  /// Where it listens, if that is a port.
  var endpoint: ServiceEndpoint { .tcp(host: "127.0.0.1", port: port) }

  /// - Parameters:
  ///   - socket: the path of a Unix socket; nil for a port of 127.0.0.1.
  ///   - tls: a certificate and its key, as files.
  convenience init(
    socket: String? = nil, tls files: (certificate: String, key: String),
    _ reply: @escaping @Sendable (Request) -> Reply
  ) async throws {
    let settings = try TLSSettings(TLS_server_method())
    try settings.use(certificates: files.certificate, key: files.key)
    try await self.init(socket: socket, tls: settings, reply)
  }

  /// - Parameter hangsUp: whether it closes every connection once something came over it.
  init(
    socket: String? = nil, tls settings: TLSSettings? = nil, hangsUp: Bool = false,
    _ reply: @escaping @Sendable (Request) -> Reply
  ) async throws {
    let state = Mutex(State(reply: reply))
    let box = Box()
    let bootstrap = ServerBootstrap(group: Self.group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if hangsUp { return try channel.pipeline.syncOperations.addHandler(HangUp()) }
          if let settings { try channel.pipeline.syncOperations.addHandler(TLSHandler(accepting: settings)) }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Answerer { box.server?.reply(to: $0, on: $1) ?? .silence })
        }
      }
    channel =
      if let socket {
        try await bootstrap.bind(unixDomainSocketPath: socket, cleanupExistingSocketFile: true).get()
      } else {
        try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      }
    self.state = state
    box.set(self)
  }

  private final class Box: Sendable {
    private let weak = Mutex<Weak>(Weak())
    private struct Weak { weak var server: StandInServer? }
    var server: StandInServer? { weak.withLock { $0.server } }
    func set(_ server: StandInServer) { weak.withLock { $0.server = server } }
  }

  /// From now on it answers otherwise; those who wait for an answer get it.
  func answer(_ reply: @escaping @Sendable (Request) -> Reply) { state.withLock { $0.reply = reply } }

  func close() async throws {
    for channel in state.withLock({ $0.silenced }) { channel.close(promise: nil) }
    try await channel.close()
  }

  /// How many connections wait for an answer that does not come.
  var silenced: Int { state.withLock { $0.silenced.count { $0.isActive } } }

  private func reply(to request: Request, on channel: any Channel) -> Reply {
    let reply = state.withLock { state in
      state.requests.append(request)
      return state.reply
    }(request)
    if case .silence = reply { state.withLock { $0.silenced.append(channel) } }
    return reply
  }
}

/// Reads before it closes: what nobody has read would have the kernel reset the connection.
private final class HangUp: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}

private final class Answerer: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let reply: @Sendable (StandInServer.Request, any Channel) -> StandInServer.Reply

  init(_ reply: @escaping @Sendable (StandInServer.Request, any Channel) -> StandInServer.Reply) { self.reply = reply }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(let head) = unwrapInboundIn(data) else { return }
    let request = StandInServer.Request(
      method: head.method.rawValue, target: head.uri, host: head.headers.first(name: "host") ?? "")
    switch reply(request, context.channel) {
    case .silence: return
    case .untilTheEnd(let body):
      context.write(wrapOutboundOut(.head(.init(version: .http1_0, status: .ok))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
      context.close(promise: nil)
    case .rupture:
      let headers: HTTPHeaders = ["Content-Length": "100"]
      context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: headers))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "half")))), promise: nil)
      context.close(promise: nil)
    case .answer(let status, let body):
      let headers: HTTPHeaders = ["Content-Length": "\(body.utf8.count)"]
      let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}

extension TLSSettings {
  /// - Parameters: paths of PEM files.
  func use(certificates: String, key: String) throws {
    try #require(SSL_CTX_use_certificate_chain_file(context, certificates) == 1)
    try #require(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1)
  }
}

extension TLSHandler {
  convenience init(accepting settings: TLSSettings) throws {
    try self.init(settings, peer: nil)
    SSL_set_accept_state(session)
  }
}

/// The result of a tracker's first check.
func firstReport(
  _ kind: TrackerDefinition.Kind, timeout: Duration = .seconds(60)
) async throws -> TrackerReport {
  let definition = TrackerDefinition(name: "test", kind: kind, interval: .seconds(60), timeout: timeout)
  var report: TrackerReport?
  await withTracker(definition) { log in
    await eventually("a report of \(kind)") { log.last != nil }
    report = log.reports.first
  }
  return try #require(report)
}
