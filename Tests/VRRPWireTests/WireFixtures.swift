// Packets as hexadecimal text with a remark on each field, and an independent look at checksums.

import NetworkTypes
import Testing
import VRRP
import VRRPWire

/// Reads hexadecimal digits; spaces, line ends and everything after `#` are for people.
func bytes(_ annotated: String) -> [UInt8] {
  let digits = annotated.split(separator: "\n").map { $0.prefix { $0 != "#" } }.joined().filter { $0 != " " }
  return stride(from: 0, to: digits.count, by: 2).map { offset in
    let start = digits.index(digits.startIndex, offsetBy: offset)
    guard let byte = UInt8(digits[start...].prefix(2), radix: 16) else { fatalError("fixture: not hexadecimal") }
    return byte
  }
}

func ip(_ text: String) -> IPAddress {
  guard let address = IPAddress(text) else { fatalError("fixture: \(text) is no IP address") }
  return address
}

func advertisement(
  vrid: UInt8 = 12, priority: UInt8 = 200, every centiseconds: Int = 100, _ addresses: String...
) -> Advertisement {
  guard let vrid = VRID(rawValue: vrid), let interval = AdvertisementInterval(centiseconds: centiseconds) else {
    fatalError("fixture: no VRID or no interval")
  }
  return Advertisement(
    vrid: vrid, priority: AdvertisedPriority(fieldValue: priority), interval: interval, addresses: addresses.map(ip))
}

func wholeSeconds(_ count: Int) -> AdvertisementInterval {
  guard let interval = AdvertisementInterval(centiseconds: 100 * count) else { fatalError("fixture: no interval") }
  return interval
}

/// The sum of RFC 1071 over 16-bit words, written apart from the code under test: added up first, folded at the end.
/// 0xffff where a message with its checksum is intact.
func onesComplementSum(_ bytes: [UInt8], after earlier: UInt64 = 0) -> UInt64 {
  var sum = earlier
  var index = 0
  while index < bytes.count {
    sum += UInt64(bytes[index]) << (index & 1 == 0 ? 8 : 0)
    index += 1
  }
  while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
  return sum
}

/// RFC 8200 §8.1, and for IPv4 RFC 9293 §3.1.
func pseudoHeader(_ source: IPAddress, _ destination: IPAddress, length: Int, protocolNumber: UInt8) -> [UInt8] {
  let length = [UInt8(length >> 8), UInt8(length & 0xff)]
  return source.bytes + destination.bytes
    + (source.family == .ipv4 ? [0, protocolNumber] + length : [0, 0] + length + [0, 0, 0, protocolNumber])
}
