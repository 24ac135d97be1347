// What systemd wants to hear of a `Type=notify` service: sd_notify(3) without its library, which is one datagram.

import CLinux
import Glibc
import VIPDaemon

enum ServiceManager {
  /// The one that the service manager asks for; nil where it does not.
  static var watchdog: Watchdog? {
    func number(_ name: String) -> Int64? { getenv(name).flatMap { Int64(String(cString: $0)) } }
    guard let microseconds = number("WATCHDOG_USEC"), microseconds > 0,
      number("WATCHDOG_PID").map({ $0 == Int64(getpid()) }) ?? true
    else { return nil }
    return Watchdog(patience: .microseconds(microseconds)) { notify("WATCHDOG=1") }
  }

  /// Tells the service manager, where there is one. Never waits: its word matters less than an address.
  static func notify(_ state: String) {
    guard let value = getenv("NOTIFY_SOCKET") else { return }
    var path = Array(String(cString: value).utf8)
    var address = sockaddr_un()
    guard !path.isEmpty, path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    if path[0] == UInt8(ascii: "@") { path[0] = 0 }  // An abstract socket.
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)

    let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let message = Array(state.utf8)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        _ = sendto(
          descriptor, message, message.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL), pointer, length)
      }
    }
  }
}
