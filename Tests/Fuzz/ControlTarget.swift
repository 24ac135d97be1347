// The control endpoint: a real server on a Unix socket, to which each input is what one client says. Whatever that is, the
// server answers in HTTP or not at all, and goes on answering others.

import ControlAPI
import Glibc
import Logging
import VIPDaemon

enum ControlTarget: FuzzTarget {
  static let name = "control"

  static let words = [
    "GET ", "HEAD ", "POST ", "CONNECT ", "/v1/status", "/v1/history", "/v1/events", "/v1/reload", "/v1/drain",
    "/v1/resume",
    "/v1/upgrade", "/metrics", "/healthz", "?pretty", "?for=30", "&force=true", " HTTP/1.1\r\n", " HTTP/1.0\r\n",
    "\r\n\r\n",
    "Content-Length: ", "Transfer-Encoding: chunked", "Connection: keep-alive", "Connection: close", "Upgrade: h2c",
    "Expect: 100-continue", "Last-Event-ID: ", "Host: vipd", "0\r\n\r\n",
  ]

  static var seeds: [[UInt8]] {
    [
      "GET / HTTP/1.1\r\nHost: vipd\r\n\r\n", "GET /v1/status?pretty HTTP/1.0\r\n\r\n",
      "HEAD /metrics HTTP/1.1\r\n\r\n",
      "GET /v1/events HTTP/1.1\r\nLast-Event-ID: 3\r\n\r\n", "POST /v1/drain?for=30&force=true HTTP/1.1\r\n\r\n",
      "POST /v1/reload HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
      "POST /v1/resume HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "GET /healthz HTTP/1.1\r\n\r\nGET /v1/history HTTP/1.1\r\nConnection: close\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ].map { Array($0.utf8) }
  }

  static func judge(_ input: [UInt8]) {
    let answer = client.ask(input)
    promise(answer.isEmpty || answer.starts(with: Array("HTTP/1.".utf8)), "it answers \(answer.prefix(40))")
    asked += 1
    guard asked.isMultiple(of: 50) || answer.isEmpty else { return }
    // However busy the machine is.
    let health = client.ask(
      Array("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n".utf8), patience: .seconds(60))
    promise(health.starts(with: Array("HTTP/1.1 200 ".utf8)), "another one gets \(health.prefix(40))")
  }

  /// libFuzzer has one thread.
  private nonisolated(unsafe) static var asked = 0
  private static let client = Client()
}

/// The server, and whoever asks it.
private struct Client {
  private let path = "/tmp/vipd-fuzz-\(getpid()).sock"
  private let server: ControlServer

  init() {
    do {
      let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
      let socket = try ControlSocket.bind(path: path)
      server = try ControlServer.start(socket: socket, listen: nil, source: FittestDaemon(), logger: logger)
    } catch {
      fatalError("\(error)")
    }
    // The socket lives on without its name for those who are connected; each input connects anew, so the name stays.
    atexit { unlink("/tmp/vipd-fuzz-\(getpid()).sock") }
  }

  /// Says all of it, and nothing more; returns what comes until the server closes, or begins to tell of events.
  ///
  /// - Parameter patience: for each part of the answer. A client that has stopped in the middle of a request is not always
  ///   noticed before the request's time is over.
  func ask(_ bytes: [UInt8], patience: Duration = .seconds(2)) -> [UInt8] {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let connected = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    promise(connected == 0, "nobody listens: \(String(cString: strerror(errno)))")
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    shutdown(descriptor, Int32(SHUT_WR))
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      guard poll(&waiting, 1, Int32(patience / .milliseconds(1))) == 1 else { return answer }
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { return answer }
      answer += chunk[..<count]
      if String(decoding: answer.suffix(1024), as: UTF8.self).contains("text/event-stream") { return answer }
    }
  }
}

/// Does whatever it is asked for.
private struct FittestDaemon: ControlSource {
  let history = TransitionHistory()
  let events = EventBroadcaster()

  func status() async -> NodeStatus {
    NodeStatus(
      cluster: "c", node: "n", version: "v", uptime: .seconds(1), virtualRouters: [], trackers: [], peers: [])
  }

  func reload() async -> Result<String, ControlFailure> { .success("reloaded") }
  func drain(_ request: DrainRequest) async -> Result<String, ControlFailure> { .success("drained") }
  func resume() async -> Result<String, ControlFailure> { .success("resumed") }
  func upgrade() async -> Result<String, ControlFailure> { .success("upgraded") }
}
