// Packets that somebody forges: nothing moves. PROTOCOL.md RX-1, RX-10; RFC 9568 §5.1.1.3

import ControlAPI
import Rehearsal
import Testing

@Suite("Forged advertisements", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct ForgeryTests {
  struct Forgery: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var source = "10.0.10.32"
    var destination = "10.0.10.31"
    var timeToLive: UInt8 = 255
    var priority: UInt8 = 254
    var vrid: UInt8 = 12
    var damage = false
    /// Under what it is counted at its destination.
    var reason: String?
  }

  private static let forgeries = [
    Forgery(testDescription: "a stranger with priority 254", source: "10.0.10.250", reason: "peer"),
    Forgery(
      testDescription: "a stranger says farewell to a Backup Router", source: "10.0.10.250", destination: "10.0.10.32",
      priority: 0, reason: "peer"),
    Forgery(testDescription: "a peer's address, but TTL 64", timeToLive: 64, reason: "ttl"),
    Forgery(testDescription: "a peer's address, but TTL 254", timeToLive: 254, reason: "ttl"),
    Forgery(
      testDescription: "the holder's farewell with TTL 64", source: "10.0.10.31", destination: "10.0.10.32",
      timeToLive: 64, priority: 0, reason: "ttl"),
    Forgery(testDescription: "a wrong checksum", damage: true, reason: "checksum"),
    Forgery(testDescription: "another VRID", vrid: 13, reason: "vrid"),
    // The kernel itself has no use for these.
    Forgery(testDescription: "a stranger to the multicast group", source: "10.0.10.250", destination: "224.0.0.18"),
    Forgery(testDescription: "a peer's address to the multicast group", destination: "224.0.0.18"),
    Forgery(testDescription: "our own address", source: "10.0.10.31"),
  ]

  /// RFC 9568 §5.2, with the checksum over the pseudo-header too, as most send it.
  private func payload(_ forgery: Forgery) -> [UInt8] {
    var message: [UInt8] = [0x31, forgery.vrid, forgery.priority, 1, 0, 10, 0, 0, 10, 0, 10, 39]
    let addresses = [forgery.source, forgery.destination].flatMap { $0.split(separator: ".").compactMap { UInt8($0) } }
    let bytes = addresses + [0, 112, 0, UInt8(message.count)] + message
    var sum = stride(from: 0, to: bytes.count, by: 2).reduce(0) { $0 + Int(bytes[$1]) << 8 + Int(bytes[$1 + 1]) }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    let checksum = ~sum & 0xffff
    message[6] = UInt8(checksum >> 8) ^ (forgery.damage ? 0xff : 0)
    message[7] = UInt8(checksum & 0xff)
    return message
  }

  private func send(_ forgery: Forgery, _ count: Int, in cluster: Cluster) throws {
    try cluster.testbed.client.send(
      RawPacket(
        from: forgery.source, to: forgery.destination, timeToLive: forgery.timeToLive, payload: payload(forgery)),
      times: count)
  }

  /// How many packets a node has discarded for this reason, or without a look at them.
  private func discarded(_ reason: String, by node: String, in cluster: Cluster) throws -> Int {
    let status = try cluster.status(node)
    let strays = try #require(status.strays)
    return status.virtualRouters.reduce(strays.unexamined + (strays.discarded[reason] ?? 0)) {
      $0 + ($1.discarded[reason] ?? 0)
    }
  }

  @Test("None of them moves anything, and each is counted under its reason")
  func nothingMoves() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let before = try cluster.testbed.nodes.map { try cluster.router(on: $0.name).transitions }
      try cluster.testbed.client.run("ip", ["route", "add", "224.0.0.0/4", "dev", "eth0"])
      let wire = try await Capture(on: cluster["n1"], "ip proto 112 and ether src 02:00:00:00:03:00")
      for forgery in Self.forgeries {
        let node = forgery.destination == "10.0.10.32" ? "n2" : "n1"
        let counted = try forgery.reason.map { try discarded($0, by: node, in: cluster) }
        try send(forgery, 5, in: cluster)
        if let reason = forgery.reason, let counted {
          try await cluster.wait(until: "\(node) has counted \(forgery.testDescription)") {
            try discarded(reason, by: node, in: cluster) == counted + 5
          }
        }
        let sent = try cluster.router(on: "n1").advertisementsSent
        try await cluster.wait(until: "n1 has advertised more than Active_Down_Interval's worth") {
          try cluster.router(on: "n1").advertisementsSent >= sent + 4
        }
        let after = try cluster.testbed.nodes.map { try cluster.router(on: $0.name).transitions }
        #expect(after == before, "\(forgery.testDescription)")
        #expect(try await cluster.holder() == "n1", "\(forgery.testDescription)")
      }
      expectUndisturbed(client.stop())
      // They did arrive: those that were sent to n1, and those to the group.
      try await wire.wait(for: 8 * 5, of: "vrrp")
      try expectControl(cluster)
    }
  }

  /// The instrument itself: a peer's own advertisement, forged without a mistake, does depose the holder.
  private func expectControl(_ cluster: Cluster) throws {
    let before = try cluster.router(on: "n1").transitions
    try send(Forgery(testDescription: "a perfect forgery"), 1, in: cluster)
    let end = Moment.now() + .seconds(5)
    while try cluster.router(on: "n1").transitions == before {
      try #require(Moment.now() < end, "a packet without any mistake must have an effect, or this test proves nothing")
    }
  }

  @Test("A flood of forgeries does not silence the holder")
  func flood() async throws {
    try await Cluster.with(ClusterFile()) { cluster in
      try await cluster.holder(is: "n1")
      let client = try await cluster.client()
      let before = try cluster.testbed.nodes.map { try cluster.router(on: $0.name).transitions }
      let sent = try cluster.router(on: "n1").advertisementsSent
      try await cluster.wait(until: "n1 has sent 20 more, in the flood") {
        try send(Self.forgeries[0], 500, in: cluster)
        try send(Self.forgeries[2], 500, in: cluster)
        return try cluster.router(on: "n1").advertisementsSent >= sent + 20
      }
      #expect(try cluster.testbed.nodes.map { try cluster.router(on: $0.name).transitions } == before)
      expectUndisturbed(client.stop())
    }
  }
}
