// The filter's program, instruction by instruction and verdict by verdict, without a kernel.

import CLinux
import NetworkTypes
import Testing

@testable import LinuxNetwork

@Suite("Filter program")
struct FilterProgramTests {
  @Test("IPv4, annotated")
  func goldenIPv4() {
    let filter = ReceptionFilter(sources: [ip("192.0.2.1")], vrids: [12], versions: [3])
    let program = FilterProgram(filter, family: .ipv4, purpose: .passWanted)
    let expected: [(CInt, UInt8, UInt8, UInt32)] = [
      (BPF_LD | BPF_W | BPF_LEN, 0, 0, 0),  //           A = length of the packet
      (BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0),  //          X = length of the IPv4 header
      (BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0),  //          A = length of the payload
      (BPF_JMP | BPF_JGE | BPF_K, 1, 0, 2),  //          at least 2?
      (BPF_RET | BPF_K, 0, 0, 0),  //                    no: drop
      (BPF_LD | BPF_B | BPF_ABS, 0, 0, 8),  //           A = TTL
      (BPF_JMP | BPF_JGE | BPF_K, 1, 0, 255),
      (BPF_RET | BPF_K, 0, 0, 0),
      (BPF_LD | BPF_B | BPF_IND, 0, 0, 0),  //           A = version and type
      (BPF_ALU | BPF_RSH | BPF_K, 0, 0, 4),  //          A = version
      (BPF_JMP | BPF_JGE | BPF_K, 0, 2, 3),
      (BPF_JMP | BPF_JGT | BPF_K, 1, 0, 3),
      (BPF_JMP | BPF_JA, 0, 0, 1),
      (BPF_RET | BPF_K, 0, 0, 0),
      (BPF_LD | BPF_W | BPF_ABS, 0, 0, 12),  //          A = source
      (BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0xc000_0201),
      (BPF_JMP | BPF_JA, 0, 0, 1),  //                   a peer: go on behind the drop
      (BPF_RET | BPF_K, 0, 0, 0),
      (BPF_LD | BPF_B | BPF_IND, 0, 0, 1),  //           A = VRID
      (BPF_JMP | BPF_JGE | BPF_K, 0, 2, 12),
      (BPF_JMP | BPF_JGT | BPF_K, 1, 0, 12),
      (BPF_JMP | BPF_JA, 0, 0, 1),
      (BPF_RET | BPF_K, 0, 0, 0),
      (BPF_RET | BPF_K, 0, 0, .max),  //                 pass, all of it
    ]
    #expect(program.instructions.count == expected.count)
    for (instruction, wanted) in zip(program.instructions, expected) {
      #expect((CInt(instruction.code), instruction.jt, instruction.jf, instruction.k) == wanted)
    }
  }

  @Test("IPv6 looks for its header through SKF_NET_OFF, and compares the source's last word first")
  func ipv6Offsets() {
    let filter = ReceptionFilter(sources: [ip("fe80::1")], vrids: [12], versions: [3])
    let program = FilterProgram(filter, family: .ipv6, purpose: .passWanted)
    let net = UInt32(bitPattern: SKF_NET_OFF)
    let offsets = program.instructions.filter { CInt($0.code) & (BPF_ABS | 0x07) == BPF_ABS | BPF_LD }.map(\.k)
    #expect(offsets == [net + 7, 0, net + 20, net + 16, net + 12, net + 8, 1])
  }

  @Test("A group's packets are judged before it is asked who sent them, annotated")
  func goldenGroup() {
    let filter = ReceptionFilter(
      sources: [], vrids: [], groups: [.init(address: ip("224.0.0.18"), vrids: [12, 13])], versions: [3])
    let program = FilterProgram(filter, family: .ipv4, purpose: .passWanted)
    let expected: [(CInt, UInt8, UInt8, UInt32)] = [
      (BPF_LD | BPF_W | BPF_ABS, 0, 0, 16),  //          A = destination
      (BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0xe000_0012),
      (BPF_JMP | BPF_JA, 0, 0, 6),  //                   not the group: to the peers
      (BPF_LD | BPF_B | BPF_IND, 0, 0, 1),  //           A = VRID
      (BPF_JMP | BPF_JGE | BPF_K, 0, 2, 12),
      (BPF_JMP | BPF_JGT | BPF_K, 1, 0, 13),
      (BPF_JMP | BPF_JA, 0, 0, 1),
      (BPF_RET | BPF_K, 0, 0, 0),
      (BPF_RET | BPF_K, 0, 0, .max),
    ]
    let block = program.instructions.dropFirst(14)
    for (instruction, wanted) in zip(block, expected) {
      #expect((CInt(instruction.code), instruction.jt, instruction.jf, instruction.k) == wanted)
    }
    #expect(block.count > expected.count)
  }

