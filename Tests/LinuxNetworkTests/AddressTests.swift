// Virtual addresses put on interfaces and taken off again, seen by the kernel's own tools.

import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("Addresses")
struct AddressTests {
  /// One host with an interface `public0` whose other end nobody listens on.
  struct Host {
    let namespace: TestNamespace
    let far: TestNamespace
    let network: LinuxHost
    let link: NetworkInterface

    init(addressDetection: Bool = false) throws {
      namespace = try TestNamespace(addressDetection: addressDetection)
      far = try TestNamespace()
      try namespace.connect("public0", to: far, "far0")
      network = try namespace.inside { try LinuxHost() }
      link = try network.waitForLink("public0")
    }

    func held() throws -> [HeldAddress] {
      try network.interfaces().first { $0.name == "public0" }?.addresses.filter { !$0.address.address.isLinkLocal }
        ?? []
    }

    func shown(_ family: IPFamily, _ more: String = "") throws -> String {
      try namespace.ip("\(family == .ipv4 ? "-4" : "-6") address show dev public0 \(more)")
    }
  }

  @Test("are installed with our mark, listed as ours, and removed")
  func installAndRemove() throws {
    let host = try Host()
    try host.namespace.ip("address add 192.0.2.1/24 dev public0")
    try host.namespace.ip("address add 2001:db8::1/64 dev public0 nodad")
    let ours = ["192.0.2.9/24", "198.51.100.9/28", "203.0.113.9/32", "2001:db8::9/64", "fe80::9/64"]
    let placements = ours.map { placement($0, on: host.link) }

    #expect(host.network.install(placements).failures == [])
    // Another instance sees the mark too: it is the kernel that keeps it.
    let all = try LinuxHost.inside(host.namespace).interfaces().first { $0.name == "public0" }?.addresses ?? []
    #expect(Set(all.filter(\.isOurs).map(\.address.description)) == Set(ours))
    #expect(all.contains(HeldAddress(address: withPrefix("192.0.2.1/24"), isOurs: false)))
    #expect(all.contains(HeldAddress(address: withPrefix("2001:db8::1/64"), isOurs: false)))
    let shown4 = try host.shown(.ipv4)
    #expect(shown4.contains("inet 192.0.2.9/24 scope global secondary public0"), "\(shown4)")
    #expect(shown4.contains("inet 198.51.100.9/28 scope global public0"), "\(shown4)")
    #expect(!shown4.contains("brd"))
    // The network of an address is reached through the interface that bears it.
    #expect(try host.namespace.ip("route get 198.51.100.10").contains("dev public0 src 198.51.100.9"))

    #expect(host.network.remove(placements).failures == [])
    #expect(try host.held().allSatisfy { !$0.isOurs })
    #expect(try host.held().count == 2)
  }

  @Test("that are there already are success, and become ours; absent ones count as removed")
  func idempotence() throws {
    let host = try Host()
    try host.namespace.ip("address add 192.0.2.9/24 dev public0")
    try host.namespace.ip("address add 2001:db8::9/64 dev public0 nodad")
    let placements = ["192.0.2.9/24", "2001:db8::9/64"].map { placement($0, on: host.link) }
    for _ in 0..<2 {
      #expect(host.network.install(placements).failures == [])
      #expect(try host.held().map(\.isOurs) == [true, true])
    }
    for _ in 0..<2 {
      #expect(host.network.remove(placements).failures == [])
      #expect(try host.held().isEmpty)
    }
  }

  @Test("of IPv6 skip duplicate address detection and carry traffic at once")
  func withoutDetection() throws {
    let host = try Host(addressDetection: true)
    let address = placement("2001:db8::9/64", on: host.link)
    #expect(host.network.install([address]).failures == [])
    let shown = try host.shown(.ipv6, "scope global")
    #expect(shown.contains("nodad") && !shown.contains("tentative"), "\(shown)")
    try host.network.send(
      advertisement(vrid: 1), from: address.address.address, to: ip("2001:db8::2"), interfaceIndex: host.link.index)
  }

  @Test("of IPv6 that wait in duplicate address detection, or have failed it, are made usable")
  func rescuedFromDetection() async throws {
    let host = try Host(addressDetection: true)
    let farLink = try LinuxHost.inside(host.far).waitForLink("far0")
    try host.far.ip("address add 2001:db8::7/64 dev \(farLink.name) nodad")
    try host.namespace.ip("address add 2001:db8::7/64 dev public0")
    try host.namespace.ip("address add 2001:db8::8/64 dev public0")
    #expect(try host.shown(.ipv6, "tentative").contains("2001:db8::8/64"))
    let failed = try await eventually { try host.shown(.ipv6, "dadfailed").contains("2001:db8::7/64") }
    #expect(failed)
    // The same address with another prefix is in the way just as well.
    try host.namespace.ip("address add 2001:db8::9/128 dev public0")

    let placements = ["2001:db8::7/64", "2001:db8::8/64", "2001:db8::9/64"].map { placement($0, on: host.link) }
    #expect(host.network.install(placements).failures == [])
    let stuck = try host.shown(.ipv6, "scope global tentative") + host.shown(.ipv6, "scope global dadfailed")
    #expect(stuck.isEmpty, "\(stuck)")
    #expect(try host.held().filter(\.isOurs).count == 3)
  }

