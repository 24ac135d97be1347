// Where virtual routers take place on odd hosts, and the small things beside the agent: words, and the limit on lines.

import NetworkTypes
import Testing
import VRRP

@testable import VIPDaemon

@Suite struct PlacementTests {
  private static func interface(
    _ index: Int, _ name: String, up: Bool = true, _ addresses: String...
  ) -> NetworkInterface {
    NetworkInterface(
      index: index, name: name, hardwareAddress: nil, isUp: up, addresses: addresses.map { Bench.held($0) })
  }

  private static func configuration(speakOn: String? = nil, carryOn: String? = nil) -> VirtualRouterConfiguration {
    VirtualRouterConfiguration(
      name: "ingress", vrid: VRID(rawValue: 12)!, priority: .standard,
      families: [
        FamilyConfiguration(
          localAddress: IPAddress("10.0.0.1")!, interface: speakOn,
          peers: [Peer(node: "n2", address: IPAddress("10.0.0.2")!)],
          addresses: [VirtualAddress(InterfaceAddress("203.0.113.9/28")!, interface: carryOn)])
      ])
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var configuration: VirtualRouterConfiguration
    var interfaces: [NetworkInterface]
    var outcome: Result<[Int], Obstacle>
  }

  static let rows: [Row] = [
    Row(
      testDescription: "the interface that holds the node's address", configuration: configuration(),
      interfaces: [interface(1, "lo"), interface(2, "eth0", "10.0.0.1/24")], outcome: .success([2, 2])),
    Row(
      testDescription: "VRRP on one, the address on another", configuration: configuration(carryOn: "eth1"),
      interfaces: [interface(2, "eth0", "10.0.0.1/24"), interface(3, "eth1")], outcome: .success([2, 3])),
    Row(
      testDescription: "the carrying one is down", configuration: configuration(carryOn: "eth1"),
      interfaces: [interface(2, "eth0", "10.0.0.1/24"), interface(3, "eth1", up: false)],
      outcome: .failure(.interfaceDown("eth1"))),
    Row(
      testDescription: "the carrying one is missing", configuration: configuration(carryOn: "eth1"),
      interfaces: [interface(2, "eth0", "10.0.0.1/24")], outcome: .failure(.interfaceMissing("eth1"))),
    Row(
      testDescription: "the named one is missing", configuration: configuration(speakOn: "ens160"),
      interfaces: [interface(2, "eth0", "10.0.0.1/24")], outcome: .failure(.interfaceMissing("ens160"))),
    Row(
      testDescription: "the named one does not hold the address", configuration: configuration(speakOn: "eth1"),
      interfaces: [interface(2, "eth0", "10.0.0.1/24"), interface(3, "eth1")],
      outcome: .failure(.addressNotOn(interface: "eth1", "10.0.0.1"))),
    Row(
      testDescription: "two hold it, one is up", configuration: configuration(),
      interfaces: [interface(2, "eth0", up: false, "10.0.0.1/24"), interface(3, "eth1", "10.0.0.1/24")],
      outcome: .success([3, 3])),
    Row(
      testDescription: "nothing holds it", configuration: configuration(), interfaces: [interface(1, "lo")],
      outcome: .failure(.addressNotHeld("10.0.0.1"))),
  ]

  @Test(arguments: rows) func place(_ row: Row) {
    let outcome = Result { () throws(Obstacle) in
      let placement = try Placement(of: row.configuration, on: row.interfaces)
      return placement.speaking.values.map(\.index) + placement.carrying.values.map(\.index)
    }
    #expect(outcome == row.outcome)
  }

  @Test func lineLimiter() {
    var limiter = LineLimiter<Int>(distance: .seconds(60))
    let start = Instant(sinceBoot: .seconds(100))
    #expect(limiter.suppressed(1, at: start) == 0)
    #expect(limiter.suppressed(2, at: start) == 0)
    for second in 1...59 { #expect(limiter.suppressed(1, at: start + .seconds(second)) == nil) }
    #expect(limiter.suppressed(1, at: start + .seconds(60)) == 59)
    for key in 3...1000 { _ = limiter.suppressed(key, at: start + .seconds(61)) }
    #expect(limiter.suppressed(5000, at: start + .seconds(61)) == nil, "a stranger's keys must not fill the memory")
    #expect(limiter.suppressed(5000, at: start + .seconds(200)) == 0)
  }

  @Test(arguments: [
    (Duration.milliseconds(35), "35 ms"), (.milliseconds(3062), "3 s"), (.milliseconds(3141), "3.1 s"),
    (.seconds(252), "4 min 12 s"), (.seconds(11100), "3 h 5 min"), (.milliseconds(-3), "0 ms"),
  ]) func durationsInWords(_ duration: Duration, _ words: String) {
    #expect(duration.inWords == words)
  }
}