  @Test("Among peers and to a group: each VRID is heard where it is spoken", arguments: IPFamily.allCases)
  func groupVerdicts(family: IPFamily) throws {
    let peer = family == .ipv4 ? ip("192.0.2.7") : ip("2001:db8::1")
    let stranger = family == .ipv4 ? ip("192.0.2.8") : ip("fe80::8")
    let own = family == .ipv4 ? ip("192.0.2.1") : ip("2001:db8::9")
    let group = family == .ipv4 ? ip("224.0.0.18") : ip("ff02::12")
    let otherGroup = family == .ipv4 ? ip("224.0.0.17") : ip("ff02::1:12")
    let filter = ReceptionFilter(
      sources: [peer], vrids: [12],
      groups: [.init(address: ip("224.0.0.18"), vrids: [40]), .init(address: ip("ff02::12"), vrids: [40])],
      versions: [3])
    let cases: [(IPAddress, IPAddress, UInt8, UInt8, Bool)] = [
      (peer, own, 12, 255, true), (peer, own, 40, 255, false), (stranger, own, 12, 255, false),
      (stranger, own, 40, 255, false), (stranger, group, 40, 255, true), (peer, group, 40, 255, true),
      (peer, group, 12, 255, false), (stranger, group, 41, 255, false), (stranger, group, 40, 254, false),
      (stranger, otherGroup, 40, 255, false), (peer, otherGroup, 12, 255, true),
    ]
    for (source, destination, vrid, hopLimit, passes) in cases {
      let header = ipHeader(12, from: source, to: destination, hopLimit: hopLimit)
      let machine = FilterMachine(header: header, payload: advertisement(vrid: vrid), family: family)
      try expectVerdict(machine, filter, family, passes: passes)
    }
  }

  /// One property each is varied from a packet that passes.
  @Test("Verdicts", arguments: IPFamily.allCases)
  func verdicts(family: IPFamily) throws {
    let peers = ["192.0.2.1", "192.0.2.7", "fe80::1", "2001:db8::1"].map(ip)
    let peer = family == .ipv4 ? ip("192.0.2.7") : ip("2001:db8::1")
    let other = family == .ipv4 ? ip("192.0.2.8") : ip("2001:db8:1::1")
    let filter = ReceptionFilter(sources: peers, vrids: [12, 13, 40], versions: [2, 3], minimumHopLimit: 254)

    let cases: [(IPAddress, UInt8, [UInt8], Bool)] = [
      (peer, 255, advertisement(vrid: 12), true),
      (peer, 254, advertisement(vrid: 13), true),
      (peer, 255, advertisement(vrid: 40, version: 2), true),
      (peer, 255, [0x3f, 40], true),
      (peer, 255, advertisement(vrid: 12) + Array(repeating: 0, count: 4000), true),
      (peer, 253, advertisement(vrid: 12), false),
      (peer, 0, advertisement(vrid: 12), false),
      (other, 255, advertisement(vrid: 12), false),
      (peer, 255, advertisement(vrid: 11), false),
      (peer, 255, advertisement(vrid: 14), false),
      (peer, 255, advertisement(vrid: 0), false),
      (peer, 255, advertisement(vrid: 255), false),
      (peer, 255, advertisement(vrid: 12, version: 4), false),
      (peer, 255, advertisement(vrid: 12, version: 1), false),
      (peer, 255, [0x31], false),
      (peer, 255, [], false),
    ]
    for (source, hopLimit, payload, passes) in cases {
      let header = ipHeader(payload.count, from: source, to: peer, hopLimit: hopLimit)
      let machine = FilterMachine(header: header, payload: payload, family: family)
      try expectVerdict(machine, filter, family, passes: passes)
    }
  }

  @Test("IPv4 options move the payload, not the verdict")
  func ipv4Options() throws {
    let filter = ReceptionFilter(sources: [ip("192.0.2.1")], vrids: [12], versions: [3])
    for (vrid, passes) in [(UInt8(12), true), (13, false)] {
      var header = ipHeader(16, from: ip("192.0.2.1"), to: ip("192.0.2.2"), hopLimit: 255)
      header[0] = 0x46
      // Read without regard to the header's length, the option would be a version 3 and VRID 12.
      header += [0x31, 12, 0, 0]
      let machine = FilterMachine(header: header, payload: advertisement(vrid: vrid), family: .ipv4)
      try expectVerdict(machine, filter, .ipv4, passes: passes)
    }
  }

