// The agent between the core and a network in memory: that it performs in order, counts, undoes what it did and nothing
// else, and comes back from whatever befell it.

import ControlAPI
import Glibc
import NetworkTypes
import Testing
import VRRP

@testable import VIPDaemon

@Suite struct FailoverAgentTests {
  private func state(_ bench: Bench) async -> VirtualRouterState? {
    await bench.agent.status().virtualRouters.first?.state
  }

  private func priority(_ value: UInt8) -> AdvertisedPriority { AdvertisedPriority(fieldValue: value) }

  @Test("FSM-4: advertises to every peer, installs, then announces, in that order")
  func takeover() async throws {
    let bench = try Bench()
    try await eventually("Active, and announced") { bench.host.deeds.contains(.frame(on: 2)) }
    let first = Array(bench.host.deeds.prefix(4))
    #expect(
      first == [
        .sent(priority(200), to: IPAddress("10.0.0.2")!), .sent(priority(200), to: IPAddress("10.0.0.3")!),
        .installed(["10.0.0.9/24"]), .frame(on: 2),
      ])
    let router = try #require(await bench.agent.status().virtualRouters.first)
    #expect(router.state == .active && router.interface == "eth0" && router.effectivePriority == 200)
    #expect(router.activeRouter?.node == "n1")
    await bench.end()
  }

  @Test("FSM-11: removes the addresses, and then says so to the winner alone")
  func yields() async throws {
    let bench = try Bench()
    try await eventually("Active") { await state(bench) == .active }
    bench.host.forgetDeeds()
    bench.hear(from: "10.0.0.2", priority: priority(250), centiseconds: 4000)
    try await eventually("Backup") { await state(bench) == .backup }
    let order = bench.host.deeds.drop { $0 != .removed(["10.0.0.9/24"]) }
    #expect(Array(order) == [.removed(["10.0.0.9/24"]), .sent(priority(200), to: IPAddress("10.0.0.2")!)])
    let router = try #require(await bench.agent.status().virtualRouters.first)
    #expect(router.activeRouter?.node == "n2")
    #expect(router.reason.contains("n2 (10.0.0.2) is Active with priority 250; ours is 200"))
    await bench.end()
  }

  @Test("FSM-8: stopping sends priority 0, then waits for a successor, and then the addresses go")
  func stops() async throws {
    let bench = try Bench()
    try await eventually("Active") { await state(bench) == .active }
    bench.host.forgetDeeds()
    await bench.end()
    try await eventually("removed") { bench.host.deeds.contains(.removed(["10.0.0.9/24"])) }
    let deeds = bench.host.deeds
    let farewell = try #require(deeds.firstIndex(of: .sent(.relinquishing, to: IPAddress("10.0.0.3")!)))
    let removal = try #require(deeds.firstIndex(of: .removed(["10.0.0.9/24"])))
    #expect(farewell < removal)
    #expect(removal == deeds.count - 1)
  }

  @Test("What is discarded changes nothing and is counted under its reason")
  func discards() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    bench.hear(from: "10.0.0.2", priority: priority(250), hopLimit: 64)
    bench.hear(from: "10.0.0.2", priority: priority(250), corrupt: true)
    bench.hear(from: "10.0.0.77", priority: priority(250))
    bench.hear(from: "10.0.0.2", priority: priority(250), interfaceIndex: 7)
    try await eventually("all four are counted") {
      let discarded = await bench.agent.status().virtualRouters.first?.discarded ?? [:]
      return discarded["ttl"] == 1 && discarded["checksum"] == 1 && discarded["peer"] == 1 && discarded["vrid"] == 1
    }
    let status = await bench.agent.status()
    #expect(status.virtualRouters.first?.advertisementsReceived == 0)
    #expect(status.virtualRouters.first?.activeRouter == nil)
    #expect(status.peers.allSatisfy { $0.lastHeard == nil })
    await bench.end()
  }

  @Test("What the kernel's filter kept away is counted when somebody asks, and never acted upon")
  func rejections() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    bench.hear(from: "10.0.0.2", priority: priority(250), hopLimit: 64, filtered: true)
    // Acceptable by now, as after a reload that made its sender a peer: still not to be acted upon so much later.
    bench.hear(from: "10.0.0.2", priority: priority(250), filtered: true)
    bench.hear(from: "10.0.0.77", priority: priority(254), filtered: true)
    let runt = ReceivedDatagram(
      payload: [0x31], source: IPAddress("10.0.0.77")!, destination: IPAddress("10.0.0.1")!, hopLimit: 255,
      interfaceIndex: 2)
    bench.host.reject(runt)
    let status = await bench.agent.status()
    #expect(status.strays?.discarded["length"] == 1)
    let router = try #require(status.virtualRouters.first)
    #expect(router.discarded["ttl"] == 1 && router.discarded["peer"] == 1)
    #expect(router.advertisementsReceived == 0 && router.activeRouter == nil)
    await bench.end()
  }

  @Test("A stall of ours is not silence of theirs: what has arrived is read before the deadline counts")
  func drainsBeforeDeadline() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "1s"))
    let host = bench.host
    host.forgetDeeds()
    bench.loop.execute {
      bench.hear(from: "10.0.0.2", priority: self.priority(250), centiseconds: 20)
      // In the next round, right after n2 was heard: Active_Down_Interval is 644 ms now. The thread stands still for
      // longer, while n2 goes on advertising; its next word is good for two minutes, so that the looks below may take
      // their time.
      bench.loop.execute {
        usleep(800_000)
        bench.hear(from: "10.0.0.2", priority: self.priority(250), centiseconds: 4000)
      }
    }
    try await eventually("n2 was heard again") {
      (await bench.agent.status().virtualRouters.first?.advertisementsReceived ?? 0) >= 2
    }
    #expect(await bench.agent.status().virtualRouters.first?.transitions == 1)
    #expect(!host.deeds.contains(.installed(["10.0.0.9/24"])))
    await bench.end()
  }

  @Test("Link down, link up, interface made anew: initialize with its reason, and back by itself")
  func links() async throws {
    let bench = try Bench()
    try await eventually("Active") { await state(bench) == .active }
    bench.host.change { $0[0].isUp = false }
    try await eventually("initialize") { await state(bench) == .initialize }
    let reason = try #require(await bench.agent.status().virtualRouters.first?.reason)
    #expect(reason == "interface eth0 is down or has no carrier")
    #expect(await bench.agent.status().health?.fit == false)
    bench.host.change { $0[0].isUp = true }
    try await eventually("Active again") { await state(bench) == .active }

    bench.host.change { $0 = [] }
    try await eventually("initialize") { await state(bench) == .initialize }
    #expect(
      await bench.agent.status().virtualRouters.first?.reason
        == "no interface holds this node's address 10.0.0.1")
    bench.host.change {
      $0 = [Bench.eth0]
      $0[0].index = 9
    }
    try await eventually("Active on the new interface") { bench.host.deeds.contains(.frame(on: 9)) }
    await bench.end()
  }

  @Test("An interface that was replaced between two looks gets the addresses again")
  func replacedInterface() async throws {
    let bench = try Bench()
    try await eventually("Active") { await state(bench) == .active }
    bench.host.change {
      $0 = [Bench.eth0]
      $0[0].index = 9
    }
    try await eventually("announced on the new one") { bench.host.deeds.contains(.frame(on: 9)) }
    await bench.end()
  }

  @Test("An address that the kernel refuses costs the role, is told, and is tried again")
  func refusedAddress() async throws {
    let bench = try Bench()
    let failure = HostNetworkFailure(
      subject: "eth0", operation: "add 10.0.0.9/24", cause: "operation not permitted", remedy: "needs CAP_NET_ADMIN",
      code: EPERM)
    bench.host.refuseInstalling(failure)
    try await eventually("steps back") {
      let router = await bench.agent.status().virtualRouters.first
      return router?.state == .initialize && router?.reason == failure.description
    }
    #expect(bench.host.deeds.contains(.sent(.relinquishing, to: IPAddress("10.0.0.2")!)))
    #expect(!bench.host.deeds.contains(.frame(on: 2)), "neighbours were sent to a host without the address")
    #expect(await bench.agent.status().health?.problems == ["ingress: \(failure)"])
    bench.host.refuseInstalling(nil)
    try await eventually("tries again", within: .seconds(30)) { await state(bench) == .active }
    await bench.end()
  }

  @Test("Each refusal in a row is waited out for longer, since each try takes the role from a healthy node")
  func refusalsInARow() async throws {
    let bench = try Bench()
    bench.host.refuseInstalling(
      HostNetworkFailure(
        subject: "eth0", operation: "add 10.0.0.9/24", cause: "no buffer space available", code: ENOBUFS))
    let vrid = VRID(rawValue: 12)!
    try await eventually("refused twice", within: .seconds(30)) {
      await bench.agent.refusals[vrid]?.pause == .seconds(10)
    }
    await bench.end()
  }

  @Test("An address that was taken from an Active Router is put back and announced, and told")
  func takenAddress() async throws {
    let bench = try Bench()
    try await eventually("Active") { await state(bench) == .active }
    bench.host.forgetDeeds()
    bench.host.change { $0[0].addresses.removeAll { $0.isOurs } }
    try await eventually("it is back") { bench.host.deeds.contains(.installed(["10.0.0.9/24"])) }
    try await eventually("it is announced") { bench.host.deeds.contains(.frame(on: 2)) }
    try await eventually("all is well") { await bench.agent.status().health?.fit == true }
    #expect(await bench.agent.losses[VRID(rawValue: 12)!]?.total == 1)
    await bench.end()
  }

  @Test("Taken again and again it is left to whoever is stronger, and the node says so")
  func takenAgainAndAgain() async throws {
    let bench = try Bench()
    try await eventually("Active") { await state(bench) == .active }
    for number in 1...(LossBook.most + 1) {
      bench.host.change { $0[0].addresses.removeAll { $0.isOurs } }
      try await eventually("it is noticed") {
        await bench.agent.losses[VRID(rawValue: 12)!]?.total == number
      }
    }
    try await eventually("it gives up") { await state(bench) == .initialize }
    #expect(
      await bench.agent.status().virtualRouters.first?.reason
        == "10.0.0.9/24 removed by another tool 11 times within a minute")
    await bench.end()
  }

  @Test("An address of ours on a node that is not Active is removed, whenever it turns up")
  func strayAddress() async throws {
    let bench = try Bench(Bench.clusterFile(interval: "40s"))
    try await eventually("waits") { await state(bench) == .backup }
    bench.host.change {
      $0[0].addresses += [Bench.held("10.0.0.9/24", isOurs: true), Bench.held("10.0.0.7/24", isOurs: true)]
    }
    try await eventually("removed, and what the file does not name is not") {
      bench.host.deeds == [.removed(["10.0.0.9/24"])]
    }
    await bench.end()
  }

  @Test("A holder goes on after a restart where its lease proves that nobody has taken over", arguments: [true, false])
  func adoption(isFresh: Bool) async throws {
    var interface = Bench.eth0
    interface.addresses.append(Bench.held("10.0.0.9/24", isOurs: true))
    let age: Duration = isFresh ? .milliseconds(500) : .milliseconds(2100)
    let bench = try Bench(Bench.clusterFile(interval: "1s"), interfaces: [interface], renewedBefore: age)
    try await eventually("started") { await state(bench) != .initialize }
    #expect(await state(bench) == (isFresh ? .active : .backup))
    #expect(bench.host.deeds.contains(.removed(["10.0.0.9/24"])) != isFresh)
    await bench.end()
  }

  @Test("Advertisements that do not leave are not counted as sent, and are a problem")
  func sendFailure() async throws {
    let bench = try Bench()
    let failure = HostNetworkFailure(
      subject: "eth0", operation: "send to 10.0.0.2", cause: "operation not permitted", code: EPERM)
    bench.host.refuseSending(failure)
    try await eventually("Active") { await state(bench) == .active }
    let status = await bench.agent.status()
    #expect(status.virtualRouters.first?.advertisementsSent == 0)
    #expect(status.health?.problems == ["ingress: advertisements do not leave: \(failure)"])
    bench.host.refuseSending(nil)
    try await eventually("they leave again") { await bench.agent.status().health?.fit == true }
    await bench.end()
  }

  @Test("An IPv6 address under duplicate address detection is not held yet")
  func tentativeAddress() async throws {
    var interface = Bench.eth0
    interface.addresses[0].isUsable = false
    let bench = try Bench(interfaces: [interface])
    try await eventually("waits") {
      await bench.agent.status().virtualRouters.first?.reason == "no interface holds this node's address 10.0.0.1"
    }
    bench.host.change { $0[0].addresses[0].isUsable = true }
    try await eventually("Active") { await state(bench) == .active }
    await bench.end()
  }

  @Test("An address that somebody else put there is neither installed nor removed", arguments: ["/24", "/32"])
  func foreignAddress(_ prefix: String) async throws {
    var interface = Bench.eth0
    interface.addresses.append(Bench.held("10.0.0.9" + prefix))
    let bench = try Bench(interfaces: [interface])
    try await eventually("Active") { await state(bench) == .active }
    await bench.end()
    let touched = bench.host.deeds.contains { deed in
      switch deed {
      case .installed(let addresses), .removed(let addresses): !addresses.isEmpty
      case .sent, .frame, .kept, .stoppedKeeping, .forwarded, .stoppedForwarding: false
      }
    }
    #expect(!touched)
  }

  @Test("Addresses left behind by a vipd that was killed are removed at the start; those of others are not")
  func leftovers() async throws {
    var interface = Bench.eth0
    interface.addresses += [Bench.held("10.0.0.9/24", isOurs: true), Bench.held("10.0.0.8/24", isOurs: false)]
    let bench = try Bench(
      Bench.clusterFile(interval: "40s", addresses: "[10.0.0.9/24, 10.0.0.8/24]"), interfaces: [interface])
    try await eventually("removed") { bench.host.deeds == [.removed(["10.0.0.9/24"])] }
    await bench.end()
  }

  @Test("The kernel is told to let through peers alone, and to sample what is spoken to the groups")
  func filter() async throws {
    let bench = try Bench()
    try await eventually("listens") { !bench.host.sampledMemberships.isEmpty }
    #expect(
      bench.host.filter
        == ReceptionFilter(
          sources: [IPAddress("10.0.0.2")!, IPAddress("10.0.0.3")!], vrids: [12],
          groups: IPFamily.allCases.map { .init(address: $0.vrrpGroup, vrids: []) }, versions: [3],
          minimumHopLimit: 255))
    #expect(bench.host.memberships.isEmpty)
    #expect(
      bench.host.sampledMemberships == [GroupMembership(group: IPFamily.ipv4.vrrpGroup, interfaceIndex: 2)])
    await bench.end()
  }
}
