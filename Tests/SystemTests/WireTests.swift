// What we send, as Wireshark understands it.

import ControlAPI
import Rehearsal
import Testing

@Suite("On the wire", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct WireTests {
  /// Not those that an ICMP error quotes, as it comes from a host whose daemon has stopped.
  private static let advertisements = "vrrp && !icmp && !icmpv6"

  private static let fields = [
    "ip.src", "ip.dst", "ip.ttl", "ipv6.src", "ipv6.dst", "ipv6.hlim", "vrrp.version", "vrrp.type", "vrrp.virt_rtr_id",
    "vrrp.prio", "vrrp.addr_count", "vrrp.reserved_mbz", "vrrp.short_adver_int", "vrrp.ip_addr", "vrrp.ipv6_addr",
    "vrrp.checksum.status",
  ]

  /// What a cluster sends from before its election until after its holder has stopped.
  private func capture(_ file: ClusterFile, _ judge: (Capture) throws -> Void) async throws {
    try await Cluster.with(file, services: false, daemons: false) { cluster in
      // n2 sends, and is sent to: it has all kinds of packets on its wire.
      let wire = try await Capture(on: cluster["n2"], "ip proto 112 or ip6 proto 112 or arp or icmp6")
      // One after another, so that none but n1 is ever the first to speak.
      try cluster.start("n1")
      try await cluster.wait(until: "n1 is Active") { try cluster.router(on: "n1").state == .active }
      for node in ["n2", "n3"] { try cluster.start(node) }
      try await cluster.holder(is: "n1")
      try await cluster.stop("n1")
      try await cluster.holder(is: "n2")
      try cluster.start("n1")
      try await cluster.holder(is: "n1")
      try await wire.stop()
      try judge(wire)
    }
  }

  @Test("Advertisements of both families are as RFC 9568 has them, and no frame is malformed")
  func advertisements() async throws {
    try await capture(ClusterFile(addresses: ["10.0.10.39/24", "10.0.10.40/24", "fd10::39/64"])) { wire in
      let all = try wire.fields(Self.fields, of: Self.advertisements)
      let (v6, v4) = (all.filter { $0["ip.src"] == "" }, all.filter { $0["ip.src"] != "" })
      // n1's of two reigns, its farewell, and n2's of one.
      #expect(v4.count >= 6 && v6.count >= 6)
      for packet in all {
        #expect(packet["vrrp.version"] == "3" && packet["vrrp.type"] == "1" && packet["vrrp.virt_rtr_id"] == "12")
        #expect(packet["vrrp.short_adver_int"] == "10", "centiseconds")
        #expect(packet["vrrp.reserved_mbz"] == "0")
      }
      for packet in v4 {
        #expect(packet["ip.ttl"] == "255")
        #expect(packet["vrrp.addr_count"] == "2" && packet["vrrp.ip_addr"] == "10.0.10.39,10.0.10.40")
        #expect(Self.isGood(packet))
      }
      for packet in v6 {
        #expect(packet["ipv6.hlim"] == "255")
        #expect(packet["vrrp.addr_count"] == "2" && packet["vrrp.ipv6_addr"]?.hasSuffix(",fd10::39") ?? false)
        #expect(packet["vrrp.ipv6_addr"]?.hasPrefix("fe80::") ?? false)
        #expect(Self.isGood(packet))
      }
      #expect(Set(v4.compactMap { $0["ip.src"] }) == ["10.0.10.31", "10.0.10.32"])
      #expect(Set(v6.compactMap { $0["ipv6.src"] }) == ["fd10::31", "fd10::32"])
      #expect(Set(all.compactMap { $0["vrrp.prio"] }) == ["200", "150", "0"])
      // Unicast: a copy for each peer.
      #expect(
        Set(v4.filter { $0["ip.src"] == "10.0.10.32" }.compactMap { $0["ip.dst"] }) == ["10.0.10.31", "10.0.10.33"])
      #expect(try wire.fields(["frame.number"], of: "_ws.malformed || _ws.expert.severity == \"Error\"").isEmpty)
      #expect(try !wire.fields(["frame.number"], of: "arp.src.proto_ipv4 == 10.0.10.39").isEmpty)
      #expect(try !wire.fields(["frame.number"], of: "icmpv6.nd.na.target_address == fd10::39").isEmpty)
    }
  }

  @Test("checksum: rfc9568 leaves the pseudo-header out over IPv4")
  func checksumForms() async throws {
    try await capture(ClusterFile(more: ["checksum: rfc9568"])) { wire in
      let plain = try wire.fields(Self.fields, of: Self.advertisements, preferences: ["vrrp.v3_checksum_as_in_v2:TRUE"])
      #expect(!plain.isEmpty && plain.allSatisfy(Self.isGood))
      let withPseudoHeader = try wire.fields(Self.fields, of: Self.advertisements)
      #expect(!withPseudoHeader.contains(where: Self.isGood))
    }
  }

  /// Versions of tshark differ in how they write it.
  private static func isGood(_ packet: [String: String]) -> Bool {
    ["1", "Good"].contains(packet["vrrp.checksum.status"])
  }
}
