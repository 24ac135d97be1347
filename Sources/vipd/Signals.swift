// Signals as something to read, on the VRRP thread, in order with everything else.

import CLinux
import Glibc

/// A descriptor that is readable when one of its signals has come.
struct SignalDescriptor: Sendable {
  let number: CInt

  /// Blocks the signals for this thread, and so for all that it makes. SIGPIPE is ignored for good: a client of the
  /// control socket that hangs up must not end the daemon.
  static func open(_ signals: [CInt]) throws(StartFailure) -> SignalDescriptor {
    signal(SIGPIPE, SIG_IGN)
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    sigprocmask(SIG_BLOCK, &set, nil)
    let descriptor = signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK))
    guard descriptor >= 0 else { throw .host("cannot receive signals: \(String(cString: strerror(errno)))") }
    return SignalDescriptor(number: descriptor)
  }

  /// The next signal that has come, or nil.
  func next() -> CInt? {
    var information = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    return read(number, &information, size) == size ? CInt(information.ssi_signo) : nil
  }
}
