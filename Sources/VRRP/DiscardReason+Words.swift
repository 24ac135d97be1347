// Why a packet did not count, for people: the log, status and a recording say it in the same words.

extension DiscardReason {
  /// What is wrong with the packet, in words that follow "discarded: ".
  public var words: String {
    switch self {
    case .ttl: "its TTL or hop limit is below 255, so it has crossed a router (RX-1)"
    case .version: "a version of VRRP that is not spoken here (RX-2)"
    case .type: "not an advertisement (RX-3)"
    case .length: "its length does not fit its address count (RX-4)"
    case .checksum: "its checksum is wrong (RX-5)"
    case .vrid: "its VRID is not configured on that interface (RX-6)"
    case .addressCount: "it lists no address (RX-7)"
    case .interval: "its interval is 0 (RX-8)"
    case .intervalMismatch: "its interval differs from ours, which version 2 does not allow (RX-11)"
    case .linkLocal: "its first IPv6 address is not link-local (RX-9)"
    case .peer: "its sender is no configured peer (RX-10)"
    case .destination: "it was not sent to this node's own address (RX-10)"
    case .authentication: "its authentication does not match (RX-11)"
    case .carp: "it is CARP, which shares VRRP's protocol number"
    }
  }
}
