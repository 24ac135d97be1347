// The TCP address that monitoring asks at. It is bound by plain system calls, so that what is wrong with it is known at once.

import CLinux
import Glibc
import NIOCore

/// A listening TCP socket. It is a value that names a descriptor: whoever gets it last closes it.
struct TCPListeningSocket: Sendable {
  let descriptor: CInt
  /// `127.0.0.1:9112`, with the port that the kernel chose where 0 was asked for.
  let name: String

  /// - Parameter listen: `127.0.0.1:9112` or `[::1]:9112`.
  init(_ listen: String) throws(ControlServerFailure) {
    let (host, address) = try Self.parse(listen)
    let family: CInt
    switch address {
    case .v4: family = AF_INET
    case .v6, .unixDomainSocket: family = AF_INET6
    }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = Glibc.socket(family, kind, 0)
    guard descriptor >= 0 else { throw ControlServerFailure(listen, errno) }
    // So that a restart need not wait for the last connections' TIME_WAIT.
    var yes: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
    let bound = address.withSockAddr { Glibc.bind(descriptor, $0, socklen_t($1)) }
    guard bound == 0, Glibc.listen(descriptor, 64) == 0 else {
      let code = errno
      close(descriptor)
      throw ControlServerFailure(listen, code)
    }
    self.descriptor = descriptor
    name = "\(host):\(Self.port(of: descriptor))"
  }

  /// Names are not looked up: that could take for ever.
  private static func parse(_ text: String) throws(ControlServerFailure) -> (host: String, address: SocketAddress) {
    let parts = text.lastIndex(of: ":").map { (text[..<$0], text[text.index(after: $0)...]) }
    var host = parts?.0 ?? ""
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    guard let parts, let port = UInt16(parts.1),
      let address = try? SocketAddress(ipAddress: String(host), port: Int(port))
    else {
      throw ControlServerFailure(
        description: "\(text): not an IP address and a port; write it as 127.0.0.1:9112 or [::1]:9112")
    }
    return (String(parts.0), address)
  }

  /// In both families' addresses the port comes after the family.
  private static func port(of descriptor: CInt) -> UInt16 {
    var address = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) }
    }
    return UInt16(bigEndian: address.sin6_port)
  }
}

/// Why the control server does not listen: one sentence with the address, the cause and what to do.
public struct ControlServerFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  init(description: String) { self.description = description }

  fileprivate init(_ listen: String, _ code: CInt) {
    let remedy =
      switch code {
      case EADDRINUSE: " (another program listens there; name another port under control.listen, or `off`)"
      case EADDRNOTAVAIL: " (this host does not hold that address; name another under control.listen, or `off`)"
      case EACCES: " (ports below 1024 need more rights than vipd keeps; name a higher one under control.listen)"
      default: ""
      }
    description = "\(listen): cannot listen: \(String(cString: strerror(code)))\(remedy)"
  }
}
