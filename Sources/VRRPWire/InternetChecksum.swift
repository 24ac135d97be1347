// The checksum of RFC 1071, shared by VRRP and ICMPv6.

import NetworkTypes

/// A one's complement sum of 16-bit words that is still being added to.
struct InternetChecksum {
  private var sum: UInt32 = 0

  /// Adds bytes that begin at an even offset; an odd last byte is padded with zero.
  mutating func add(_ bytes: some Sequence<UInt8>) {
    var isHigh = true
    for byte in bytes {
      sum += isHigh ? UInt32(byte) << 8 : UInt32(byte)
      isHigh.toggle()
      // Folded as it grows, so that no length of input overflows.
      if sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    }
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