  @Test("Hundreds of peers and every second VRID stay in reach of the jumps and of the kernel's limit")
  func manyPeers() throws {
    let peers4 = (1...200).map { IPAddress.v4(IPv4Address(rawValue: 0xc000_0200 + $0)) }
    let peers6 = (1...200).map { IPAddress.v6(IPv6Address(rawValue: 0xfe80 << 112 | UInt128($0) << 40)) }
    let vrids = stride(from: UInt8(1), through: 255, by: 2)
    let filter = ReceptionFilter(sources: peers4 + peers6, vrids: Array(vrids), versions: [3])
    for (family, peers) in [(IPFamily.ipv4, peers4), (.ipv6, peers6)] {
      #expect(FilterProgram(filter, family: family, purpose: .passWanted).instructions.count <= Int(BPF_MAXINSNS))
      for source in [peers[0], peers[99], peers[199]] {
        for vrid in [UInt8(1), 2, 127, 128, 254, 255] {
          let header = ipHeader(12, from: source, to: source, hopLimit: 255)
          let machine = FilterMachine(header: header, payload: advertisement(vrid: vrid), family: family)
          try expectVerdict(machine, filter, family, passes: vrid % 2 == 1)
        }
      }
    }
  }

  @Test("Nothing passes a filter without sources, VRIDs or versions", arguments: IPFamily.allCases)
  func emptyLists(family: IPFamily) throws {
    let source = family == .ipv4 ? ip("192.0.2.1") : ip("fe80::1")
    let header = ipHeader(12, from: source, to: source, hopLimit: 255)
    let machine = FilterMachine(header: header, payload: advertisement(vrid: 12), family: family)
    for filter in [
      ReceptionFilter(sources: [], vrids: [12], versions: [3]),
      ReceptionFilter(sources: [source], vrids: [], versions: [3]),
      ReceptionFilter(sources: [source], vrids: [12], versions: []),
    ] {
      try expectVerdict(machine, filter, family, passes: false)
    }
  }

  @Test("Every VRID alone, and all together")
  func everyVRID() throws {
    let source = ip("192.0.2.1")
    let all = ReceptionFilter(sources: [source], vrids: Array(0...255), versions: [3])
    for vrid in UInt8.min...UInt8.max {
      let header = ipHeader(12, from: source, to: source, hopLimit: 255)
      let machine = FilterMachine(header: header, payload: advertisement(vrid: vrid), family: .ipv4)
      try expectVerdict(machine, all, .ipv4, passes: true)
      let next = ReceptionFilter(sources: [source], vrids: [vrid &+ 1], versions: [3])
      try expectVerdict(machine, next, .ipv4, passes: false)
    }
  }

  @Test("Any filter and any packet: the programs agree with the filter's plain words")
  func randomFilters() throws {
    var random = Seeded(state: 9568)
    // Few values, so that they meet often; 0 and 255 among them.
    let numbers: [UInt8] = [0, 1, 2, 3, 12, 13, 63, 64, 254, 255]
    let addresses = ["192.0.2.1", "192.0.2.2", "10.0.2.1", "fe80::1", "fe80::1:0:0:1", "2001:db8::1", "fe80::2"].map(ip)
    for _ in 0..<3000 {
      let filter = ReceptionFilter(
        sources: addresses.filter { _ in Bool.random(using: &random) },
        vrids: numbers.filter { _ in Bool.random(using: &random) },
        versions: [2, 3, 15].filter { _ in Bool.random(using: &random) },
        minimumHopLimit: numbers.randomElement(using: &random) ?? 255)
      let source = addresses.randomElement(using: &random) ?? addresses[0]
      let hopLimit = numbers.randomElement(using: &random) ?? 255
      let payload = (0..<Int.random(in: 0...4, using: &random)).map { index in
        index == 0
          ? [0x21, 0x31, 0x3f, 0xf1].randomElement(using: &random) ?? 0 : numbers.randomElement(using: &random) ?? 0
      }
      let passes =
        payload.count >= 2 && filter.sources.contains(source) && hopLimit >= filter.minimumHopLimit
        && filter.versions.contains(payload[0] >> 4) && filter.vrids.contains(payload[1])
      let header = ipHeader(payload.count, from: source, to: source, hopLimit: hopLimit)
      let machine = FilterMachine(header: header, payload: payload, family: source.family)
      try expectVerdict(machine, filter, source.family, passes: passes)
    }
  }

  /// Knuth's linear congruential generator, high half: the same numbers in each run.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      var result: UInt64 = 0
      for _ in 0..<2 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        result = result << 32 | state >> 32
      }
      return result
    }
  }

  /// Runs both programs: what one passes, the other drops.
  private func expectVerdict(
    _ machine: FilterMachine, _ filter: ReceptionFilter, _ family: IPFamily, passes: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let wanted = try machine.run(FilterProgram(filter, family: family, purpose: .passWanted).instructions)
    let unwanted = try machine.run(FilterProgram(filter, family: family, purpose: .passUnwanted).instructions)
    #expect(wanted == (passes ? .max : 0), sourceLocation: sourceLocation)
    #expect(unwanted == (passes ? 0 : .max), sourceLocation: sourceLocation)
  }
}
