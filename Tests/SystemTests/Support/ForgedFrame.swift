// An advertisement as a forger on the same network makes it: any field may be wrong, and any sender's address stand in it.

import Glibc

struct ForgedFrame: Sendable {
  var source: String
  var destination: String
  /// TTL or hop limit.
  var hopLimit: UInt8 = 255
  var version: UInt8 = 3
  var vrid: UInt8 = 12
  var priority: UInt8 = 254
  var centiseconds: UInt16 = 10
  var addresses: [String]
  var hasWrongChecksum = false

  /// The frame from the client to a node, by their hardware addresses.
  func bytes(from sender: [UInt8] = [2, 0, 0, 0, 3, 0], to receiver: [UInt8]) -> [UInt8] {
    let message = message
    let length = bigEndian(message.count)
    let addresses = address(source) + address(destination)
    if !source.contains(":") {
      let total = bigEndian(20 + message.count)
      var header: [UInt8] = [0x45, 0xc0] + total + [0, 0, 0, 0, hopLimit, 112, 0, 0] + addresses
      header.replaceSubrange(10..<12, with: bigEndian(~onesComplementSum(header)))
      return receiver + sender + [0x08, 0x00] + header + message
    }
    return receiver + sender + [0x86, 0xdd] + [0x6c, 0, 0, 0] + length + [112, hopLimit] + addresses + message
  }

  /// RFC 9568 §5.1, with the checksum over the pseudo-header, as most send it over IPv4 too.
  private var message: [UInt8] {
    var message: [UInt8] = [version << 4 | 1, vrid, priority, UInt8(addresses.count)] + bigEndian(Int(centiseconds))
    message += [0, 0] + addresses.flatMap(address)
    let header = address(source) + address(destination) + [0, 112] + bigEndian(message.count)
    let sum = ~onesComplementSum(header + message)
    message.replaceSubrange(6..<8, with: bigEndian(hasWrongChecksum ? sum ^ 0xff : sum))
    return message
  }

  private func bigEndian(_ number: Int) -> [UInt8] { [UInt8(number >> 8 & 0xff), UInt8(number & 0xff)] }

  private func onesComplementSum(_ bytes: [UInt8]) -> Int {
    var sum = stride(from: 0, to: bytes.count, by: 2).reduce(0) { $0 + Int(bytes[$1]) << 8 + Int(bytes[$1 + 1]) }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return sum
  }

  private func address(_ text: String) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16)
    let isIPv6 = text.contains(":")
    let result = inet_pton(isIPv6 ? AF_INET6 : AF_INET, text, &bytes)
    precondition(result == 1, "\(text) is no address")
    return isIPv6 ? bytes : Array(bytes[..<4])
  }
}
