// What the control server's tests share: a daemon that is none, and a client that says exactly what it is told to.

import ControlAPI
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import VIPDaemon

/// A daemon that says what the test wants, and counts how often it was asked.
final class FakeDaemon: ControlSource {
  let history = {
    let history = TransitionHistory()
    for transition in TransitionRecord.sample.transitions { history.append(transition) }
    return history
  }()
  private struct State {
    var status: NodeStatus
    var statusCount = 0
    var reloads: [Result<String, ControlFailure>] = []
    var reloadCount = 0
    var drains: [DrainRequest?] = []
    var isFrozen = false
    var frozen: [CheckedContinuation<Void, Never>] = []
  }

  private let state: Mutex<State>
  let events: EventBroadcaster

  init(_ status: NodeStatus = .sample, events: EventBroadcaster = EventBroadcaster(firstNumber: 1000)) {
    state = Mutex(State(status: status))
    self.events = events
  }

  func status() async -> NodeStatus {
    state.withLock { $0.statusCount += 1 }
    await waitWhileFrozen()
    return state.withLock { $0.status }
  }

  func reload() async -> Result<String, ControlFailure> {
    state.withLock { $0.reloadCount += 1 }
    await waitWhileFrozen()
    return state.withLock { state in
      state.reloads.isEmpty ? .success("nothing changed") : state.reloads.removeFirst()
    }
  }

  func drain(_ request: DrainRequest) async -> Result<String, ControlFailure> {
    state.withLock { $0.drains.append(request) }
    return .success("drained")
  }

  func resume() async -> Result<String, ControlFailure> {
    state.withLock { $0.drains.append(nil) }
    return .success("resumed")
  }

  func upgrade() async -> Result<String, ControlFailure> { .failure(ControlFailure("nothing to replace it with")) }

  /// What it was asked for, nil for the end of it.
  var drains: [DrainRequest?] { state.withLock { $0.drains } }

  var reloadCount: Int { state.withLock { $0.reloadCount } }
  var statusCount: Int { state.withLock { $0.statusCount } }

  func set(_ change: @Sendable (inout NodeStatus) -> Void) { state.withLock { change(&$0.status) } }

  func answerNextReload(_ answer: Result<String, ControlFailure>) { state.withLock { $0.reloads.append(answer) } }

  /// Answers nothing any more, as a daemon that is stopped by a signal.
  func freeze() { state.withLock { $0.isFrozen = true } }

  func thaw() {
    let waiting = state.withLock { state in
      state.isFrozen = false
      defer { state.frozen = [] }
      return state.frozen
    }
    for continuation in waiting { continuation.resume() }
  }

  private func waitWhileFrozen() async {
    await withCheckedContinuation { continuation in
      let isFrozen = state.withLock { state in
        if state.isFrozen { state.frozen.append(continuation) }
        return state.isFrozen
      }
      if !isFrozen { continuation.resume() }
    }
  }
}

extension NodeStatus {
  static let sample = NodeStatus(
    cluster: "swarm-prod", node: "swarm1", version: "0.1.0", uptime: .milliseconds(12_300),
    virtualRouters: [
      VirtualRouterStatus(
        name: "ingress", family: .ipv4, vrid: 12, interface: "eth0", state: .active, since: .milliseconds(4_200),
        priority: 200, effectivePriority: 80, reason: "no other node is fitter",
        activeRouter: ActiveRouter(node: "swarm1", address: "10.0.10.31", priority: 80),
        addresses: [VirtualAddressStatus(address: "10.0.10.39/24", installed: true)], transitions: 1,
        advertisementsSent: 5, advertisementsReceived: 0, discarded: ["ttl": 2, "checksum": 0],
        adjustments: [PriorityAdjustment(tracker: "docker", amount: -120)], announcementsSent: 3,
        addressesLost: 2, conflicts: 1,
        deafLinks: [DeafLink(from: "swarm1", to: "swarm2")])
    ],
    trackers: [
      TrackerStatus(
        name: "docker", kind: "process", up: false, weight: -120, since: .seconds(12), detail: "no such process",
        duration: .milliseconds(3), checks: 20, timeouts: 2)
    ],
    peers: [
      PeerStatus(node: "swarm2", address: "10.0.10.32", lastHeard: nil),
      PeerStatus(
        node: "swarm3", address: "10.0.10.33", lastHeard: .milliseconds(400), checksum: "rfc9568", protocolVersion: 3,
        interval: .seconds(2), disagreements: ["ingress: swarm3 (10.0.10.33) advertises every 2s, …"]),
    ],
    health: NodeHealth(fit: true, problems: []),
    configuration: ConfigurationStatus(file: "/etc/vipd/vipd.yaml", digest: "a1b2", loaded: .seconds(12)),
    loop: LoopStatus(
      deadlines: 9, latenessMaximum: .milliseconds(2), latenessLast: .zero,
      latenessSum: 0.005,
      lateness: [
        LatenessBucket(within: 0.0001, deadlines: 7), LatenessBucket(within: 1, deadlines: 9),
      ]), upgrades: 2)
}

/// A directory of the test's own, which goes when the last user of it has gone.
final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/vipd-control-\(getpid())-XXXXXX".utf8CString)
    let made = mkdtemp(&template)
    precondition(made != nil, "cannot make a directory in /tmp")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    unlink(path + "/run/vipd.sock")
    unlink(path + "/vipd.sock")
    rmdir(path + "/run")
    rmdir(path)
  }
}

