// A node's `GET /v1/status`, read over its control socket: only the keys that are promised, and of those only what a
// rehearsal asks for.

import CLinux
import FoundationEssentials
import Glibc

struct NodeStatus: Decodable, Sendable {
  var trackers: [Tracker]

  struct Tracker: Decodable, Sendable {
    var name: String
    var up: Bool
    var detail: String?
  }

  /// Nil where there is no answer, or none that can be read.
  ///
  /// - Parameter socket: its path as this process sees it.
  static func read(from socket: String) -> NodeStatus? {
    guard let answer = UnixSocketRequest.get("/v1/status", from: socket) else { return nil }
    return try? JSONDecoder().decode(NodeStatus.self, from: Data(answer))
  }
}

/// The smallest HTTP client over a Unix socket.
enum UnixSocketRequest {
  /// The body of the answer; nil unless the status is 2xx.
  static func get(_ path: String, from socketPath: String) -> [UInt8]? {
    guard let directory = Files.parent(of: socketPath), let name = socketPath.split(separator: "/").last else {
      return nil
    }
    // By way of a descriptor of its directory, since a socket's path may have no more than 107 bytes.
    let handle = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { return nil }
    defer { close(handle) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard connect(descriptor, to: "/proc/self/fd/\(handle)/\(name)"),
      Files.writeAll("GET \(path) HTTP/1.0\r\nHost: vipd\r\nConnection: close\r\n\r\n", to: descriptor) == 0
    else { return nil }
    return body(of: Files.drain(descriptor))
  }

  private static func connect(_ descriptor: Int32, to path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
  }

  private static func body(of answer: [UInt8]) -> [UInt8]? {
    let head = Array("HTTP/1.".utf8)
    guard answer.starts(with: head), answer.count > 12, answer[9] == UInt8(ascii: "2") else { return nil }
    let blank = Array("\r\n\r\n".utf8)
    for index in answer.indices where answer[index...].starts(with: blank) { return Array(answer[(index + 4)...]) }
    return nil
  }
}
