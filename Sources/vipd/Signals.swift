// Signals as something to read, on the VRRP thread, in order with everything else.

import CLinux
import Glibc

/// A descriptor that is readable when one of its signals has come.
struct SignalDescriptor: Sendable {
  let number: CInt

  /// Takes them in from now on, and what a program before has held back. SIGPIPE is ignored for good: a client of the control socket that hangs up must not
  /// end the daemon.
  static func open() throws(StartFailure) -> SignalDescriptor {
    signal(SIGPIPE, SIG_IGN)
    let descriptor = clinux_signals_as_bytes(taken, CInt(taken.count))
    guard descriptor >= 0 else { throw .host("cannot receive signals: \(String(cString: strerror(errno)))") }
    hold(false)
    return SignalDescriptor(number: descriptor)
  }

  /// Keeps what comes from being delivered, across exec too: a new program must not die of a signal that it has not yet
  /// been able to ask for.
  static func hold(_ isHeld: Bool) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in taken { sigaddset(&set, signal) }
    sigprocmask(isHeld ? SIG_BLOCK : SIG_UNBLOCK, &set, nil)
  }

  /// Those that the daemon listens to.
  static let taken = [SIGTERM, SIGINT, SIGHUP]

  /// The next signal that has come, or nil.
  func next() -> CInt? {
    var signal: UInt8 = 0
    return read(number, &signal, 1) == 1 ? CInt(signal) : nil
  }
}
