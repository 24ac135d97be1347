// A socket that closes itself, and the few options that all of ours need.

import CLinux
import Glibc
import NetworkTypes

/// Owns one non-blocking, close-on-exec socket.
final class SocketDescriptor {
  let number: CInt

  /// - Parameter subject: what the socket is for, as failures name it.
  init(
    _ domain: CInt, _ kind: __socket_type, _ protocolNumber: CInt, for attempt: Attempt, subject: String
  ) throws(HostNetworkFailure) {
    let flags = SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    number = socket(domain, CInt(kind.rawValue | flags), protocolNumber)
    guard number >= 0 else { throw HostNetworkFailure(attempt, on: subject, code: errno) }
  }

  /// Owns an open one from now on.
  init(adopting descriptor: CInt) {
    number = descriptor
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit { close(number) }

  /// Sets an option whose value is an int.
  func set(
    _ option: CInt, at level: CInt, to value: CInt, named name: String, subject: String
  ) throws(HostNetworkFailure) {
    guard setIntegerOption(number, level, option, value) == 0 else {
      throw HostNetworkFailure(.setSocketOption(name), on: subject, code: errno)
    }
  }

  /// Replaces the packet filter in one step.
  func attach(_ program: FilterProgram, subject: String) throws(HostNetworkFailure) {
    var instructions = program.instructions
    // Longer ones the kernel would refuse anyway, with EINVAL.
    let count = UInt16(clamping: instructions.count)
    let status = instructions.withUnsafeMutableBufferPointer { storage in
      withUnsafePointer(to: sock_fprog(len: count, filter: storage.baseAddress)) {
        setsockopt(number, SOL_SOCKET, SO_ATTACH_FILTER, $0, socklen_t(MemoryLayout<sock_fprog>.size))
      }
    }
    guard status == 0 else { throw HostNetworkFailure(.setReceptionFilter, on: subject, code: errno) }
  }
}

func setIntegerOption(_ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt) -> CInt {
  withUnsafePointer(to: value) {
    setsockopt(descriptor, level, option, $0, socklen_t(MemoryLayout<CInt>.size))
  }
}

/// Asks for a receive queue of so many bytes. With CAP_NET_ADMIN that is what it becomes, without it the limit is
/// net.core.rmem_max: a smaller queue only means that bursts are lost earlier, so this is no reason to fail.
func enlargeReceiveQueue(of descriptor: CInt, to bytes: CInt) {
  if setIntegerOption(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, bytes) != 0 {
    _ = setIntegerOption(descriptor, SOL_SOCKET, SO_RCVBUF, bytes)
  }
}
