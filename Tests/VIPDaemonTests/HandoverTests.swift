// Connections in a planned move, as the agent sees to them: when, for which addresses, and that a move does without where
// the host can not.

import ControlAPI
import Glibc
import NetworkTypes
import Testing
import VRRP

@testable import VIPDaemon

@Suite("Connections in a planned move")
struct HandoverTests {
  private let n2 = IPAddress("10.0.0.2")!
  private let address = IPAddress("10.0.0.9")!

  private func isActive(_ bench: Bench) async -> Bool {
    await bench.agent.status().virtualRouters.first?.state == .active
  }

  private func hear(_ priority: UInt8, _ bench: Bench, centiseconds: Int = 10) {
    bench.hear(from: "10.0.0.2", priority: AdvertisedPriority(fieldValue: priority), centiseconds: centiseconds)
  }

  @Test("The old holder keeps them before it removes the address, and for a moment only")
  func keeps() async throws {
    let bench = try Bench()
    try await eventually("Active") { await isActive(bench) }
    bench.host.forgetDeeds()
    hear(250, bench, centiseconds: 4000)
    try await eventually("over") { bench.host.deeds.last == .stoppedKeeping([address]) }
    let deeds = bench.host.deeds.drop { $0 != .kept([address]) }
    #expect(
      Array(deeds) == [
        .kept([address]), .removed(["10.0.0.9/24"]), .sent(AdvertisedPriority(fieldValue: 200), to: n2),
        .stoppedKeeping([address]),
      ])
    await bench.end()
  }

  @Test("One that holds the address again serves it as before, and then tells the neighbours")
  func returns() async throws {
    let bench = try Bench()
    try await eventually("Active") { await isActive(bench) }
    // With an interval that gives the farewell time to be heard before the silence is.
    hear(250, bench, centiseconds: 100)
    try await eventually("kept") { bench.host.deeds.contains(.kept([address])) }
    bench.host.forgetDeeds()
    hear(0, bench, centiseconds: 100)
    try await eventually("announced") { bench.host.deeds.contains(.frame(on: 2)) }
    let deeds = bench.host.deeds.drop { $0 != .forwarded([address], to: n2) }
    #expect(
      Array(deeds.prefix(4)) == [
        .forwarded([address], to: n2), .installed(["10.0.0.9/24"]), .stoppedKeeping([address]), .frame(on: 2),
      ])
    try await eventually("over") { bench.host.deeds.contains(.stoppedForwarding([address])) }
    await bench.end()
  }

  @Test("Nothing is passed on to one that has fallen silent")
  func silence() async throws {
    let bench = try Bench()
    hear(250, bench)
    try await eventually("Active") { await isActive(bench) }
    #expect(!bench.host.deeds.contains(.forwarded([address], to: n2)))
    await bench.end()
  }

  @Test("Both families go to the same node; a link-local address, and one on another interface, do without")
  func families() async throws {
    var own = Bench.eth0
    own.addresses.append(Bench.held("fd00::1/64"))
    var other = Bench.eth0
    other.index = 3
    other.name = "eth1"
    other.addresses = []
    let addresses = "[10.0.0.9/24, {address: 192.0.2.9/24, interface: eth1}, \"fd00::9/64\"]"
    let bench = try Bench(Bench.clusterFile(addresses: addresses), interfaces: [own, other])
    hear(100, bench)
    try await eventually("Active") { await isActive(bench) }
    let forwarded = bench.host.deeds.filter { if case .forwarded = $0 { true } else { false } }
    #expect(
      forwarded == [
        .forwarded([address], to: n2), .forwarded([IPAddress("fd00::9")!], to: IPAddress("fd00::2")!),
      ])
    await bench.end()
  }

  @Test("Where the host can not, the move goes on without")
  func refused() async throws {
    let bench = try Bench()
    bench.host.refuseHandovers(
      HostNetworkFailure(subject: "nftables", operation: "keep connections", cause: "not permitted", code: EPERM))
    hear(100, bench)
    try await eventually("Active") { await isActive(bench) }
    #expect(bench.host.deeds.contains(.installed(["10.0.0.9/24"])))
    hear(250, bench, centiseconds: 4000)
    try await eventually("removed") { bench.host.deeds.contains(.removed(["10.0.0.9/24"])) }
    await bench.end()
  }
}
