// One raw socket for IP protocol 112 in one family: receives, filters in the kernel, sends.

import CLinux
import Glibc
import NetworkTypes

/// A raw socket for VRRP over one family. Nothing arrives until a filter is set.
final class VRRPSocket {
  let family: IPFamily
  private let socket: SocketDescriptor
  private var buffer: [UInt8]

  /// IP protocol number of VRRP. RFC 9568 §5.1.1.4
  static let protocolNumber: CInt = 112

  /// More than the longest VRRP message (255 IPv6 addresses, 4088 bytes) with the longest IPv4 header. What is longer
  /// still is cut, and stays too long to be valid.
  private static let bufferSize = 8192

  var descriptor: CInt { socket.number }

  /// - Parameter queueBytes: what may wait in the kernel; beyond it packets are dropped there.
  init(_ family: IPFamily, queueBytes: CInt) throws(HostNetworkFailure) {
    self.family = family
    buffer = Array(repeating: 0, count: Self.bufferSize)
    let domain = family == .ipv4 ? AF_INET : AF_INET6
    socket = try SocketDescriptor(
      domain, SOCK_RAW, Self.protocolNumber, for: .openRawSocket, subject: Self.subject(family))
    // A raw socket receives from the moment it exists. Shut the door first, then throw out what slipped in before.
    try attach(.dropAll)
    while case .packet = readPacket() {}
    enlargeReceiveQueue(of: descriptor, to: queueBytes)
    try setOptions()
  }

  /// Goes on with a socket that another program of this process has opened, and with what waits there.
  init(adopting descriptor: CInt, _ family: IPFamily) throws(HostNetworkFailure) {
    self.family = family
    buffer = Array(repeating: 0, count: Self.bufferSize)
    socket = SocketDescriptor(adopting: descriptor)
    try setOptions()
  }

  /// Replaces the filter in one step. Packets that wait already stay, so that no advertisement is lost by it.
  func attach(_ program: FilterProgram) throws(HostNetworkFailure) {
    try socket.attach(program, subject: Self.subject(family))
  }

  /// The next packet; nil when none waits. Errors that the kernel has queued for the socket are skipped over.
  func receive() -> ReceivedDatagram? {
    // Each failed call takes one queued error away, so this ends; the bound is for errors that do not go away.
    for _ in 0..<16 {
      switch readPacket() {
      case .packet(let count, let info):
        if let datagram = datagram(buffer[..<count], info) { return datagram }
      case .none: return nil
      case .failed: continue
      }
    }
    return nil
  }

  /// Sends one payload with TTL or hop limit 255.
  /// - Returns: 0, or the kernel's error number.
  func send(_ payload: [UInt8], from source: IPAddress, to destination: IPAddress, interfaceIndex: Int) -> CInt {
    var info = clinux_packet_info()
    info.family = sa_family_t(family == .ipv4 ? AF_INET : AF_INET6)
    info.interface_index = UInt32(clamping: interfaceIndex)
    withUnsafeMutableBytes(of: &info.source) { $0.copyBytes(from: source.bytes) }
    withUnsafeMutableBytes(of: &info.destination) { $0.copyBytes(from: destination.bytes) }
    while true {
      if clinux_send_packet(descriptor, payload, payload.count, &info) >= 0 { return 0 }
      if errno != EINTR { return errno }
    }
  }

  /// Joins a group on an interface. That it was joined already is a success.
  /// - Returns: 0, or the kernel's error number.
  func join(_ membership: GroupMembership) -> CInt {
    let code = change(membership, with: MCAST_JOIN_GROUP)
    return code == EADDRINUSE ? 0 : code
  }

  /// Leaves a group. The kernel has left it already where the interface is gone, so nothing is said of failures.
  func leave(_ membership: GroupMembership) { _ = change(membership, with: MCAST_LEAVE_GROUP) }

  /// How many packets the kernel has dropped since the socket was opened because its queue was full.
  var overflowCount: UInt32 {
    var counters = [UInt32](repeating: 0, count: Int(SK_MEMINFO_VARS))
    var length = socklen_t(counters.count * MemoryLayout<UInt32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, &counters, &length) == 0 else { return 0 }
    return counters[Int(SK_MEMINFO_DROPS)]
  }
}

