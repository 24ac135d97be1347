// The text form of IPv6 addresses: RFC 4291 §2.2 for reading, RFC 5952 for writing.
// Written here because the pure modules do not import the C library, whose inet_pton would do it.

enum IPv6Text {
  /// The eight 16-bit groups that `text` stands for, or nil where it is no IPv6 address.
  static func groups(of text: String) -> [UInt16]? {
    // "::" stands at most once, for at least one group of zeros.
    let bytes = Array(text.utf8)
    let colon = UInt8(ascii: ":")
    var gap: Int?
    for index in bytes.indices.dropLast() where bytes[index] == colon && bytes[index + 1] == colon {
      guard gap == nil else { return nil }
      gap = index
    }
    guard let gap else {
      guard let all = plainGroups(bytes[...], mayEndInIPv4: true), all.count == 8 else { return nil }
      return all
    }
    guard let head = plainGroups(bytes[..<gap], mayEndInIPv4: false),
      let tail = plainGroups(bytes[(gap + 2)...], mayEndInIPv4: true),
      head.count + tail.count <= 7
    else { return nil }
    return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
  }

  /// RFC 5952 §4: lower case, no leading zeros, "::" for the first longest run of two or more zero groups; §5: an
  /// IPv4-mapped address ends in the dotted form.
  static func canonical(_ address: UInt128) -> String {
    if address >> 32 == 0xffff { return "::ffff:\(IPv4Address(rawValue: UInt32(truncatingIfNeeded: address)))" }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: address >> (112 - 16 * $0)) }
    let hex = groups.map { String($0, radix: 16) }
    guard let run = longestZeroRun(in: groups) else { return hex.joined(separator: ":") }
    return hex[..<run.lowerBound].joined(separator: ":") + "::" + hex[run.upperBound...].joined(separator: ":")
  }

  /// Groups separated by single colons; none for empty text.
  private static func plainGroups(_ bytes: ArraySlice<UInt8>, mayEndInIPv4: Bool) -> [UInt16]? {
    guard !bytes.isEmpty else { return [] }
    var groups: [UInt16] = []
    let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      let text = String(decoding: part, as: UTF8.self)
      if mayEndInIPv4, index == parts.count - 1, let tail = IPv4Address(text) {
        groups += [UInt16(tail.rawValue >> 16), UInt16(truncatingIfNeeded: tail.rawValue)]
      } else if (1...4).contains(part.count), part.allSatisfy(isHexDigit), let group = UInt16(text, radix: 16) {
        groups.append(group)
      } else {
        return nil
      }
    }
    return groups
  }

  /// `UInt16.init` alone would take signs as well.
  private static func isHexDigit(_ byte: UInt8) -> Bool { Character(Unicode.Scalar(byte)).isHexDigit }

  private static func longestZeroRun(in groups: [UInt16]) -> Range<Int>? {
    var longest: Range<Int>?
    var start = 0
    while start < groups.count {
      var end = start
      while end < groups.count, groups[end] == 0 { end += 1 }
      if end - start >= 2, end - start > (longest?.count ?? 0) { longest = start..<end }
      start = max(end, start + 1)
    }
    return longest
  }
}
