// What the change descriptor tells, and what it spares the daemon.

import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("Changes of links and addresses")
struct ChangeTests {
  /// A host that has looked at its interfaces, with no notification waiting.
  private func quietPair() throws -> TestPair {
    let pair = try TestPair()
    _ = pair.left.drainChanges()
    _ = try pair.left.interfaces()
    return pair
  }

  private func changed(_ pair: TestPair) -> Bool {
    while waitUntilReadable([pair.left.changeDescriptor]) {
      if pair.left.drainChanges() { return true }
    }
    return false
  }

  private func link(_ pair: TestPair) throws -> NetworkInterface {
    try #require(try pair.left.interfaces().first { $0.name == "left" })
  }

  @Test("Nothing to tell at first, but that nobody has looked yet")
  func quiet() throws {
    let namespace = try TestNamespace()
    let host = try LinuxHost.inside(namespace)
    #expect(host.drainChanges())
    let all = try host.interfaces()
    #expect(all.map(\.name) == ["lo"])
    #expect(all.first?.isUp == true)
    #expect(all.first?.addresses.map(\.address.description) == ["127.0.0.1/8", "::1/128"])
    #expect(!host.drainChanges())
    #expect(!waitUntilReadable([host.changeDescriptor], seconds: 0))
  }

  @Test("An address that somebody adds or removes")
  func addresses() throws {
    let pair = try quietPair()
    for address in ["192.0.2.50/24", "2001:db8::50/64"] {
      try pair.leftNamespace.ip("address add \(address) dev left nodad")
      #expect(changed(pair))
      #expect(try link(pair).holds(withPrefix(address).address))
      try pair.leftNamespace.ip("address delete \(address) dev left")
      #expect(changed(pair))
      #expect(try !link(pair).holds(withPrefix(address).address))
    }
  }

  @Test("The link: down, up, carrier lost at the other end and back")
  func carrier() throws {
    let pair = try quietPair()
    for (namespace, name) in [(pair.leftNamespace, "left"), (pair.rightNamespace, "right")] {
      try namespace.ip("link set \(name) down")
      repeat { #expect(changed(pair)) } while try link(pair).isUp
      try namespace.ip("link set \(name) up")
      repeat { #expect(changed(pair)) } while try !link(pair).isUp
    }
  }

  @Test("An interface that goes, comes, and is renamed")
  func comings() throws {
    let pair = try quietPair()
    try pair.leftNamespace.ip("link delete left")
    #expect(changed(pair))
    #expect(try pair.left.interfaces().map(\.name) == ["lo"])
    try pair.leftNamespace.ip("link add name left type bridge")
    #expect(changed(pair))
    let appeared = try link(pair)
    #expect(appeared.index != pair.leftLink.index && !appeared.isUp && appeared.hardwareAddress != nil)
    try pair.leftNamespace.ip("link set left name other")
    #expect(changed(pair))
    #expect(try pair.left.interfaces().map(\.name).sorted() == ["lo", "other"])
  }

  @Test("VLANs, bridges, bonds and macvlans are interfaces like any other")
  func kinds() async throws {
    let pair = try quietPair()
    for command in [
      "link add link left name left.7 type vlan id 7", "link add name bridge0 type bridge",
      "link add link left name mac0 type macvlan mode bridge", "link add name bond0 type bond",
    ] {
      // A kernel without one of them says so in these words; that is no fault of ours.
      do { try pair.leftNamespace.ip(command) } catch let error as SystemCallFailure {
        guard error.description.contains("nknown device type") else { throw error }
      }
    }
    let names = try pair.left.interfaces().map(\.name)
    for name in names where !["lo", "left"].contains(name) {
      try pair.leftNamespace.ip("link set \(name) up")
      #expect(try pair.left.interfaces().first { $0.name == name }?.hardwareAddress != nil)
      if name == "bridge0" || name == "bond0" { continue }
      let isUp = try await eventually { try pair.left.interfaces().first { $0.name == name }?.isUp == true }
      #expect(isUp)
    }
    print("kinds seen: \(names)")
  }

  @Test("A renewed lease is no change; addresses that vipd itself has installed and has looked at are none either")
  func renewals() throws {
    let pair = try quietPair()
    let leased = ["192.0.2.50/24", "2001:db8::50/64"].map { placement($0, on: pair.leftLink) }
    _ = pair.left.install(leased, lease: .seconds(60))
    #expect(changed(pair))
    _ = try pair.left.interfaces()
    for _ in 0..<10 { _ = pair.left.install(leased, lease: .seconds(60)) }
    #expect(waitUntilReadable([pair.left.changeDescriptor]))
    #expect(!pair.left.drainChanges())
    #expect(!waitUntilReadable([pair.left.changeDescriptor], seconds: 0))
  }

  @Test("Our address taken over by another's mark is a change")
  func markLost() throws {
    let pair = try quietPair()
    let ours = placement("192.0.2.50/24", on: pair.leftLink)
    _ = pair.left.install([ours])
    _ = try pair.left.interfaces()
    _ = pair.left.drainChanges()
    try pair.leftNamespace.ip("address replace 192.0.2.50/24 dev left")
    #expect(changed(pair))
    #expect(try link(pair).addresses.contains(HeldAddress(address: ours.address, isOurs: false)))
  }

  @Test("Lost notifications mean: look anew, even where all that were kept are harmless")
  func overrun() throws {
    let pair = try quietPair()
    let ours = placement("192.0.2.50/24", on: pair.leftLink)
    _ = pair.left.install([ours])
    _ = pair.left.drainChanges()
    _ = try pair.left.interfaces()
    // Each renewal is a harmless notification of about 1 KiB; the queue takes 8 MiB.
    _ = pair.left.install(Array(repeating: ours, count: 20_000))
    #expect(pair.left.drainChanges())
    // What was kept is read to its end, and then all is quiet.
    while pair.left.drainChanges() {}
    #expect(!waitUntilReadable([pair.left.changeDescriptor], seconds: 0))
    try pair.leftNamespace.ip("address add 192.0.2.51/24 dev left")
    #expect(changed(pair))
  }

  @Test("Hundreds of interfaces are listed with their addresses")
  func hundreds() throws {
    let namespace = try TestNamespace()
    let host = try LinuxHost.inside(namespace)
    let commands = (0..<150).map { number in
      "link add name a\(number) type veth peer name b\(number)\naddress add 10.8.\(number).1/32 dev a\(number)"
    }
    try namespace.ipBatch(commands)
    var found: [NetworkInterface] = []
    let time = try ContinuousClock().measure { found = try host.interfaces() }
    #expect(found.count == 301)
    #expect(found.allSatisfy { $0.name.hasPrefix("a") == ($0.addresses.count == 1) || $0.name == "lo" })
    print("301 interfaces listed in \(time)")
  }
}
