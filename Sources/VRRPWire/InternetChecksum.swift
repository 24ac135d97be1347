// The checksum of RFC 1071, shared by VRRP and ICMPv6.

import NetworkTypes

/// A one's complement sum of 16-bit words that is still being added to.
struct InternetChecksum {
  /// Folded to 16 bits after each addition.
  private var sum: UInt64 = 0

  /// Adds bytes that begin at an even offset; an odd last byte is padded with zero.
  mutating func add(_ bytes: [UInt8]) {
    for index in stride(from: 0, to: bytes.count - 1, by: 2) {
      sum += UInt64(bytes[index]) << 8 | UInt64(bytes[index + 1])
    }
    if !bytes.count.isMultiple(of: 2), let last = bytes.last { sum += UInt64(last) << 8 }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
  }

  /// Adds what RFC 8200 §8.1 (IPv6) or RFC 9293 §3.1 (IPv4) prepend: who sends what, and how much of it, to whom.
  mutating func addPseudoHeader(source: IPAddress, destination: IPAddress, length: Int, protocolNumber: UInt8) {
    add(source.bytes)
    add(destination.bytes)
    add(bigEndianBytes(of: UInt32(truncatingIfNeeded: length)))
    add([0, protocolNumber])
  }

  /// The field's value for what was added with the field as zero.
  var field: UInt16 { ~UInt16(truncatingIfNeeded: sum) }

  /// Whether what was added, with the field in it, is intact.
  var verifies: Bool { sum == 0xffff }
}
