// A small classic BPF machine, so that filter programs can be run without a kernel. It knows the instructions that our
// programs use and refuses all others; like the kernel's verifier it refuses jumps that leave the program.

import CLinux
import NetworkTypes

struct FilterMachine {
  /// What offset 0 means to the machine: IPv4's header, or IPv6's payload.
  var data: [UInt8]
  /// What SKF_NET_OFF means to it.
  var networkHeader: [UInt8] = []
  /// What SKF_AD_OFF means to it: what the kernel knows of the packet beside its bytes.
  var ancillary: [CInt: UInt32] = [:]

  /// The packet as a raw socket of its family shows it.
  init(header: [UInt8], payload: [UInt8], family: IPFamily) {
    networkHeader = header + payload
    data = family == .ipv4 ? header + payload : payload
  }

  /// The frame as a packet socket shows it.
  init(frame: [UInt8], interfaceIndex: Int, packetType: CInt = CInt(PACKET_BROADCAST), isTagged: Bool = false) {
    data = frame
    ancillary = [
      SKF_AD_IFINDEX: UInt32(interfaceIndex), SKF_AD_PKTTYPE: UInt32(packetType),
      SKF_AD_VLAN_TAG_PRESENT: isTagged ? 1 : 0,
    ]
  }

  enum Trouble: Error {
    case unknownInstruction(UInt16)
    case leftProgram
  }

  /// The number of bytes that the program keeps: 0 for "drop".
  func run(_ program: [sock_filter]) throws -> UInt32 {
    var accumulator: UInt32 = 0
    var index: UInt32 = 0
    var counter = 0
    while true {
      guard program.indices.contains(counter) else { throw Trouble.leftProgram }
      let step = program[counter]
      counter += 1
      switch CInt(step.code) {
      case BPF_LD | BPF_W | BPF_LEN: accumulator = UInt32(data.count)
      case BPF_LD | BPF_W | BPF_ABS:
        guard let value = load(step.k, bytes: 4) else { return 0 }
        accumulator = value
      case BPF_LD | BPF_H | BPF_ABS:
        guard let value = load(step.k, bytes: 2) else { return 0 }
        accumulator = value
      case BPF_LD | BPF_B | BPF_ABS:
        guard let value = load(step.k, bytes: 1) else { return 0 }
        accumulator = value
      case BPF_LD | BPF_B | BPF_IND:
        guard let value = load(index &+ step.k, bytes: 1) else { return 0 }
        accumulator = value
      case BPF_LDX | BPF_B | BPF_MSH:
        guard let value = load(step.k, bytes: 1) else { return 0 }
        index = (value & 0x0f) * 4
      case BPF_ALU | BPF_SUB | BPF_X: accumulator &-= index
      case BPF_ALU | BPF_RSH | BPF_K: accumulator >>= step.k
      case BPF_JMP | BPF_JA: counter += Int(step.k)
      case BPF_JMP | BPF_JEQ | BPF_K: counter += Int(accumulator == step.k ? step.jt : step.jf)
      case BPF_JMP | BPF_JGE | BPF_K: counter += Int(accumulator >= step.k ? step.jt : step.jf)
      case BPF_JMP | BPF_JGT | BPF_K: counter += Int(accumulator > step.k ? step.jt : step.jf)
      case BPF_RET | BPF_K: return step.k
      default: throw Trouble.unknownInstruction(step.code)
      }
    }
  }

  private func load(_ offset: UInt32, bytes: Int) -> UInt32? {
    let signed = Int32(bitPattern: offset)
    if let value = ancillary[signed &- SKF_AD_OFF] { return value }
    let (source, start) = signed >= 0 ? (data, Int(signed)) : (networkHeader, Int(signed) - Int(SKF_NET_OFF))
    guard start >= 0, start + bytes <= source.count else { return nil }
    return source[start..<start + bytes].reduce(0) { $0 << 8 | UInt32($1) }
  }
}