/// A control server with both listeners, stopped when `body` is done.
func withServer(
  _ daemon: FakeDaemon = FakeDaemon(), limits: ControlLimits = .patient,
  _ body: (ServerUnderTest) async throws -> Void
) async throws {
  let directory = TemporaryDirectory()
  let socket = try ControlSocket.bind(path: directory.path + "/vipd.sock")
  var logger = Logger(label: "control")
  logger.logLevel = .critical
  let server = try ControlServer.start(
    socket: socket, listen: "127.0.0.1:0", source: daemon, logger: logger, limits: limits)
  do {
    try await body(ServerUnderTest(server: server, daemon: daemon, path: socket.path))
  } catch {
    await server.stop()
    throw error
  }
  await server.stop()
}

extension ControlLimits {
  /// As they are, on a machine that may be busy with other tests.
  static var patient: ControlLimits {
    var limits = ControlLimits()
    limits.statusTime = .seconds(60)
    return limits
  }
}

struct ServerUnderTest {
  let server: ControlServer
  let daemon: FakeDaemon
  let path: String

  func connect(_ transport: ControlTransport = .unix, autoRead: Bool = true) async throws -> RawClient {
    switch transport {
    case .unix: try await RawClient(SocketAddress(unixDomainSocketPath: path), autoRead: autoRead)
    case .tcp: try await RawClient(SocketAddress(ipAddress: "127.0.0.1", port: server.tcpPort), autoRead: autoRead)
    }
  }

  /// One request on a connection of its own, and its whole answer.
  func ask(_ method: String, _ path: String, _ transport: ControlTransport = .unix, headers: String = "") async throws
    -> RawAnswer
  {
    let client = try await connect(transport)
    client.send("\(method) \(path) HTTP/1.1\r\nHost: vipd\r\nConnection: close\r\n\(headers)\r\n")
    return try RawAnswer(await client.everything())
  }
}

/// An HTTP answer, taken apart with a saw.
struct RawAnswer: Equatable {
  var status: Int
  var headers: [String: String]
  var body: String

  init(_ text: String) throws {
    guard let end = text.firstRange(of: "\r\n\r\n") else { throw ControlFailure("no HTTP answer: \(text)") }
    let lines = text[..<end.lowerBound].split(separator: "\r\n")
    status = lines.first.flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) } ?? 0
    headers = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = String(parts.last ?? "").trimmingPrefix(" ").description
    }
    body = String(text[end.upperBound...])
  }

  /// The sentence of `{"error": "…"}`.
  var error: String? { try? ControlJSON.decode(ControlFailure.self, from: body.utf8).error }
}

/// A connection that sends any bytes and keeps all that come back.
final class RawClient: Sendable {
  private let channel: any Channel
  private let received: Received

  init(_ address: SocketAddress, autoRead: Bool = true) async throws {
    let received = Received()
    self.received = received
    channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.autoRead, value: autoRead)
      .channelOption(.allowRemoteHalfClosure, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Collector(received)) }
      }
      .connect(to: address).get()
  }

  deinit { channel.close(promise: nil) }

  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

  /// Without effect where the server has closed already, and with that the channel.
  func closeOutput() async throws {
    do {
      try await channel.close(mode: .output).get()
    } catch let error as ChannelError where [.alreadyClosed, .ioOnClosedChannel].contains(error) {
    } catch let error as IOError where [ENOTCONN, EBADF].contains(error.errnoCode) {}
  }

  func close() async throws { try await channel.close().get() }

  /// What has come, once it contains `text` or the server has closed.
  func receive(until text: String) async throws -> String { try await received.text { $0.contains(text) } }

  /// All that comes until the server closes.
  func everything() async throws -> String { try await received.text { _ in false } }

  func receive(until isEnough: @escaping @Sendable (String) -> Bool) async throws -> String {
    try await received.text(isEnough)
  }

  /// Waits until the server has closed.
  func untilClosed() async throws { _ = try await everything() }

  /// What came over a connection, for one reader that waits.
  private final class Received: Sendable {
    private struct State {
      var bytes: [UInt8] = []
      var isClosed = false
      var waiting: (isEnough: @Sendable (String) -> Bool, promise: EventLoopPromise<String>)?
    }

    private let state = Mutex(State())

    func append(_ bytes: [UInt8]) { update { $0.bytes += bytes } }
    func close() { update { $0.isClosed = true } }

    private func update(_ change: (inout State) -> Void) {
      state.withLock { state in
        change(&state)
        let text = String(decoding: state.bytes, as: UTF8.self)
        if let waiting = state.waiting, state.isClosed || waiting.isEnough(text) {
          waiting.promise.succeed(text)
          state.waiting = nil
        }
      }
    }

    func text(_ isEnough: @escaping @Sendable (String) -> Bool) async throws -> String {
      let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
      let promise = eventLoop.makePromise(of: String.self)
      let timeout = eventLoop.scheduleTask(in: .seconds(30)) { [self] in
        let text = state.withLock { String(decoding: $0.bytes, as: UTF8.self) }
        promise.fail(ControlFailure("nothing more within 30 s, after: \(text)"))
      }
      update { $0.waiting = (isEnough, promise) }
      defer { timeout.cancel() }
      return try await promise.futureResult.get()
    }
  }

  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let received: Received

    init(_ received: Received) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      received.append(Array(unwrapInboundIn(data).readableBytesView))
    }

    func channelInactive(context: ChannelHandlerContext) { received.close() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      received.close()
      context.close(promise: nil)
    }
  }
}

extension ControlServer {
  /// The port that the kernel chose.
  var tcpPort: Int { tcpAddress?.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
}

extension TransitionRecord {
  static let sample = TransitionRecord(transitions: [
    ControlEvent(
      kind: .transition, message: "ingress: backup → active: no Active Router was heard", virtualRouter: "ingress",
      family: .ipv4, from: .backup, to: .active)
  ])
}
