// The control endpoint: HTTP on the Unix socket, for vipctl, and on TCP, for monitoring. All of it runs on one thread of
// NIO's, which does nothing while nobody asks, and which the VRRP thread never waits for.

import ControlAPI
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

public final class ControlServer: Sendable {
  private let group: MultiThreadedEventLoopGroup
  private let hub: ConnectionHub
  private let socket: ControlSocket?
  private let unixListener: (any Channel)?
  private let tcpListener: Mutex<(any Channel)?>

  /// Starts to answer.
  ///
  /// - Parameters:
  ///   - socket: Bound before, by ``ControlSocket/bind(path:owner:)``. ``stop()`` closes it and removes its file.
  ///   - listen: An IP address and a port for TCP, `127.0.0.1:9112` or `[::1]:9112`; nil for none. Read-only.
  ///   - source: The daemon.
  /// - Throws: Where the TCP address cannot be listened on. The socket is untouched then, so that a daemon may prefer to go
  ///   on without TCP, and call this again.
  public static func start(
    socket: ControlSocket?, listen: String?, source: any ControlSource, logger: Logger
  ) async throws(ControlServerFailure) -> ControlServer {
    try await start(socket: socket, listen: listen, source: source, logger: logger, limits: ControlLimits())
  }

  static func start(
    socket: ControlSocket?, listen: String?, source: any ControlSource, logger: Logger, limits: ControlLimits
  ) async throws(ControlServerFailure) -> ControlServer {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let hub = ConnectionHub(source, eventLoop: group.any(), limits: limits, logger: logger)
    do throws(ControlServerFailure) {
      // TCP first: it may fail, and then the socket has not been touched.
      let tcp = try await bind(listen, hub)
      let unix = try await adopt(socket, hub)
      return ControlServer(group, hub, socket, unix, tcp)
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// Stops listening on TCP where it does, and listens at another address instead; nil for none.
  ///
  /// - Throws: Where the new address cannot be listened on. The old one is gone then.
  public func changeTCPListener(to listen: String?) async throws(ControlServerFailure) {
    let old = tcpListener.withLock { listener in
      defer { listener = nil }
      return listener
    }
    try? await old?.close()
    let new = try await Self.bind(listen, hub)
    tcpListener.withLock { $0 = new }
  }

  /// Where TCP is listened on; what port 0 became.
  public var tcpPort: Int? { tcpListener.withLock { $0?.localAddress?.port } }

  /// How many clients are connected.
  var connectionCount: Int {
    get async { await hub.connectionCount() }
  }

  /// Stops to answer: event streams are closed, answers that are on their way get a moment, the socket's file is removed.
  public func stop() async {
    socket?.removeFile()
    try? await unixListener?.close()
    let tcp = tcpListener.withLock { $0 }
    try? await tcp?.close()
    await hub.close()
    // Fails only where it was shut down before.
    try? await group.shutdownGracefully()
  }

  private init(
    _ group: MultiThreadedEventLoopGroup, _ hub: ConnectionHub, _ socket: ControlSocket?,
    _ unixListener: (any Channel)?, _ tcpListener: (any Channel)?
  ) {
    self.group = group
    self.hub = hub
    self.socket = socket
    self.unixListener = unixListener
    self.tcpListener = Mutex(tcpListener)
  }
}

/// Why the control server does not listen: one sentence with the address, the cause and what to do.
public struct ControlServerFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
}

extension ControlServer {
  private static func bootstrap(_ transport: ControlTransport, _ hub: ConnectionHub) -> ServerBootstrap {
    ServerBootstrap(group: hub.eventLoop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
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
  }

  private static func bind(_ listen: String?, _ hub: ConnectionHub) async throws(ControlServerFailure)
    -> (any Channel)?
  {
    guard let listen else { return nil }
    let address = try socketAddress(listen)
    do {
      return try await bootstrap(.tcp, hub).bind(to: address).get()
    } catch {
      throw ControlServerFailure(description: "\(listen): cannot listen: \(cause(of: error))")
    }
  }

  private static func adopt(_ socket: ControlSocket?, _ hub: ConnectionHub) async throws(ControlServerFailure)
    -> (any Channel)?
  {
    guard let socket else { return nil }
    do {
      return try await bootstrap(.unix, hub).withBoundSocket(socket.descriptor).get()
    } catch {
      throw ControlServerFailure(description: "\(socket.path): cannot accept connections: \(cause(of: error))")
    }
  }

  /// Reads `127.0.0.1:9112` or `[::1]:9112`. Names are not looked up: that could take for ever.
  private static func socketAddress(_ text: String) throws(ControlServerFailure) -> SocketAddress {
    let parts = text.lastIndex(of: ":").map { (text[..<$0], text[text.index(after: $0)...]) }
    var host = parts?.0 ?? ""
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    guard let port = parts.flatMap({ UInt16($0.1) }),
      let address = try? SocketAddress(ipAddress: String(host), port: Int(port))
    else {
      throw ControlServerFailure(
        description: "\(text): not an IP address and a port; write it as 127.0.0.1:9112 or [::1]:9112")
    }
    return address
  }

  private static func cause(of error: any Error) -> String {
    guard let error = error as? IOError else { return "\(error)" }
    let remedy =
      switch error.errnoCode {
      case EADDRINUSE: " (another program listens there; name another port under control.listen, or `off`)"
      case EADDRNOTAVAIL: " (this host does not hold that address; name another under control.listen, or `off`)"
      case EACCES: " (ports below 1024 need more rights than vipd keeps; name a higher one under control.listen)"
      default: ""
      }
    return String(cString: strerror(error.errnoCode)) + remedy
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
