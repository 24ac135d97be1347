// The control endpoint: HTTP on the Unix socket, for vipctl, and on TCP, for monitoring. All of it runs on one thread of
// NIO's, which does nothing while nobody asks, and which the VRRP thread never waits for.

import ControlAPI
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

public final class ControlServer: Sendable {
  private let group: MultiThreadedEventLoopGroup
  private let hub: ConnectionHub
  private let socket: ControlSocket?
  private let unixListener: Listener?
  private let tcpListener: Mutex<Listener?>

  /// Starts to answer. Does not block, and is not `async` either: a continuation resumes by way of the shared thread pool,
  /// whose first use leaves threads behind, one of which wakes up every second for as long as the daemon lives.
  ///
  /// - Parameters:
  ///   - socket: Bound before, by ``ControlSocket/bind(path:owner:)``. ``stop()`` closes it and removes its file.
  ///   - listen: An IP address and a port for TCP, `127.0.0.1:9112` or `[::1]:9112`; nil for none. Read-only.
  ///   - source: The daemon.
  ///   - authority: Who may give commands.
  ///   - descriptors: How many of them clients may take; nil for as many as they like.
  /// - Throws: Where the TCP address cannot be listened on. The socket is untouched then, so that a daemon may prefer to go
  ///   on without TCP, and call this again.
  public static func start(
    socket: ControlSocket?, listen: String?, source: any ControlSource, logger: Logger,
    authority: ControlAuthority = ControlAuthority(), descriptors: Int? = nil
  ) throws(ControlServerFailure) -> ControlServer {
    try start(
      socket: socket, listen: listen, source: source, logger: logger, authority: authority,
      limits: ControlLimits(descriptors: descriptors))
  }

  static func start(
    socket: ControlSocket?, listen: String?, source: any ControlSource, logger: Logger,
    authority: ControlAuthority = ControlAuthority(), limits: ControlLimits
  ) throws(ControlServerFailure) -> ControlServer {
    let tcp = try listen.map(TCPListeningSocket.init)
    return ControlServer(socket, tcp, source, logger, authority, limits)
  }

  private init(
    _ socket: ControlSocket?, _ tcp: TCPListeningSocket?, _ source: any ControlSource, _ logger: Logger,
    _ authority: ControlAuthority, _ limits: ControlLimits
  ) {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    hub = ConnectionHub(
      source, eventLoop: group.any(), limits: limits, authority: authority, logger: logger)
    self.socket = socket
    unixListener = socket.map { [hub] in Listener($0.descriptor, name: $0.path, .unix, hub) }
    tcpListener = Mutex(tcp.map { [hub] in Listener($0.descriptor, name: $0.name, .tcp, hub) })
  }

  /// Stops listening on TCP where it does, and listens at another address instead; nil for none.
  ///
  /// - Throws: Where the new address cannot be listened on. The old one is gone then.
  public func changeTCPListener(to listen: String?) async throws(ControlServerFailure) {
    let old = tcpListener.withLock { listener in
      defer { listener = nil }
      return listener
    }
    await old?.close()
    guard let new = try listen.map(TCPListeningSocket.init) else { return }
    tcpListener.withLock { $0 = Listener(new.descriptor, name: new.name, .tcp, hub) }
  }

  /// Where TCP is listened on: `127.0.0.1:9112`, with the port that the kernel chose for a port of 0; nil where it is not.
  public var tcpAddress: String? { tcpListener.withLock { $0?.name } }

  /// How many clients are connected.
  func connectionCount() async -> Int { await hub.connectionCount() }

  /// Stops to answer: event streams are closed, answers that are on their way get a moment, the socket's file is removed.
  ///
  /// - Parameter leavingFile: That of the socket stays, for whoever listens to it next.
  public func stop(leavingFile: Bool = false) async {
    if !leavingFile { socket?.removeFile() }
    await unixListener?.close()
    await tcpListener.withLock { $0 }?.close()
    await hub.close()
    // Fails only where it was shut down before.
    try? await group.shutdownGracefully()
  }
}

/// A listening descriptor, in NIO's hands.
private struct Listener: Sendable {
  let name: String
  private let channel: EventLoopFuture<any Channel>

  init(_ descriptor: CInt, name: String, _ transport: ControlTransport, _ hub: ConnectionHub) {
    self.name = name
    channel = ServerBootstrap(group: hub.eventLoop)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptPause(hub.logger))
        }
      }
      // A client may send its request, half-close, and wait for the answer: `nc -N` does.
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 32 << 10))
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try hub.welcome(channel, over: transport) }
      }
      .withBoundSocket(descriptor)
    // With a socket that listens already, only a mistake of ours fails here.
    channel.whenFailure { hub.logger.error("control: \(name): cannot accept connections: \($0)") }
  }

  func close() async {
    try? await channel.flatMap { $0.close() }.get()
  }
}

/// Waits a second when the process or the host has no descriptors left: the connection that cannot be accepted stays
/// ready, and trying again at once would do nothing else any more.
private final class AcceptPause: ChannelDuplexHandler {
  typealias InboundIn = Channel
  typealias OutboundIn = Channel

  private let logger: Logger
  private var isPausing = false
  private var readIsWanted = false

  init(_ logger: Logger) { self.logger = logger }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.fireErrorCaught(error)
    guard error is IOError, !isPausing else { return }
    logger.warning("control: cannot accept connections for now: \(error)")
    isPausing = true
    context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
      self.isPausing = false
      if self.readIsWanted {
        self.readIsWanted = false
        context.read()
      }
    }
  }

  func read(context: ChannelHandlerContext) {
    if isPausing {
      readIsWanted = true
    } else {
      context.read()
    }
  }
}
