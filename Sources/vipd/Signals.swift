// Signals as something to read, on the VRRP thread, in order with everything else.

import CLinux
import Glibc

/// A descriptor that is readable when one of its signals has come.
struct SignalDescriptor: Sendable {
  let number: CInt

  /// Takes the signals in from now on. SIGPIPE is ignored for good: a client of the control socket that hangs up must not
  /// end the daemon.
  static func open(_ signals: [CInt]) throws(StartFailure) -> SignalDescriptor {
    signal(SIGPIPE, SIG_IGN)
    let descriptor = clinux_signals_as_bytes(signals, CInt(signals.count))
    guard descriptor >= 0 else { throw .host("cannot receive signals: \(String(cString: strerror(errno)))") }
    return SignalDescriptor(number: descriptor)
  }

  /// The next signal that has come, or nil.
  func next() -> CInt? {
    var signal: UInt8 = 0
    return read(number, &signal, 1) == 1 ? CInt(signal) : nil
  }
}
