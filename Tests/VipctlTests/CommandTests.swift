// The vipctl binary, run as an admin runs it, against the daemon's own control server.

import ControlAPI
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import VIPDaemon

@testable import vipctl

@Suite(.timeLimit(.minutes(3))) struct CommandTests {
  @Test func printsTheStatus() async throws {
    try await withDaemon { daemon in
      let table = try await vipctl("status", "--timeout", "30", "--socket", daemon.path)
      #expect(table.code == 0)
      #expect(table.output == StatusPage(.failedOver, width: 80, style: TextStyle(isColored: false)).text)
      // The same without the command's name, over TCP, and with the environment's socket.
      #expect(try await vipctl("--timeout", "30", "--socket", daemon.path) == table)
      #expect(try await vipctl("status", "--timeout", "30", "--url", "http://127.0.0.1:\(daemon.port)") == table)
      #expect(try await vipctl("status", "--timeout", "30", environment: ["VIPD_SOCKET=\(daemon.path)"]) == table)

      let colored = try await vipctl("status", "--color", "always", "--timeout", "30", "--socket", daemon.path)
      #expect(colored.output.contains("\u{1b}[1;31m"))
    }
  }

  @Test func printsTheDaemonsOwnJSON() async throws {
    try await withDaemon { daemon in
      let run = try await vipctl("status", "--json", "--timeout", "30", "--socket", daemon.path)
      #expect(run.code == 0)
      #expect(try ControlJSON.decode(NodeStatus.self, from: run.output.utf8) == .failedOver)
      #expect(run.output.hasSuffix("}\n"))
    }
  }

  @Test func probes() async throws {
    try await withDaemon { daemon in
      let run = try await vipctl("probe", "--timeout", "30", "--socket", daemon.path)
      #expect(run.code == 2)
      #expect(run.output == ProbeResult(.failedOver).line + "\n")
    }
    let down = try await vipctl("probe", "--socket", "/nonexistent/vipd.sock")
    #expect(down.code == 2)
    #expect(down.output.hasPrefix("VIPD CRITICAL - cannot reach vipd at /nonexistent/vipd.sock: no such file"))
  }

  @Test func upgrades() async throws {
    try await withDaemon { daemon in
      let command = ["upgrade", "--timeout", "30", "--socket", daemon.path]
      #expect(try await vipctl(command).output == "vipd 9 takes over\n")
      daemon.source.refuseReloads()
      let refused = try await vipctl(command)
      #expect(refused.code == 1 && refused.errors == "vipctl: vipd would not start\n")
    }
  }

  @Test func drainsAndResumes() async throws {
    try await withDaemon { daemon in
      let at = ["--timeout", "30", "--socket", daemon.path]
      let kept = try await vipctl(["drain"] + at)
      #expect(kept.code == 1)
      #expect(kept.errors == "vipctl: no other node has taken over ingress\n")
      #expect(try await vipctl(["drain", "--force"] + at).output == "stays away for ever\n")
      #expect(try await vipctl(["drain", "--force", "--for", "30m"] + at).output == "stays away for 1800 s\n")
      #expect(try await vipctl(["resume"] + at).output == "takes part again\n")
      for nonsense in ["30", "0s", "-5m", "soon", "9999999999999999999s", "400d"] {
        let refused = try await vipctl(["drain", "--for=" + nonsense] + at)
        #expect(refused.code == 64)
        #expect(refused.errors.contains("30m"))
      }
    }
  }

  @Test func reloads() async throws {
    try await withDaemon { daemon in
      #expect(try await vipctl("reload", "--timeout", "30", "--socket", daemon.path).output == "nothing changed\n")
      daemon.source.refuseReloads()
      let refused = try await vipctl("reload", "--timeout", "30", "--socket", daemon.path)
      #expect(refused.code == 1)
      #expect(refused.errors == "vipctl: vipd.yaml:3:5: unknown key\n")
      let overTCP = try await vipctl("reload", "--timeout", "30", "--url", "http://127.0.0.1:\(daemon.port)")
      #expect(overTCP.code == 1)
      #expect(overTCP.errors.contains("Unix socket"))
    }
  }

  @Test func saysWhyTheDaemonCannotBeReached() async throws {
    let missing = try await vipctl("status", "--socket", "/nonexistent/vipd.sock")
    #expect(missing.code == 1)
    #expect(
      missing.errors == """
        vipctl: cannot reach vipd at /nonexistent/vipd.sock: no such file or directory \
        (is vipd running? systemctl status vipd)

        """)

    let directory = TemporaryDirectory()
    let stale = try ControlSocket.bind(path: directory.path + "/vipd.sock")
    close(stale.descriptor)
    let refused = try await vipctl("status", "--socket", stale.path)
    #expect(refused.errors.contains("connection refused (is vipd running?"))

    let tcp = try await vipctl("status", "--url", "http://127.0.0.1:1")
    #expect(
      tcp.errors.hasPrefix("vipctl: cannot reach vipd at http://127.0.0.1:1: connection refused (is vipd running,"))

    let denied = ClientFailure.unreachable(.unix("/run/vipd/vipd.sock"), code: EACCES)
    #expect(
      denied.description == """
        cannot reach vipd at /run/vipd/vipd.sock: permission denied \
        (use sudo, or become a member of the group that the socket belongs to)
        """)
  }

  /// A daemon that is stopped by a signal still has its connections accepted by the kernel.
  @Test func doesNotWaitForAFrozenDaemon() async throws {
    let directory = TemporaryDirectory()
    let frozen = try ControlSocket.bind(path: directory.path + "/vipd.sock")
    defer { close(frozen.descriptor) }
    for arguments in [["status"], ["status", "--json"], ["reload"], ["probe"]] {
      let run = try await vipctl(arguments + ["--timeout", "0.3", "--socket", frozen.path])
      #expect(run.code == (arguments == ["probe"] ? 2 : 1))
      #expect((run.errors + run.output).contains("no answer within 0.3 s"))
    }
  }

  @Test func refusesWhatDoesNotAnswerAsVipd() async throws {
    for answer in [
      "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 404 Not\r\n\r\nno",
    ] {
      try await withServer(saying: answer) { path in
        let run = try await vipctl("status", "--timeout", "30", "--socket", path)
        #expect(run.code == 1)
        #expect(run.errors.contains("does not answer as vipd does"), "\(run.errors)")
        #expect(try await vipctl("probe", "--timeout", "30", "--socket", path).code == 3)
      }
    }
    try await withServer(saying: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"clus") { path in
      let run = try await vipctl("status", "--timeout", "30", "--socket", path)
      #expect(run.errors.contains("closed the connection"), "\(run.errors)")
    }
  }

  @Test func explainsItself() async throws {
    #expect(try await vipctl("--version").output == "vipctl \(vipdVersion)\n")
    let help = try await vipctl("--help")
    #expect(help.code == 0)
    for command in ["status", "watch", "probe", "reload", "drain", "resume", "upgrade"] {
      #expect(help.output.contains("  \(command)"))
    }
    for arguments in [
      ["status", "--timeout", "0"], ["status", "--socket", "/a", "--url", "http://b"], ["status", "--url", "b"],
      ["nonsense"],
    ] {
      let run = try await vipctl(arguments)
      #expect(run.code == 64)
      #expect(run.errors.contains("Usage: vipctl"))
    }
  }

  /// A line for each event, across a restart of the daemon.
  @Test func watchesAcrossARestart() async throws {
    let directory = TemporaryDirectory()
    let path = directory.path + "/vipd.sock"
    let watcher = try Spawned(vipctlPath, ["watch", "--socket", path])
    defer { watcher.kill() }
    #expect(try await watcher.errors(until: "trying again").contains("no such file or directory"))

    for life in ["first", "second"] {
      try await withDaemon(in: directory) { daemon in
        // Those that came before the watcher connects are not lost in the second life, and are in the first.
        try await daemon.untilConnected()
        daemon.source.events.publish(ControlEvent(time: "T", kind: .transition, message: "ingress: \(life) life"))
        _ = try await watcher.output(until: "T  ingress: \(life) life\n")
      }
    }
    #expect(try await watcher.errors(until: "closed the connection").contains("trying again"))
  }
}

