// Two hosts with one address show in nothing but what their neighbours are told: ARP and neighbour advertisements. This
// listens to them, for as few addresses as somebody is interested in.

import CLinux
import Glibc
import NetworkTypes

/// Packet sockets that hear who else claims the watched addresses. For one thread; nothing here waits.
///
/// The kernel's filter keeps everything else away, so that ARP for other addresses costs nothing, however much of it
/// there is. Of claims to a watched address the kernel keeps tens until asked; the rest is lost: a sample is enough to
/// know of a rival. Whoever does not want to be woken by more of them watches nothing for a while.
public final class NeighborWatch {
  private let sockets: [(family: IPFamily, socket: SocketDescriptor)]
  /// Those that hear anything at all. A host without watched IPv6 addresses shall not have each of its IPv6 packets
  /// looked at.
  private var isBound: Set<IPFamily> = []
  private var buffer = [UInt8](repeating: 0, count: 2048)
  /// Where the next look for a frame starts, so that one family does not starve the other.
  private var turn = 0

  /// Watches nothing yet.
  /// - Throws: where packet sockets are not to be had, most often for want of CAP_NET_RAW.
  public init() throws(HostNetworkFailure) {
    var sockets: [(IPFamily, SocketDescriptor)] = []
    for family in IPFamily.allCases {
      // Protocol 0: it hears nothing before it is bound, and then what the filter lets through.
      let socket = try SocketDescriptor(AF_PACKET, SOCK_RAW, 0, for: .openPacketSocket, subject: Self.subject(family))
      enlargeReceiveQueue(of: socket.number, to: Self.queue)
      sockets.append((family, socket))
    }
    self.sockets = sockets
  }

  /// Readable when claims wait.
  public var descriptors: [CInt] { sockets.map(\.socket.number) }

  /// From now on hears other hosts' claims to these addresses and no others. Claims that wait already stay.
  public func watch(_ addresses: [WatchedAddress]) throws(HostNetworkFailure) {
    for (family, socket) in sockets {
      let program = FilterProgram(watching: addresses, family: family)
      try socket.attach(program, subject: Self.subject(family))
      if program != .dropAll, !isBound.contains(family) {
        try bind(socket, family)
        isBound.insert(family)
      }
    }
  }

  /// The next frame that waits; nil when none does.
  public func nextFrame() -> ReceivedFrame? {
    for _ in sockets.indices {
      turn = (turn + 1) % sockets.count
      if let frame = receive(sockets[turn].socket) { return frame }
    }
    return nil
  }

  /// Enough for tens of frames.
  private static let queue: CInt = 1 << 15

  private static func subject(_ family: IPFamily) -> String { family == .ipv4 ? "ARP" : "neighbour discovery" }
}

extension NeighborWatch {
  /// To all interfaces: the filter knows which ones count.
  private func bind(_ socket: SocketDescriptor, _ family: IPFamily) throws(HostNetworkFailure) {
    var address = sockaddr_ll()
    address.sll_family = sa_family_t(AF_PACKET)
    address.sll_protocol = UInt16(family == .ipv4 ? 0x0806 : 0x86dd).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(socket.number, $0, socklen_t(MemoryLayout<sockaddr_ll>.size))
      }
    }
    guard status == 0 else { throw HostNetworkFailure(.openPacketSocket, on: Self.subject(family), code: errno) }
  }

  /// Errors that the kernel has queued for the socket (an interface went down) are skipped over.
  private func receive(_ socket: SocketDescriptor) -> ReceivedFrame? {
    // Each failed call takes one queued error away, so this ends; the bound is for errors that do not go away.
    for _ in 0..<16 {
      var sender = sockaddr_ll()
      var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
      let count = withUnsafeMutablePointer(to: &sender) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(socket.number, &buffer, buffer.count, 0, $0, &length)
        }
      }
      if count >= 0 {
        return ReceivedFrame(bytes: Array(buffer[..<count]), interfaceIndex: Int(sender.sll_ifindex))
      }
      if errno == EAGAIN || errno == EWOULDBLOCK { return nil }
    }
    return nil
  }
}
