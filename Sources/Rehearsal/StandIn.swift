// Stand-ins for what runs on a real host: hidden modes of `vipctl`, which a rehearsal starts in its nodes.

import CLinux
import Glibc

public enum StandIn {
  /// Runs a stand-in until it is killed, or a check to its end.
  ///
  /// - `http --port N --name NAME`: an HTTP service that answers everything with NAME
  /// - `engine --socket PATH --state FILE`: a container engine that says of itself what the file says
  /// - `process`: does nothing; called through a link, it bears the link's name
  /// - `testbed`: keeps a test bed with a frozen node until it is killed, for the test of what comes after;
  ///   and `sweep`, which undoes what such a one has left
  /// - `/path/to/check [--port N] …`: as the interpreter of a stand-in for a check script: is there an HTTP service here?
  ///
  /// - Returns: the exit status.
  public static func main(_ arguments: [String]) -> Int32 {
    switch arguments.first {
    case "http":
      guard let port = option("--port", in: arguments).flatMap({ UInt16($0) }) else {
        return complain("http needs --port N")
      }
      let name = option("--name", in: arguments) ?? "?"
      do {
        let service = try HTTPStandIn(port: port, answer: name)
        service.run()
      } catch {
        return complain("\(error)")
      }
    case "engine":
      guard let socket = option("--socket", in: arguments), let state = option("--state", in: arguments) else {
        return complain("engine needs --socket PATH and --state FILE")
      }
      do {
        try EngineStandIn(socket: socket, stateFile: state).run()
      } catch {
        return complain("\(error)")
      }
    case "process":
      while true { pause() }
    case "testbed":
      return holdTestbed()
    case "sweep":
      Journal.sweep()
      return 0
    case let path? where path.hasPrefix("/"):
      return check(port: servicePort(in: Array(arguments.dropFirst())) ?? 80)
    default:
      return complain("unknown stand-in \(arguments.first ?? "")")
    }
  }

  /// The port that a check's arguments speak of: `--port 443`, `--port=443`, `-p 443`, or a URL's.
  public static func servicePort(in arguments: [String]) -> UInt16? {
    for (index, argument) in arguments.enumerated() {
      if argument == "--port" || argument == "-p", index + 1 < arguments.count, let port = UInt16(arguments[index + 1])
      {
        return port
      }
      if argument.hasPrefix("--port="), let port = UInt16(argument.dropFirst("--port=".count)) { return port }
      if let port = urlPort(argument) { return port }
    }
    return nil
  }

  private static func urlPort(_ text: String) -> UInt16? {
    for (scheme, standard) in [("http://", UInt16(80)), ("https://", 443)] where text.hasPrefix(scheme) {
      let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
      guard let colon = authority.lastIndex(of: ":"), authority.last != "]" else { return standard }
      return UInt16(authority[authority.index(after: colon)...])
    }
    return nil
  }

  private static func option(_ name: String, in arguments: [String]) -> String? {
    guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
    return arguments[index + 1]
  }

  private static func complain(_ text: String) -> Int32 {
    _ = Files.writeAll("stand-in: \(text)\n", to: 2)
    return 2
  }

  private static func holdTestbed() -> Int32 {
    do {
      let testbed = try Testbed(.lan(nodes: 2))
      let sleeper = try testbed.nodes[0].spawn("sleep", ["1000"])
      try testbed.nodes[0].stopAll()
      _ = Files.writeAll("\(testbed.identifier) \(sleeper.processIdentifier)\n", to: 1)
      while true { pause() }
    } catch {
      return complain("\(error)")
    }
  }

  /// Whether an HTTP service answers on this host within a second: 0 or 1.
  private static func check(port: UInt16) -> Int32 {
    guard let target = SocketAddress("127.0.0.1", port: port) else { return 1 }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard target.withPointer({ connect(descriptor, $0, $1) }) == 0 else {
      _ = Files.writeAll("127.0.0.1:\(port): \(systemMessage(errno))\n", to: 2)
      return 1
    }
    let request = "GET / HTTP/1.0\r\n\r\n"
    guard Files.writeAll(request, to: descriptor) == 0 else { return 1 }
    var reader = AnswerReader()
    switch reader.read(Files.drain(descriptor), isComplete: true) {
    case .good: return 0
    case .bad, .incomplete:
      _ = Files.writeAll("127.0.0.1:\(port): no good answer\n", to: 2)
      return 1
    }
  }
}

/// An HTTP service of one fixed answer, quick enough for a thousand connections a second at little cost.
private final class HTTPStandIn {
  private let epoll: Int32
  private var listeners: Set<Int32> = []
  private let answer: [UInt8]
  private var buffer = [UInt8](repeating: 0, count: 4096)
  /// What has arrived of the requests that did not come at once.
  private var unfinished: [Int32: [UInt8]] = [:]

  init(port: UInt16, answer: String) throws(TestbedError) {
    let body = "\(answer)\n"
    self.answer = Array(
      "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    for address in ["0.0.0.0", "::"] {
      guard let descriptor = try Self.listen(on: address, port: port) else { continue }
      listeners.insert(descriptor)
      watch(descriptor)
    }
  }

  /// Nil where the host has no IPv6.
  private static func listen(on address: String, port: UInt16) throws(TestbedError) -> Int32? {
    guard let local = SocketAddress(address, port: port) else { return nil }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(local.family, kind, 0)
    guard descriptor >= 0 else { return nil }
    var on: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
    if local.family == AF_INET6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) }
    // Wakes us only when the request is there too.
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, &on, size)
    guard local.withPointer({ bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 4096) == 0 else {
      throw TestbedError("cannot listen on \(local.host):\(port)", errno: errno)
    }
    return descriptor
  }

  func run() -> Never {
    signal(SIGPIPE, SIG_IGN)
    // Part of the instrument: what is measured is the address, not how busy the machine is.
    _ = vipd_schedule_thread_promptly(1)
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while true {
      let count = epoll_wait(epoll, &events, Int32(events.count), -1)
      guard count > 0 else { continue }
      for event in events[..<Int(count)] {
        let descriptor = Int32(event.data.fd)
        if listeners.contains(descriptor) { acceptAll(descriptor) } else { serve(descriptor, isWatched: true) }
      }
    }
  }

  private func acceptAll(_ listener: Int32) {
    while true {
      let connection = vipd_accept(listener)
      guard connection >= 0 else { return }
      serve(connection, isWatched: false)
    }
  }

  private func serve(_ connection: Int32, isWatched: Bool) {
    let count = recv(connection, &buffer, buffer.count, 0)
    if count < 0, errno == EAGAIN {
      if !isWatched { watch(connection) }
      return
    }
    // To close while a part of the request is still to come would reset the connection, and the answer might be lost.
    if count > 0, !hasRequest(on: connection, with: buffer[..<count]) {
      if !isWatched { watch(connection) }
      return
    }
    if count > 0 { send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) }
    unfinished[connection] = nil
    close(connection)
  }

  /// Whether the empty line that ends a request's head has arrived, or more than any head takes.
  private func hasRequest(on connection: Int32, with part: ArraySlice<UInt8>) -> Bool {
    let emptyLine = Array("\r\n\r\n".utf8)
    // Almost always the whole request arrives at once.
    if part.suffix(4).elementsEqual(emptyLine) { return true }
    let head = (unfinished[connection] ?? []) + part
    if head.count >= buffer.count || head.suffix(4).elementsEqual(emptyLine) { return true }
    unfinished[connection] = head
    return false
  }

  private func watch(_ descriptor: Int32) {
    var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: descriptor))
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
  }
}
