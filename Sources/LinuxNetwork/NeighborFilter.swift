// The packet filter of a watch on neighbours, for the classic BPF machine: it passes what other hosts say of the watched
// addresses, and drops all else before it costs anything.
//
// On a packet socket the machine sees the whole Ethernet frame, from its destination on. A block for each interface:
//
//     ld   #ifindex
//     jeq  #2, block, over
//     ja   the next interface's block
//     ld   [8]                  ; the sender's hardware address: ours is no claim
//     jeq  #0x00000001, more, over
//     ldh  [6]
//     jeq  #0x0200, drop, over
//     ret  #drop
//     ld   [28]                 ; ARP: the sender's IP address
//     jeq  #0x0a000a1f, pass, over
//     ret  #pass
//     ret  #drop

import CLinux
import Glibc
import NetworkTypes

extension FilterProgram {
  /// Passes ARP (IPv4) or neighbour advertisements (IPv6) from other hosts about the watched addresses of that family.
  init(watching addresses: [WatchedAddress], family: IPFamily) {
    let watched = addresses.filter { $0.address.family == family }
    guard !watched.isEmpty else {
      self = .dropAll
      return
    }
    self.init(instructions: [])
    requireIncomingUntagged()
    requireClaim(family)
    let interfaces = Dictionary(grouping: Set(watched)) { Interface($0) }
    for (interface, watched) in interfaces.sorted(by: { $0.key.index < $1.key.index }) {
      appendBlock(for: interface, Set(watched.map(\.address)).sorted())
    }
    append(.drop)
  }

  private struct Interface: Hashable {
    var index: Int
    var hardwareAddress: MACAddress

    init(_ watched: WatchedAddress) {
      index = watched.interfaceIndex
      hardwareAddress = watched.hardwareAddress
    }
  }

  /// Not what this host sends, and nothing of a VLAN: that is another network.
  private mutating func requireIncomingUntagged() {
    append(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_PKTTYPE))
    append(BPF_JMP | BPF_JEQ | BPF_K, UInt32(PACKET_OUTGOING), ifFalse: 1)
    append(.drop)
    append(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_VLAN_TAG_PRESENT))
    append(BPF_JMP | BPF_JEQ | BPF_K, 0, ifTrue: 1)
    append(.drop)
  }

  private mutating func requireClaim(_ family: IPFamily) {
    switch family {
    case .ipv4:
      break  // The socket gets nothing but ARP.
    case .ipv6:
      // Next header, then ICMPv6's type. RFC 8200 §3, RFC 4861 §4.4
      for (offset, value) in [(UInt32(14 + 6), UInt32(58)), (14 + 40, 136)] {
        append(BPF_LD | BPF_B | BPF_ABS, offset)
        append(BPF_JMP | BPF_JEQ | BPF_K, value, ifTrue: 1)
        append(.drop)
      }
    }
  }

  private mutating func appendBlock(for interface: Interface, _ addresses: [IPAddress]) {
    append(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_IFINDEX))
    append(BPF_JMP | BPF_JEQ | BPF_K, UInt32(clamping: interface.index), ifTrue: 1)
    let skip = appendJump()
    let hardware = interface.hardwareAddress.bytes.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    append(BPF_LD | BPF_W | BPF_ABS, 8)
    append(BPF_JMP | BPF_JEQ | BPF_K, UInt32(truncatingIfNeeded: hardware), ifFalse: 3)
    append(BPF_LD | BPF_H | BPF_ABS, 6)
    append(BPF_JMP | BPF_JEQ | BPF_K, UInt32(truncatingIfNeeded: hardware >> 32), ifFalse: 1)
    append(.drop)
    for address in addresses { appendMatch(of: address) }
    append(.drop)
    land([skip])
  }

  /// ARP's sender address, or the advertisement's target.
  private mutating func appendMatch(of address: IPAddress) {
    let claimed: UInt32
    switch address {
    case .v4: claimed = 14 + 14  // RFC 826
    case .v6: claimed = 14 + 40 + 8  // RFC 4861 §4.4
    }
    let words = words(of: address)
    // The last word first, since that is where the addresses of one network differ.
    for index in words.indices.reversed() {
      append(BPF_LD | BPF_W | BPF_ABS, claimed + UInt32(4 * index))
      append(BPF_JMP | BPF_JEQ | BPF_K, words[index], ifFalse: UInt8(2 * index + 1))
    }
    append(.pass)
  }

  private func ancillary(_ what: CInt) -> UInt32 { UInt32(bitPattern: SKF_AD_OFF + what) }
}
