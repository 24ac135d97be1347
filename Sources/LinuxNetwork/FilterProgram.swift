// The packet filter that runs in the kernel, as a program for the classic BPF machine, made from a `ReceptionFilter`.
//
// What the machine sees differs by family: on a raw IPv4 socket byte 0 is the first of the IP header, on a raw IPv6
// socket it is the first of the payload, and the IPv6 header lies at offsets from SKF_NET_OFF. A load from beyond the
// packet ends the program with "drop"; the length check keeps that from happening, so that every packet gets the
// verdict meant for it.
//
// Each condition is a block that falls through when it holds and ends the program when it does not:
//
//     ldb  [8]                 ; IPv4: the TTL
//     jge  #255, next, over
//     ret  #reject
//
// Jumps of the machine reach 255 instructions; a block that compares with many values leaves by `ja`, which reaches any
// distance. So there is no limit on peers and VRIDs but the kernel's on the program: 4096 instructions, and what
// net.core.optmem_max lets one socket hold.

import CLinux
import NetworkTypes

/// Instructions to give to SO_ATTACH_FILTER.
struct FilterProgram: Equatable {
  private(set) var instructions: [sock_filter] = []

  /// What becomes of the packets that meet all the filter's conditions, and what of the others.
  enum Purpose {
    case passWanted
    /// The exact complement, for a socket that samples what the other one drops.
    case passUnwanted
  }

  /// Drops everything.
  static let dropAll = FilterProgram(instructions: [Verdict.drop.instruction])

  init(_ filter: ReceptionFilter, family: IPFamily, purpose: Purpose) {
    let wanted: Verdict = purpose == .passWanted ? .pass : .drop
    let unwanted: Verdict = purpose == .passWanted ? .drop : .pass
    let packet = PacketLayout(family)

    requirePayload(ofAtLeast: 2, in: packet, otherwise: unwanted)
    require(hopLimit: filter.minimumHopLimit, in: packet, otherwise: unwanted)
    // Version and type share the first byte, the VRID is the second. RFC 9568 §5.1
    append(BPF_LD | BPF_B | packet.payloadMode, 0)
    append(BPF_ALU | BPF_RSH | BPF_K, 4)
    require(oneOf: filter.versions, otherwise: unwanted)
    for group in filter.groups where group.address.family == family {
      // What comes to the group is judged here; everything else skips the block.
      decide(ifSentTo: group.address, in: packet) { program in
        program.append(BPF_LD | BPF_B | packet.payloadMode, 1)
        program.require(oneOf: group.vrids, otherwise: unwanted)
        program.append(wanted)
      }
    }
    require(sources: filter.sources.filter { $0.family == family }, in: packet, otherwise: unwanted)
    append(BPF_LD | BPF_B | packet.payloadMode, 1)
    require(oneOf: filter.vrids, otherwise: unwanted)
    append(wanted)
  }

  init(instructions: [sock_filter]) { self.instructions = instructions }

  static func == (lhs: FilterProgram, rhs: FilterProgram) -> Bool {
    lhs.instructions.elementsEqual(rhs.instructions) {
      ($0.code, $0.jt, $0.jf, $0.k) == ($1.code, $1.jt, $1.jf, $1.k)
    }
  }
}

/// Where the machine finds things.
private struct PacketLayout {
  let family: IPFamily
  let hopLimitOffset: UInt32
  let sourceOffset: UInt32
  let destinationOffset: UInt32
  /// IPv4's header has a length of its own, which the X register holds; IPv6's payload starts at 0.
  let payloadMode: CInt

  init(_ family: IPFamily) {
    self.family = family
    switch family {
    case .ipv4:
      hopLimitOffset = 8  // RFC 791 §3.1
      sourceOffset = 12
      destinationOffset = 16
      payloadMode = BPF_IND
    case .ipv6:
      let networkHeader = UInt32(bitPattern: SKF_NET_OFF)
      hopLimitOffset = networkHeader + 7  // RFC 8200 §3
      sourceOffset = networkHeader + 8
      destinationOffset = networkHeader + 24
      payloadMode = BPF_ABS
    }
  }
}

