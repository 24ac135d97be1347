// Frames of several kinds of links, and what is said of the advertisements in them.

import ClusterConfiguration
import NetworkTypes
import Testing
import VRRP
import VRRPWire

@testable import Diagnosis

@Suite("Recordings")
struct CaptureTests {
  static let one = IPAddress("10.0.10.31")!
  static let two = IPAddress("10.0.10.32")!
  static let group = IPFamily.ipv4.vrrpGroup

  static func advertisement(
    priority: UInt8 = 200, vrid: UInt8 = 12, interval: Int = 100, addresses: [String] = ["10.0.10.39"],
    version: VRRPVersion = .v3, authentication: Authentication = .none
  ) -> Advertisement {
    Advertisement(
      version: version, vrid: VRID(rawValue: vrid)!, priority: AdvertisedPriority(fieldValue: priority),
      interval: AdvertisementInterval(centiseconds: interval)!, addresses: addresses.map { IPAddress($0)! },
      authentication: authentication)
  }

  static func packet(
    _ advertisement: Advertisement = advertisement(), from source: IPAddress = one, to destination: IPAddress = group,
    hopLimit: UInt8 = 255, checksum: ChecksumForm = .pseudoHeader
  ) -> ObservedPacket {
    ObservedPacket(
      source: source, destination: destination, hopLimit: hopLimit,
      payload: advertisement.encode(from: source, to: destination, checksum: checksum))
  }

  /// An IPv4 header of 20 bytes. RFC 791 §3.1
  static func ipv4(_ packet: ObservedPacket, fragmentOffset: UInt8 = 0) -> [UInt8] {
    let length = 20 + packet.payload.count
    return [0x45, 0xc0, UInt8(length >> 8), UInt8(length & 0xff), 0, 0, 0, fragmentOffset, packet.hopLimit, 112, 0, 0]
      + packet.source.bytes + packet.destination.bytes + packet.payload
  }

  static let hardware: [UInt8] = [0x02, 0, 0, 0, 0, 0x31]
  static let groupHardware: [UInt8] = [0x01, 0, 0x5e, 0, 0, 0x12]

  @Test("Ethernet with padding, with a VLAN's tag, cooked in both ways, and no frame at all")
  func frames() throws {
    let packet = Self.packet()
    var expected = packet
    expected.hardwareSource = MACAddress(bytes: Self.hardware)
    let inside = Self.ipv4(packet)
    let padding = [UInt8](repeating: 0, count: 14)
    let ethernet = Self.groupHardware + Self.hardware
    #expect(ObservedPacket(frame: ethernet + [0x08, 0] + inside + padding, kind: .ethernet) == expected)
    #expect(ObservedPacket(frame: ethernet + [0x81, 0, 0, 100, 0x08, 0] + inside, kind: .ethernet) == expected)
    let cooked: [UInt8] = [0, 1, 0, 1, 0, 6] + Self.hardware + [0, 0, 0x08, 0]
    #expect(ObservedPacket(frame: cooked + inside, kind: .linuxCooked) == expected)
    let cooked2: [UInt8] = [0x08, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6] + Self.hardware + [0, 0]
    #expect(ObservedPacket(frame: cooked2 + inside, kind: .linuxCooked2) == expected)
    #expect(ObservedPacket(frame: inside, kind: .raw) == packet)
    #expect(ObservedPacket(frame: Self.ipv4(packet, fragmentOffset: 3), kind: .raw) == nil)
  }

