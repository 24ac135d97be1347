// Packets as a forger makes them: with any source and any TTL.

import CLinux
import Glibc

/// An IPv4 packet that is sent as it stands, whatever address the sender has.
public struct RawPacket: Sendable, Hashable {
  public var source: String
  public var destination: String
  public var timeToLive: UInt8
  /// IANA's number: 112 is VRRP.
  public var protocolNumber: UInt8
  public var payload: [UInt8]

  public init(
    from source: String, to destination: String, timeToLive: UInt8 = 255, protocolNumber: UInt8 = 112, payload: [UInt8]
  ) {
    self.source = source
    self.destination = destination
    self.timeToLive = timeToLive
    self.protocolNumber = protocolNumber
    self.payload = payload
  }

  /// The header without what the kernel fills in itself: length, identification, checksum (raw(7), IP_HDRINCL).
  fileprivate func bytes(_ source: in_addr, _ destination: in_addr) -> [UInt8] {
    let addresses = withUnsafeBytes(of: source) { Array($0) } + withUnsafeBytes(of: destination) { Array($0) }
    return [0x45, 0xc0, 0, 0, 0, 0, 0, 0, timeToLive, protocolNumber, 0, 0] + addresses + payload
  }
}

extension TestbedNode {
  /// Sends a packet of any making from this node, so many times.
  public func send(_ packet: RawPacket, times count: Int = 1) throws(TestbedError) {
    var source = in_addr()
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    guard inet_pton(AF_INET, packet.source, &source) == 1,
      inet_pton(AF_INET, packet.destination, &target.sin_addr) == 1
    else {
      throw TestbedError("a packet from \(packet.source) to \(packet.destination)", cause: "not IPv4 addresses")
    }
    let bytes = packet.bytes(source, target.sin_addr)
    let failure = try living().inNetwork { [target] in
      // IPPROTO_RAW implies IP_HDRINCL.
      let descriptor = socket(AF_INET, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Int32(IPPROTO_RAW))
      guard descriptor >= 0 else { return errno }
      defer { close(descriptor) }
      for _ in 0..<count {
        let sent = withUnsafePointer(to: target) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
          }
        }
        guard sent == bytes.count else { return errno }
      }
      return 0
    }
    guard failure == 0 else { throw TestbedError("\(name): cannot send to \(packet.destination)", errno: failure) }
  }
}
