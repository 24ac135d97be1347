// What people read when the kernel says no.

import CLibcap
import Glibc
import LinuxNetwork
import NetworkTypes
import Testing

@Suite("Refusals")
struct FailureTests {
  @Test("name interface, address, cause and capability")
  func withoutNetAdmin() throws {
    let pair = try TestPair()
    let placements = ["192.0.2.9/24", "2001:db8::9/64"].map { placement($0, on: pair.leftLink) }
    #expect(pair.left.install([placements[1]]).failures == [])
    let (installs, removals) = try without(CAP_NET_ADMIN) {
      (pair.left.install(placements), pair.left.remove([placements[1]]))
    }
    #expect(
      (installs + removals).failures == [
        "left: cannot add 192.0.2.9/24: operation not permitted (needs CAP_NET_ADMIN)",
        "left: cannot add 2001:db8::9/64: operation not permitted (needs CAP_NET_ADMIN)",
        "left: cannot remove 2001:db8::9/64: operation not permitted (needs CAP_NET_ADMIN)",
      ])
    #expect(installs.first?.failure?.code == EPERM)
  }

  @Test("name the capability at the start")
  func atTheStart() throws {
    let namespace = try TestNamespace()
    let noRaw = failure { try without(CAP_NET_RAW) { try LinuxHost.inside(namespace) } }
    #expect(
      noRaw?.description == "VRRP over IPv4: cannot open a raw socket: operation not permitted (needs CAP_NET_RAW)")
    let noAdmin = failure { try namespace.inside { try without(CAP_NET_ADMIN) { try LinuxHost() } } }
    #expect(
      noAdmin?.description == "rtnetlink: cannot change addresses: operation not permitted (needs CAP_NET_ADMIN)")
  }

  @Test("say when the interface is missing")
  func missingInterface() throws {
    let pair = try TestPair()
    let results = pair.left.install(
      ["192.0.2.9/24", "2001:db8::9/64"].map {
        AddressPlacement(address: withPrefix($0), interfaceIndex: 4711)
      })
    for (result, address) in zip(results, ["192.0.2.9/24", "2001:db8::9/64"]) {
      let text = try #require(result.failure?.description)
      #expect(text.hasPrefix("interface 4711: cannot add \(address): no such device"))
      #expect(text.hasSuffix("(the interface does not exist, or no longer)"))
      #expect(result.failure?.code == ENODEV)
    }
    let frame = failure { try pair.left.sendFrame(Array(repeating: 0, count: 60), interfaceIndex: 4711) }
    #expect(
      frame?.description
        == "interface 4711: cannot send a frame: no such device or address (the interface does not exist, or no longer)"
    )
    let packet = failure {
      try pair.left.send([0x31, 1], from: TestPair.left4, to: TestPair.right4, interfaceIndex: 4711)
    }
    #expect(packet?.code == ENODEV)
  }

  @Test("say that IPv6 is switched off on the interface")
  func withoutIPv6() throws {
    let pair = try TestPair()
    try pair.leftNamespace.inside { try writeFile("/proc/sys/net/ipv6/conf/left/disable_ipv6", "1") }
    let text = pair.left.install([placement("2001:db8::9/64", on: pair.leftLink)]).first?.failure?.description
    #expect(text?.hasPrefix("left: cannot add 2001:db8::9/64: permission denied") == true)
    #expect(text?.hasSuffix("(see net.ipv6.conf.left.disable_ipv6)") == true)
    print(text ?? "")
  }

  @Test("of a packet: foreign source, no route, link down, firewall")
  func packets() throws {
    let pair = try TestPair()
    let send = { (source: String, destination: String) in
      failure {
        try pair.left.send([0x31, 1], from: ip(source), to: ip(destination), interfaceIndex: pair.leftLink.index)
      }
    }
    for (source, destination) in [("192.0.2.66", "192.0.2.2"), ("2001:db8::66", "2001:db8::2")] {
      let text = try #require(send(source, destination)?.description)
      #expect(text.hasPrefix("left: cannot send from \(source) to \(destination): "))
      #expect(text.hasSuffix(" (\(source) is no address of this host)"))
    }
    #expect(
      send("2001:db8::1", "2001:db9::1")?.description
        == "left: cannot send from 2001:db8::1 to 2001:db9::1: network is unreachable")

    try pair.leftNamespace.inside {
      _ = try run(["nft", "add table inet f; add chain inet f o { type filter hook output priority 0; policy drop; }"])
    }
    #expect(
      send("192.0.2.1", "192.0.2.2")?.description
        == "left: cannot send from 192.0.2.1 to 192.0.2.2: operation not permitted "
        + "(a packet filter of this host rejects outgoing IP protocol 112)")
    try pair.leftNamespace.inside { _ = try run(["nft", "flush ruleset"]) }
    #expect(send("192.0.2.1", "192.0.2.2") == nil)

    try pair.leftNamespace.ip("link set left down")
    #expect(send("192.0.2.1", "192.0.2.2")?.code == ENETUNREACH)
    let frame = failure {
      try pair.left.sendFrame(Array(repeating: 0, count: 60), interfaceIndex: pair.leftLink.index)
    }
    #expect(frame?.description == "left: cannot send a frame: network is down")
  }

  @Test("of a filter too large for the kernel")
  func hugeFilter() throws {
    let pair = try TestPair()
    let sources = (0..<2000).map { IPAddress.v4(IPv4Address(rawValue: 0x0a00_0001 + $0)) }
    try pair.acceptFromLeft()
    let refusal = failure {
      try pair.right.setReceptionFilter(ReceptionFilter(sources: sources, vrids: [12], versions: [3]))
    }
    #expect(refusal?.description.hasPrefix("VRRP over IPv4: cannot attach the packet filter:") == true)
    // The filter before it is still in force.
    try pair.forge(advertisement(vrid: 12), from: TestPair.left4, to: TestPair.right4)
    #expect(pair.right.waitForDatagram()?.source == TestPair.left4)
  }

  @Test("read like a sentence, with and without a remedy")
  func wording() {
    var failure = HostNetworkFailure(
      subject: "eth0", operation: "add 192.0.2.9/24", cause: "operation not permitted",
      remedy: "needs CAP_NET_ADMIN", code: EPERM)
    #expect("\(failure)" == "eth0: cannot add 192.0.2.9/24: operation not permitted (needs CAP_NET_ADMIN)")
    failure.remedy = nil
    #expect("\(failure)" == "eth0: cannot add 192.0.2.9/24: operation not permitted")
  }
}

private func failure<Success>(_ body: () throws -> Success) -> HostNetworkFailure? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? HostNetworkFailure
  }
}

/// Runs `body` with one capability taken from the thread's effective set, and gives it back.
private func without<Success>(_ capability: CInt, _ body: () throws -> Success) throws -> Success {
  try setEffective(capability, CAP_CLEAR)
  defer {
    // A thread that stayed without would make other tests fail.
    do { try setEffective(capability, CAP_SET) } catch { fatalError("\(error)") }
  }
  return try body()
}

private func setEffective(_ capability: CInt, _ value: cap_flag_value_t) throws {
  guard let capabilities = cap_get_proc() else { throw SystemCallFailure(description: "cap_get_proc") }
  defer { cap_free(UnsafeMutableRawPointer(capabilities)) }
  var list = [cap_value_t(capability)]
  try check(cap_set_flag(capabilities, CAP_EFFECTIVE, 1, &list, value), "cap_set_flag")
  try check(cap_set_proc(capabilities), "cap_set_proc")
}