extension VRRPSocket {
  static func subject(_ family: IPFamily) -> String { family == .ipv4 ? "VRRP over IPv4" : "VRRP over IPv6" }

  private func setOptions() throws(HostNetworkFailure) {
    let options: [(CInt, CInt, CInt, String)]
    switch family {
    case .ipv4:
      let level = CInt(IPPROTO_IP)
      options = [
        (level, IP_PKTINFO, 1, "IP_PKTINFO"),
        (level, IP_TTL, 255, "IP_TTL"),  // RFC 9568 §5.1.1.3
        (level, IP_MULTICAST_TTL, 255, "IP_MULTICAST_TTL"),
        // A group's members on other hosts are meant, not ourselves.
        (level, IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP"),
        (level, IP_TOS, Self.networkControl, "IP_TOS"),
        // Groups that another program of this host has joined are no business of ours.
        (level, IP_MULTICAST_ALL, 0, "IP_MULTICAST_ALL"),
      ]
    case .ipv6:
      let level = CInt(IPPROTO_IPV6)
      options = [
        (level, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"),
        (level, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"),
        (level, IPV6_UNICAST_HOPS, 255, "IPV6_UNICAST_HOPS"),  // RFC 9568 §5.1.2.3
        (level, IPV6_MULTICAST_HOPS, 255, "IPV6_MULTICAST_HOPS"),
        (level, IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP"),
        (level, IPV6_TCLASS, Self.networkControl, "IPV6_TCLASS"),
        (level, IPV6_MULTICAST_ALL, 0, "IPV6_MULTICAST_ALL"),
      ]
    }
    for (level, option, value, name) in options {
      try socket.set(option, at: level, to: value, named: name, subject: Self.subject(family))
    }
    // Last, since setting the type of service resets it.
    try socket.set(
      SO_PRIORITY, at: SOL_SOCKET, to: Self.controlPriority, named: "SO_PRIORITY", subject: Self.subject(family))
  }

  /// Differentiated services class CS6, meant for the protocols that keep a network together. RFC 4594 §3.1
  private static let networkControl: CInt = 0xc0
  /// TC_PRIO_CONTROL: the band that a saturated interface sends first.
  private static let controlPriority: CInt = 7

  private func change(_ membership: GroupMembership, with option: CInt) -> CInt {
    let level = CInt(family == .ipv4 ? IPPROTO_IP : IPPROTO_IPV6)
    let index = UInt32(clamping: membership.interfaceIndex)
    return clinux_change_membership(descriptor, level, option, index, membership.group.bytes) == 0 ? 0 : errno
  }

  private enum Reading {
    /// So many bytes are in the buffer.
    case packet(Int, clinux_packet_info)
    case none
    case failed
  }

  private func readPacket() -> Reading {
    var info = clinux_packet_info()
    let count = clinux_receive_packet(descriptor, &buffer, buffer.count, &info)
    if count >= 0 { return .packet(count, info) }
    return errno == EAGAIN || errno == EWOULDBLOCK ? .none : .failed
  }

  /// Nil where the kernel's own framing is not as promised, which does not happen.
  private func datagram(_ packet: ArraySlice<UInt8>, _ info: clinux_packet_info) -> ReceivedDatagram? {
    let addressBytes = family.addressBytes
    let hopLimit: UInt8
    let payload: ArraySlice<UInt8>
    switch family {
    case .ipv4:
      // RFC 791 §3.1: the header's length in words is in the low half of its first byte, the TTL in its ninth.
      guard let first = packet.first, packet.count >= 20, packet.count >= Int(first & 0x0f) * 4 else { return nil }
      hopLimit = packet[packet.startIndex + 8]
      payload = packet.dropFirst(Int(first & 0x0f) * 4)
    case .ipv6:
      hopLimit = UInt8(clamping: info.hop_limit)
      payload = packet
    }
    let source = withUnsafeBytes(of: info.source) { IPAddress(bytes: $0.prefix(addressBytes)) }
    let destination = withUnsafeBytes(of: info.destination) { IPAddress(bytes: $0.prefix(addressBytes)) }
    guard let source, let destination else { return nil }
    return ReceivedDatagram(
      payload: Array(payload), source: source, destination: destination, hopLimit: hopLimit,
      interfaceIndex: Int(info.interface_index))
  }
}
