// One question to a daemon's control socket in a node, from outside the node: HTTP/1.0, one exchange for each connection.

import CLinux
import Glibc

/// What a daemon answered on its control socket.
public struct ControlAnswer: Sendable, Hashable {
  /// HTTP's status code.
  public var status: Int
  public var body: [UInt8]

  public var text: String { String(decoding: body, as: UTF8.self) }
}

extension TestbedNode {
  /// Asks the daemon in this node. Blocks for as long as the answer takes, but no longer than five seconds.
  ///
  /// - Parameter socket: below the node's `/run`.
  /// - Throws: `TestbedError` where nobody listens there, or where what came back is no HTTP.
  public func ask(
    _ path: String, method: String = "GET", socket: String = "vipd/vipd.sock"
  ) throws(TestbedError) -> ControlAnswer {
    let subject = "\(name): \(method) \(path)"
    let descriptor = try connected(to: "\(runDirectory)/\(socket)", subject)
    defer { close(descriptor) }
    let failure = Files.writeAll(
      "\(method) \(path) HTTP/1.0\r\nHost: \(name)\r\nContent-Length: 0\r\n\r\n", to: descriptor)
    guard failure == 0 else { throw TestbedError(subject, errno: failure) }
    guard let answer = ControlAnswer(Files.drain(descriptor)) else {
      throw TestbedError(subject, cause: "no HTTP answer within 5 s")
    }
    return answer
  }

  private func connected(to path: String, _ subject: String) throws(TestbedError) -> Int32 {
    guard let address = SocketAddress(path: path) else {
      throw TestbedError(subject, cause: "\(path) is too long for a socket's name")
    }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TestbedError(subject, errno: errno) }
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let result = address.withPointer { connect(descriptor, $0, $1) }
    guard result == 0 else {
      let number = errno
      close(descriptor)
      throw TestbedError(subject, errno: number)
    }
    return descriptor
  }
}

extension ControlAnswer {
  /// Nil unless `bytes` begin with a status line and hold the empty line before the body.
  fileprivate init?(_ bytes: [UInt8]) {
    let separator = Array("\r\n\r\n".utf8)
    let starts = bytes.indices.dropLast(separator.count - 1)
    guard let end = starts.first(where: { bytes[$0...].starts(with: separator) }) else { return nil }
    let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
    self.init(status: status, body: Array(bytes[(end + separator.count)...]))
  }
}