/// A daemon's control server, with a source that says what the test wants.
private struct Daemon {
  let source: FakeSource
  let path: String
  let port: Int

  /// Waits until somebody follows the events.
  func untilConnected() async throws {
    let limit = ContinuousClock.now + .seconds(30)
    while source.events.listenerCount == 0 {
      guard ContinuousClock.now < limit else { throw ControlFailure("nobody has connected") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

private final class FakeSource: ControlSource {
  let history = TransitionHistory()
  let events = EventBroadcaster()
  private let refusesReloads = Mutex(false)
  private let upgrades = Mutex(0)

  func status() async -> NodeStatus {
    var status = NodeStatus.failedOver
    status.upgrades = upgrades.withLock { $0 == 0 ? nil : $0 }
    return status
  }

  func reload() async -> Result<String, ControlFailure> {
    refusesReloads.withLock { $0 }
      ? .failure(ControlFailure("vipd.yaml:3:5: unknown key")) : .success("nothing changed")
  }

  func drain(_ request: DrainRequest) async -> Result<String, ControlFailure> {
    request.isForced
      ? .success("stays away for \(request.duration.map { "\($0.components.seconds) s" } ?? "ever")")
      : .failure(ControlFailure("no other node has taken over ingress"))
  }

  func resume() async -> Result<String, ControlFailure> { .success("takes part again") }

  func upgrade() async -> Result<String, ControlFailure> {
    guard refusesReloads.withLock({ !$0 }) else { return .failure(ControlFailure("vipd would not start")) }
    upgrades.withLock { $0 += 1 }
    return .success("vipd 9 takes over")
  }

  func refuseReloads() { refusesReloads.withLock { $0 = true } }
}

private func withDaemon(
  in directory: TemporaryDirectory = TemporaryDirectory(), _ body: (Daemon) async throws -> Void
) async throws {
  let source = FakeSource()
  let socket = try ControlSocket.bind(path: directory.path + "/vipd.sock")
  let server = try ControlServer.start(
    socket: socket, listen: "127.0.0.1:0", source: source,
    logger: Logger(label: "control") { _ in SwiftLogNoOpLogHandler() })
  do {
    try await body(
      Daemon(
        source: source, path: socket.path, port: server.tcpAddress?.split(separator: ":").last.flatMap { Int($0) } ?? 0)
    )
  } catch {
    await server.stop()
    throw error
  }
  await server.stop()
}

/// Something at a Unix socket that says `answer` to whoever asks, and closes.
private func withServer(saying answer: String, _ body: (String) async throws -> Void) async throws {
  let directory = TemporaryDirectory()
  let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
    .childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Sayer(answer)) }
    }
    .childChannelOption(.allowRemoteHalfClosure, value: true)
    .bind(unixDomainSocketPath: directory.path + "/vipd.sock").get()
  do {
    try await body(directory.path + "/vipd.sock")
  } catch {
    try await server.close()
    throw error
  }
  try await server.close()
}

private final class Sayer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let answer: String

  init(_ answer: String) { self.answer = answer }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    context.close(mode: .output, promise: nil)
  }
}

/// A directory of the test's own, which goes when the last user of it has gone.
private final class TemporaryDirectory: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/vipctl-test-\(getpid())-XXXXXX".utf8CString)
    let made = mkdtemp(&template)
    precondition(made != nil, "cannot make a directory in /tmp")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    unlink(path + "/vipd.sock")
    rmdir(path)
  }
}
