// What a VRRPv2 advertisement carries to show that its sender belongs. It goes over the wire in clear text and proves
// nothing to anybody who can listen: it is here so that vipd can join routers that still use it.

/// The authentication of a VRRPv2 advertisement. Version 3 has none. RFC 3768 §5.3.6, RFC 2338 §5.3.6
public enum Authentication: Sendable, Hashable {
  /// Type 0. All that RFC 3768 itself still sends.
  case none
  /// Type 1, of RFC 2338: what keepalived calls `auth_type PASS`.
  case password(SimplePassword)
}

/// Eight bytes, padded with zeros. RFC 2338 §5.3.10
///
/// It describes itself without its text, so that no log and no status shows it.
public struct SimplePassword: Sendable, Hashable, CustomStringConvertible {
  /// As on the wire, the first byte highest.
  public let field: UInt64

  /// - Returns: nil where the text has no byte, or more than eight in UTF-8.
  public init?(_ text: String) {
    guard (1...8).contains(text.utf8.count) else { return nil }
    let padded = Array(text.utf8) + repeatElement(0, count: 8 - text.utf8.count)
    self.init(field: padded.reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// Whatever a router sent.
  public init(field: UInt64) { self.field = field }

  /// The bytes before the padding, as text; what is not UTF-8 is replaced.
  public var text: String {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: field >> (56 - 8 * $0)) }
    return String(decoding: bytes.prefix((bytes.lastIndex { $0 != 0 } ?? -1) + 1), as: UTF8.self)
  }

  public var description: String { "(password)" }
}