  @Test("IPv6")
  func ipv6() {
    let source = IPAddress("fe80::1")!
    let destination = IPFamily.ipv6.vrrpGroup
    let payload = Self.advertisement(addresses: ["fe80::12", "fd10::39"]).encode(
      from: source, to: destination, checksum: .pseudoHeader)
    let header: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(payload.count), 112, 255]
    let packet = ObservedPacket(frame: header + source.bytes + destination.bytes + payload + [0, 0], kind: .raw)
    #expect(packet == ObservedPacket(source: source, destination: destination, payload: payload))
  }

  @Test("Whatever a frame is cut to, or made of, nothing is read that is not there", arguments: LinkKind.allCases)
  func cut(_ kind: LinkKind) {
    let whole = Self.groupHardware + Self.hardware + [0x08, 0] + Self.ipv4(Self.packet())
    var random = SplitMix(seed: 0xf4a3e)
    for length in 0...whole.count {
      _ = ObservedPacket(frame: Array(whole[..<length]), kind: kind)
      var changed = whole
      for _ in 0..<3 { changed[Int(random.next() % UInt64(changed.count))] = UInt8(truncatingIfNeeded: random.next()) }
      var judge = CaptureJudge()
      if let packet = ObservedPacket(frame: changed, kind: kind) {
        #expect(!judge.judge(packet, at: .zero).words.isEmpty)
      }
    }
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var packets: [ObservedPacket]
    /// Of the last one.
    var remarks: [String]
    /// From one packet to the next.
    var pause = Duration.milliseconds(100)
    var hasFile = false
  }

  @Test(arguments: [
    Row(testDescription: "all is well", packets: [packet(), packet()], remarks: []),
    Row(
      testDescription: "a TTL", packets: [packet(hopLimit: 64)],
      remarks: ["TTL 64, not 255: most routers discard it (RX-1)"]),
    Row(
      testDescription: "another group", packets: [packet(to: IPAddress("224.0.0.5")!)],
      remarks: ["sent to 224.0.0.5, and VRRP's group is 224.0.0.18 (RX-10)"]),
    Row(
      testDescription: "a password",
      packets: [packet(advertisement(version: .v2, authentication: .password(SimplePassword("secret")!)))],
      remarks: ["its password is readable by everybody on this network"]),
    Row(
      testDescription: "two Active Routers", packets: [packet(), packet(advertisement(priority: 150), from: two)],
      remarks: ["10.0.10.31 is Active too, with priority 200"]),
    Row(
      testDescription: "a takeover by a better one",
      packets: [packet(advertisement(priority: 150), from: two), packet()],
      remarks: []),
    Row(
      testDescription: "a takeover after a farewell",
      packets: [packet(advertisement(priority: 0)), packet(advertisement(priority: 150), from: two)], remarks: []),
    Row(
      testDescription: "a takeover after silence",
      packets: [packet(), packet(advertisement(priority: 150), from: two)],
      remarks: [], pause: .seconds(3)),
    Row(
      testDescription: "another VRID", packets: [packet(), packet(advertisement(priority: 150, vrid: 13), from: two)],
      remarks: []),
    Row(
      testDescription: "another interval and list",
      packets: [packet(), packet(advertisement(priority: 201, interval: 50, addresses: ["10.0.10.40"]), from: two)],
      remarks: ["every 500ms, and 10.0.10.31 every 1s", "other addresses than 10.0.10.31, which has 10.0.10.39"]),
    Row(
      testDescription: "another version",
      packets: [packet(), packet(advertisement(priority: 201, version: .v2), from: two, checksum: .rfc9568)],
      remarks: ["version 2, and 10.0.10.31 speaks 3"]),
    Row(testDescription: "as the file has it", packets: [packet(to: two)], remarks: [], hasFile: true),
    Row(
      testDescription: "a stranger", packets: [packet(from: IPAddress("10.0.10.99")!)],
      remarks: ["10.0.10.99 is no node of the file, and uses VRID 12"], hasFile: true),
    Row(
      testDescription: "a VRID of somebody else", packets: [packet(advertisement(vrid: 51))],
      remarks: ["VRID 51 is not in the file"], hasFile: true),
    Row(
      testDescription: "not as the file has it",
      packets: [packet(advertisement(interval: 200, addresses: ["10.0.10.40"], version: .v2))],
      remarks: [
        "version 2, and the file says 3", "every 2s, and the file says 1s",
        "without 10.0.10.39, which the file has", "with 10.0.10.40, which the file has not",
      ], hasFile: true),
  ])
  func remarks(_ row: Row) throws {
    let file = """
      cluster: c
      nodes: [{name: n1, address: 10.0.10.31}, {name: n2, address: 10.0.10.32}]
      virtual_routers: [{name: web, vrid: 12, addresses: [10.0.10.39/24]}]
      """
    let configuration = try ClusterFile.parse(text: file, fileName: "c.yaml").get()
    var judge = CaptureJudge(configuration: row.hasFile ? configuration : nil)
    var remarks: [String] = []
    for (index, packet) in row.packets.enumerated() { remarks = judge.judge(packet, at: row.pause * index).remarks }
    #expect(remarks == row.remarks)
  }

  @Test("Lines")
  func lines() {
    var judge = CaptureJudge()
    #expect(
      judge.judge(Self.packet(to: Self.two), at: .zero).words
        == "10.0.10.31 → 10.0.10.32  v3 VRID 12 priority 200 every 1s  10.0.10.39  pseudo_header")
    #expect(
      judge.judge(Self.packet(Self.advertisement(priority: 0), checksum: .rfc9568), at: .zero).words
        == "10.0.10.31 → 224.0.0.18  v3 VRID 12 farewell (priority 0) every 1s  10.0.10.39  rfc9568")
    var broken = Self.packet()
    broken.payload[6] ^= 1
    #expect(
      judge.judge(broken, at: .zero).words
        == "10.0.10.31 → 224.0.0.18  12 bytes that begin v3 VRID 12 priority 200  ! its checksum is wrong (RX-5)")
  }

  @Test("A file that is written can be read, and one that is none cannot")
  func files() throws {
    #expect(throws: RecordingFailure.self) { try PacketRecording(reading: "/nonexistent.pcap") }
    #expect(throws: RecordingFailure.self) { try PacketRecording(reading: "/etc/hostname") }
    #expect(throws: RecordingFailure.self) { try PacketRecording(listeningOn: "no-such0") }
  }
}

struct SplitMix {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