  @Test("of IPv6 are not the source of the host's own connections while it has another")
  func notASource() throws {
    let host = try Host()
    try host.namespace.ip("address add 2001:db8::1/64 dev public0 nodad")
    let address = placement("2001:db8::ffff:9/64", on: host.link)
    #expect(host.network.install([address]).failures == [])
    // The longest common prefix would be the virtual address's.
    let route = try host.namespace.ip("-6 route get 2001:db8::ffff:a")
    #expect(route.contains("src 2001:db8::1 "), "\(route)")
    try host.namespace.ip("address delete 2001:db8::1/64 dev public0")
    #expect(try host.namespace.ip("-6 route get 2001:db8::ffff:a").contains("src 2001:db8::ffff:9 "))
  }

  @Test("outlive the removal of another address of their network")
  func secondariesLive() throws {
    let host = try Host()
    // Nothing of the host's own here, as on a public interface: the first virtual address is the primary one.
    let first = placement("203.0.113.9/28", on: host.link)
    let second = placement("203.0.113.10/28", on: host.link)
    #expect(host.network.install([first, second]).failures == [])
    try host.namespace.ip("address add 203.0.113.2/28 dev public0")
    #expect(host.network.remove([first]).failures == [])
    #expect(try host.held().map(\.address.description).sorted() == ["203.0.113.10/28", "203.0.113.2/28"])
    #expect(try host.held().filter(\.isOurs).map(\.address) == [second.address])
    #expect(try host.namespace.ip("route get 203.0.113.3").contains("dev public0"))
  }

  @Test("with a lifetime are removed by the kernel, unless renewed", arguments: IPFamily.allCases)
  func lease(family: IPFamily) async throws {
    let host = try Host()
    let prefix = family == .ipv4 ? 24 : 64
    let own = family == .ipv4 ? "192.0.2.1" : "2001:db8::1"
    let texts = family == .ipv4 ? ["192.0.2.9", "192.0.2.10"] : ["2001:db8::9", "2001:db8::10"]
    try host.namespace.ip("address add \(own)/\(prefix) dev public0")
    let leased = texts.map { placement("\($0)/\(prefix)", on: host.link) }

    let clock = ContinuousClock()
    let start = clock.now
    // 1.9 s counts as 1 s: too short is the safe side.
    #expect(host.network.install(leased, lease: .milliseconds(1900)).failures == [])
    #expect(try host.held().count == 3)
    #expect(host.network.install([leased[1]], lease: .seconds(600)).failures == [])
    let expired = try await eventually { try host.held().count == 2 }
    #expect(expired)
    #expect(clock.now - start >= .milliseconds(900))
    print("\(family) lease of 1 s: gone after \(clock.now - start)")
    #expect(try host.held().filter(\.isOurs).map(\.address) == [leased[1].address])
    // The network stays reachable through the host's own address.
    let network = family == .ipv4 ? "192.0.2.0/24" : "2001:db8::/64"
    #expect(try host.namespace.ip("-\(family == .ipv4 ? 4 : 6) route show dev public0").contains(network))

    // Without a lifetime, it is for ever again.
    #expect(host.network.install([leased[1]]).failures == [])
    #expect(try host.shown(family, "to \(texts[1])").contains("valid_lft forever"))
  }

  @Test("by the thousand, in batches", arguments: IPFamily.allCases)
  func thousand(family: IPFamily) throws {
    let host = try Host()
    let placements = (1...1000).map { number in
      let text = family == .ipv4 ? "10.9.\(number / 250).\(number % 250 + 1)/16" : "2001:db8:9::\(number)/64"
      return placement(text, on: host.link)
    }
    let clock = ContinuousClock()
    var results: [Result<Void, HostNetworkFailure>] = []
    let installing = clock.measure { results = host.network.install(placements) }
    #expect(results.count == 1000 && results.failures.isEmpty)
    var held: [HeldAddress] = []
    let listing = try clock.measure { held = try host.held() }
    #expect(Set(held.map(\.address)) == Set(placements.map(\.address)) && held.allSatisfy(\.isOurs))
    let renewing = clock.measure { results = host.network.renew(placements, lease: .seconds(60)) }
    #expect(results.failures == [])
    let removing = clock.measure { results = host.network.remove(placements) }
    #expect(results.failures == [])
    #expect(try host.held().isEmpty)
    // Generous: some machines are slow, and some are asked for other things too. Renewed they are all but at once, though.
    #expect(renewing < .seconds(5))
    print(
      "measured: \(family), per address of 1000: \(installing / 1000) to install, \(renewing / 1000) to renew, "
        + "\(removing / 1000) to remove; \(listing) to list them")
  }

  @Test("that the kernel refuses do not hold up the others of their batch")
  func mixedBatch() throws {
    let host = try Host()
    let missing = AddressPlacement(address: withPrefix("192.0.2.10/24"), interfaceIndex: 4711)
    let results = host.network.install(
      [placement("192.0.2.9/24", on: host.link), missing, placement("192.0.2.11/24", on: host.link)])
    #expect(results.map { $0.failure?.code ?? 0 } == [0, ENODEV, 0])
    #expect(try host.held().map(\.address.description) == ["192.0.2.9/24", "192.0.2.11/24"])
    #expect(host.network.remove([missing]).failures == [])
    #expect(host.network.install([]).isEmpty)
  }
}

extension [Result<Void, HostNetworkFailure>] {
  /// What went wrong, in the words that a person would read.
  var failures: [String] { compactMap(\.failure?.description) }
}

extension Result where Success == Void, Failure == HostNetworkFailure {
  var failure: HostNetworkFailure? {
    if case .failure(let failure) = self { failure } else { nil }
  }
}

extension LinuxHost {
  static func inside(_ namespace: TestNamespace) throws -> LinuxHost { try namespace.inside { try LinuxHost() } }
}