/// How a program ends: with the number of bytes to keep.
enum Verdict {
  case pass
  case drop

  var instruction: sock_filter {
    switch self {
    case .pass: sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: .max)
    case .drop: sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: 0)
    }
  }
}

extension FilterProgram {
  mutating func append(_ code: CInt, _ k: UInt32, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) {
    instructions.append(sock_filter(code: UInt16(code), jt: ifTrue, jf: ifFalse, k: k))
  }

  mutating func append(_ verdict: Verdict) { instructions.append(verdict.instruction) }

  /// Leaves IPv4's header length in X.
  private mutating func requirePayload(ofAtLeast bytes: UInt32, in packet: PacketLayout, otherwise unwanted: Verdict) {
    append(BPF_LD | BPF_W | BPF_LEN, 0)
    switch packet.family {
    case .ipv4:
      append(BPF_LDX | BPF_B | BPF_MSH, 0)
      append(BPF_ALU | BPF_SUB | BPF_X, 0)
    case .ipv6: break
    }
    append(BPF_JMP | BPF_JGE | BPF_K, bytes, ifTrue: 1)
    append(unwanted)
  }

  private mutating func require(hopLimit minimum: UInt8, in packet: PacketLayout, otherwise unwanted: Verdict) {
    append(BPF_LD | BPF_B | BPF_ABS, packet.hopLimitOffset)
    append(BPF_JMP | BPF_JGE | BPF_K, UInt32(minimum), ifTrue: 1)
    append(unwanted)
  }

  private mutating func require(sources: [IPAddress], in packet: PacketLayout, otherwise unwanted: Verdict) {
    let exits = sources.map { source in
      let words = words(of: source)
      // The last word first, since that is where the addresses of one network differ.
      for index in words.indices.reversed() {
        append(BPF_LD | BPF_W | BPF_ABS, packet.sourceOffset + UInt32(4 * index))
        let restOfThisSource = UInt8(2 * index + 1)
        append(BPF_JMP | BPF_JEQ | BPF_K, words[index], ifFalse: restOfThisSource)
      }
      return appendJump()
    }
    append(unwanted)
    land(exits)
  }

  /// A block that ends the program, entered only by packets to this address.
  private mutating func decide(
    ifSentTo destination: IPAddress, in packet: PacketLayout, _ block: (inout FilterProgram) -> Void
  ) {
    let words = words(of: destination)
    var exits: [Int] = []
    for index in words.indices.reversed() {
      append(BPF_LD | BPF_W | BPF_ABS, packet.destinationOffset + UInt32(4 * index))
      append(BPF_JMP | BPF_JEQ | BPF_K, words[index], ifTrue: 1)
      exits.append(appendJump())
    }
    block(&self)
    land(exits)
  }

  /// Compares the accumulator with runs of consecutive numbers, so that VRIDs 1 to 200 cost as much as one.
  private mutating func require(oneOf values: [UInt8], otherwise unwanted: Verdict) {
    let exits = runs(of: values).map { run in
      append(BPF_JMP | BPF_JGE | BPF_K, UInt32(run.lowerBound), ifFalse: 2)
      append(BPF_JMP | BPF_JGT | BPF_K, UInt32(run.upperBound), ifTrue: 1)
      return appendJump()
    }
    append(unwanted)
    land(exits)
  }

  /// A jump to the end of the block, to be given its distance when that end is known.
  mutating func appendJump() -> Int {
    append(BPF_JMP | BPF_JA, 0)
    return instructions.count - 1
  }

  mutating func land(_ exits: [Int]) {
    for exit in exits { instructions[exit].k = UInt32(instructions.count - exit - 1) }
  }

  func words(of address: IPAddress) -> [UInt32] {
    let bytes = address.bytes
    return stride(from: 0, to: bytes.count, by: 4).map { start in
      bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  private func runs(of values: [UInt8]) -> [ClosedRange<UInt8>] {
    Set(values).sorted().reduce(into: []) { runs, value in
      if let last = runs.last, Int(last.upperBound) + 1 == Int(value) {
        runs[runs.count - 1] = last.lowerBound...value
      } else {
        runs.append(value...value)
      }
    }
  }
}
