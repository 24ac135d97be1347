// The joint between the kernel's side and the deciding side, which do not know each other.

import Glibc
import LinuxNetwork
import VIPDaemon

extension LinuxHost: HostNetwork {
  /// The kernel sets the R flag of its own neighbour advertisements where it forwards (ndisc_send_na).
  public func isIPv6Router(interface: String) -> Bool {
    let descriptor = open("/proc/sys/net/ipv6/conf/\(interface)/forwarding", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var digit: UInt8 = 0
    return read(descriptor, &digit, 1) == 1 && digit != UInt8(ascii: "0")
  }
}
