// Other hosts with this node's address: told in words, everywhere, and forgotten in time.

import ControlAPI
import Glibc
import NetworkTypes
import Testing
import VRRP
import VRRPWire

@testable import VIPDaemon

@Suite struct RivalTests {
  private static let rival = MACAddress(bytes: [2, 0, 0, 0, 0, 9])!
  private static let words =
    "10.0.0.1, this node's address, is also claimed by 02:00:00:00:00:09 on eth0: "
    + "two hosts with one address cannot both be peers; change one of them"

  private func claim(
    to address: String = "10.0.0.1", from hardware: MACAddress = rival, on index: Int = 2
  ) -> ReceivedFrame {
    guard case .v4(let address) = IPAddress(address)! else { preconditionFailure("IPv4") }
    return ReceivedFrame(
      bytes: GratuitousARP(address: address, hardwareAddress: hardware).frame, interfaceIndex: index)
  }

  @Test("A duplicate node address is a problem in words, in status and in metrics, and an event, once")
  func told() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    try await eventually("watches its own address") {
      bench.host.watched.last == [
        WatchedAddress(
          address: IPAddress("10.0.0.1")!, interfaceIndex: 2, hardwareAddress: Bench.eth0.hardwareAddress!)
      ]
    }
    bench.host.claim([claim(), claim()])
    try await eventually("told") { await bench.agent.status().rivals?.first?.claims == 2 }
    let status = await bench.agent.status()
    #expect(status.health?.problems == [Self.words])
    // Anybody on the network can make a claim; that must not take a node out of service.
    #expect(status.health?.fit == true)
    let rival = try #require(status.rivals?.first)
    #expect(rival.address == "10.0.0.1" && rival.hardwareAddress == "02:00:00:00:00:09" && rival.interface == "eth0")
    let labels = #"{address="10.0.0.1",hardware_address="02:00:00:00:00:09",interface="eth0"}"#
    #expect(PrometheusMetrics.text(for: status).contains("vipd_rival_claims_total\(labels) 2\n"))
    await bench.end()
    #expect(bench.host.probes == 1, "it asked, once")
    let events = bench.agent.events.events(from: bench.agent.events.resumption(after: 0), limit: 100) ?? []
    let told = events.filter { $0.event.kind == .address }.map(\.event.message)
    #expect(told == [Self.words])
  }

  @Test("A rival's claim to an address that this node holds is told, with its MAC, and outdone at once")
  func splitBrain() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    try await eventually("watches what it holds") {
      bench.host.watched.last?.map(\.address).contains(IPAddress("10.0.0.9")!) == true
    }
    bench.host.claim([claim(to: "10.0.0.9")])
    try await eventually("nothing is said of what a predecessor may still send") { bench.host.claimsWaiting == 0 }
    try await Task.sleep(for: .milliseconds(250))
    #expect(await bench.agent.status().rivals == [])
    bench.host.forgetDeeds()
    bench.host.claim([claim(to: "10.0.0.9")])
    try await eventually("announced again") { bench.host.deeds.contains(.frame(on: 2)) }
    let words =
      "ingress: 10.0.0.9, which this node holds, is also claimed by 02:00:00:00:00:09 on eth0: two hosts answer for it"
    #expect(await bench.agent.status().health?.problems == [words])
    await bench.end()
  }

  @Test("Another Active Router beside this one is told, counted, and over when it is")
  func twoActive() async throws {
    // So that "told" lasts for three seconds.
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    try await eventually("Active for a while") {
      await bench.agent.status().virtualRouters.first.map { $0.state == .active && $0.since > .milliseconds(1500) }
        == true
    }
    bench.hear(from: "10.0.0.2", priority: .contending(.standard), centiseconds: 100)
    bench.hear(from: "10.0.0.2", priority: .contending(.standard), centiseconds: 100)
    let words = "ingress: n2 (10.0.0.2) is Active too, with priority 100: two nodes answer for 10.0.0.9"
    try await eventually("told") { await bench.agent.status().health?.problems == [words] }
    #expect(await bench.agent.status().health?.fit == true)
    try await eventually("over") { await bench.agent.status().health?.problems == [] }
    #expect(await bench.agent.status().virtualRouters.first?.conflicts == 1)
    await bench.end()
    let events = bench.agent.events.events(from: bench.agent.events.resumption(after: 0), limit: 100) ?? []
    let told = events.filter { $0.event.kind == .peer }.map(\.event.message)
    #expect(told.count == 2 && told.first == words && told.last?.contains("no longer Active beside this node") == true)
  }

  @Test("Our own frames, other addresses, other interfaces and rubbish are no rivals")
  func notRivals() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    bench.host.claim([
      claim(from: Bench.eth0.hardwareAddress!), claim(to: "10.0.0.2"), claim(on: 3),
      ReceivedFrame(bytes: Array(claim().bytes.prefix(40)), interfaceIndex: 2),
      ReceivedFrame(bytes: [], interfaceIndex: 2), claim(),
    ])
    try await eventually("the last one is noted") { await bench.agent.status().rivals?.first?.claims == 1 }
    #expect(await bench.agent.status().rivals?.count == 1)
    let status = await bench.agent.status()
    #expect(status.strays?.flawedClaims == ["length": 2])
    #expect(PrometheusMetrics.text(for: status).contains("vipd_flawed_claims_total{flaw=\"length\"} 2\n"))
    await bench.end()
  }

  @Test("A flood of claims is listened to for a moment, and then again a second later")
  func flood() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    try await eventually("watches") { bench.host.watched.count == 1 }
    bench.host.claim(Array(repeating: claim(), count: 200))
    try await eventually("turns away, and listens again") {
      bench.host.watched.map(\.isEmpty) == [false, true, false]
    }
    #expect(await bench.agent.status().rivals?.first?.claims == NeighborAttention.claimsPerSecond)
    await bench.end()
  }

  @Test("Two address owners are told, and so is a rival of the one owner (RFC 9568 erratum 8298)")
  func owners() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s", priorities: [255, 150, 100]))
    bench.hear(from: "10.0.0.2", priority: AdvertisedPriority(fieldValue: 255), centiseconds: 100)
    try await eventually("the second owner is told") {
      await bench.agent.status().health?.problems == [
        "ingress: n2 (10.0.0.2) says that it owns the addresses (priority 255), and so does this node: "
          + "two address owners; give 255 to the one whose interface has them for good, or to none"
      ]
    }
    bench.hear(from: "10.0.0.2", priority: AdvertisedPriority(fieldValue: 254), centiseconds: 100)
    try await eventually("the rival is told") {
      await bench.agent.status().health?.problems == [
        "ingress: n2 (10.0.0.2) advertises priority 254, though this node owns the addresses (priority 255)"
      ]
    }
    #expect(await bench.agent.status().health?.fit == true)
    await bench.end()
  }

  @Test("An address that failed duplicate address detection is told")
  func failedDetection() async throws {
    var interface = Bench.eth0
    interface.addresses[0].isUsable = false
    interface.addresses[0].isDuplicate = true
    let bench = try Bench(interfaces: [interface])
    try await eventually("told") {
      await bench.agent.status().health?.problems.contains(
        "10.0.0.1, this node's address, failed duplicate address detection on eth0: "
          + "another host has it; change one of them, then set the link down and up") == true
    }
    #expect(await bench.agent.status().health?.fit == false)
    await bench.end()
  }

  @Test("A rival is forgotten a minute after its last word, and there is room for a few only")
  func book() {
    func at(_ seconds: Int) -> Instant { Instant(sinceBoot: .seconds(seconds)) }
    func rival(_ number: Int) -> Rival {
      Rival(
        address: IPAddress("10.0.0.1")!, hardwareAddress: MACAddress(bytes: [2, 0, 0, 0, 1, UInt8(number)])!,
        interface: "eth0")
    }
    var book = RivalBook()
    #expect(book.nextDeadline == nil)
    let isNew = [(1, 10), (1, 30), (2, 20)].map { book.note(rival($0.0), at: at($0.1)) }
    #expect(isNew == [true, false, true])
    #expect(book.nextDeadline == at(80))
    let gone = [79, 80].map { book.forget(at: at($0)) }
    #expect(gone == [[], [rival(2)]])
    #expect(book.inOrder.map(\.rival) == [rival(1)])
    #expect(book.inOrder.first?.sightings == RivalBook.Sightings(first: at(10), last: at(30), count: 2))
    for number in 0..<100 { _ = book.note(rival(number), at: at(85)) }
    #expect(book.rivals.count == RivalBook.capacity)
    let last = book.forget(at: at(145))
    #expect(last.count == RivalBook.capacity)
  }
}
