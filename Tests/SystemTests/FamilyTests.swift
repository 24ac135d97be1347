// IPv4 and IPv6: addresses of one virtual router move together, and the neighbours are told at once.

import ControlAPI
import Rehearsal
import Testing

@Suite("Families", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct FamilyTests {
  private static let both = ["10.0.10.39/24", "fd10::39/64"]

  @Test("Addresses of both families move together")
  func together() async throws {
    let file = ClusterFile(addresses: Self.both, trackers: ["docker": "process: dockerd, weight: -120"])
    try await Cluster.with(file) { cluster in
      let docker = try cluster.testbed.nodes.map { try $0.startProcess(named: "dockerd") }
      try await cluster.everyoneIsFit()
      try await cluster.holder(is: "n1")
      #expect(try cluster.status("n1").virtualRouters.map(\.family) == [.ipv4, .ipv6])
      let clients = [try await cluster.client(), try await cluster.client(to: "fd10::39")]
      docker[0].kill()
      try await cluster.holder(is: "n2")
      for client in clients { try await client.waitForAnswer(from: "n2", for: .milliseconds(100)) }
      try cluster["n1"].startProcess(named: "dockerd")
      try await cluster.holder(is: "n1")
      for client in clients {
        try await client.waitForAnswer(from: "n1", for: .milliseconds(100))
        // For the moment in which both have it, a neighbour that asks may be answered by either.
        let order = client.stop().responders
        #expect(order.first == "n1" && order.last == "n1" && Set(order) == ["n1", "n2"], "\(order)")
      }
    }
  }

  @Test("IPv6 alone, with duplicate address detection as on a real host", arguments: [false, true])
  func alone(duplicateAddressDetection: Bool) async throws {
    var layout = TestbedLayout.lan()
    layout.duplicateAddressDetection = duplicateAddressDetection
    try await Cluster.with(ClusterFile(addresses: ["fd10::39/64", "fd10::40/64"]), on: layout) { cluster in
      try await cluster.holder(is: "n1")
      let router = try cluster.router(on: "n1")
      #expect(router.family == .ipv6 && router.activeRouter?.address == "fd10::31")
      // RFC 9568 §5.2.9 wants a link-local address first, so there is one more than the file has.
      #expect(router.addresses.map(\.address).first?.hasPrefix("fe80:") ?? false)
      #expect(router.addresses.count == 3)
      let outage = try await cluster.outage(of: "fd10::39") { try cluster.testbed.killHost(cluster["n1"]) }
      // Of n2, whose priority is 150: 341 ms. What does not wait for detection is soon there.
      #expect(outage < .milliseconds(341 + 300))
      let addresses = try cluster["n2"].run("ip", ["-6", "addr", "show", "dev", "eth0"]).output
      let virtual = addresses.split(separator: "\n").filter { $0.contains("fd10::39/") || $0.contains("fd10::40/") }
      #expect(virtual.count == 2)
      #expect(virtual.allSatisfy { !$0.contains("tentative") && !$0.contains("dadfailed") }, "\(addresses)")
    }
  }
}

@Suite("Announcements", .sharesTheMachine, .tellsWhatDaemonsWrote)
struct AnnouncementTests {
  private static let second = "02:00:00:00:01:00"

  @Test("A silent neighbour's cache points to the new holder, as gratuitous ARP and neighbour advertisements say")
  func neighbours() async throws {
    let file = ClusterFile(addresses: ["10.0.10.39/24", "fd10::39/64"])
    try await Cluster.with(file) { cluster in
      try await cluster.holder(is: "n1")
      let neighbour = cluster.testbed.client
      let addresses = ["10.0.10.39", "fd10::39"]
      for address in addresses {
        let host = address.contains(":") ? "[\(address)]" : address
        try #require(try neighbour.run("curl", ["--silent", "http://\(host)/"]).status.isSuccess)
        #expect(try cached(address, by: neighbour) == "02:00:00:00:00:00")
      }
      let wire = try await Capture(on: neighbour, "arp or icmp6")
      try await cluster.stop("n1")
      try await cluster.holder(is: "n2")
      for address in addresses {
        try await cluster.wait(until: "the neighbour knows the new holder of \(address)") {
          try cached(address, by: neighbour) == Self.second
        }
      }
      // At once, and again.
      let arp = "arp && eth.src == \(Self.second) && arp.src.proto_ipv4 == 10.0.10.39"
      let advertised = "icmpv6.type == 136 && eth.src == \(Self.second) && ipv6.dst == ff02::1"
      try await wire.wait(for: 2, of: arp)
      try await wire.wait(for: 2, of: "\(advertised) && icmpv6.nd.na.target_address == fd10::39")
      try await wire.stop()

      let requests = try wire.fields(
        ["eth.dst", "arp.src.hw_mac", "arp.src.proto_ipv4", "arp.dst.proto_ipv4"],
        of: arp)
      for request in requests {
        #expect(request["eth.dst"] == "ff:ff:ff:ff:ff:ff" && request["arp.src.hw_mac"] == Self.second)
        #expect(request["arp.dst.proto_ipv4"] == "10.0.10.39")
      }
      let advertisements = try wire.fields(
        [
          "ipv6.hlim", "icmpv6.nd.na.flag.s", "icmpv6.nd.na.flag.o", "icmpv6.opt.linkaddr",
          "icmpv6.checksum.status",
        ], of: advertised)
      for advertisement in advertisements {
        #expect(advertisement["ipv6.hlim"] == "255")
        #expect(["0", "False"].contains(advertisement["icmpv6.nd.na.flag.s"]))
        #expect(["1", "True"].contains(advertisement["icmpv6.nd.na.flag.o"]))
        #expect(advertisement["icmpv6.opt.linkaddr"] == Self.second)
        #expect(["1", "Good"].contains(advertisement["icmpv6.checksum.status"]))
      }
      #expect(try wire.fields(["frame.number"], of: "_ws.malformed").isEmpty)
    }
  }

  /// The hardware address that a node's neighbour table has for an address.
  private func cached(_ address: String, by node: TestbedNode) throws -> String? {
    let words = try node.run("ip", ["neigh", "show", address, "dev", "eth0"]).output.split(separator: " ")
    return words.firstIndex(of: "lladdr").map { String(words[$0 + 1]) }
  }
}
