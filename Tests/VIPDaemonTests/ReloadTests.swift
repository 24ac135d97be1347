// Reading the file again, on a running agent.

import ControlAPI
import NetworkTypes
import Testing
import VRRP

@testable import VIPDaemon

@Suite struct ReloadTests {
  private func activeBench() async throws -> Bench {
    let bench = try Bench()
    try await eventually("Active") { await bench.agent.status().virtualRouters.first?.state == .active }
    return bench
  }

  @Test("A file that did not change touches nothing")
  func unchanged() async throws {
    let bench = try await activeBench()
    #expect(await bench.agent.reload() == .success("no virtual router changed"))
    #expect(await bench.agent.status().virtualRouters.first?.transitions == 2)
    #expect(!bench.host.deeds.contains(.removed(["10.0.0.9/24"])))
    await bench.end()
  }

  @Test("A broken file is refused with its place, and the running configuration goes on")
  func broken() async throws {
    let bench = try await activeBench()
    bench.rewriteFile(Bench.clusterFile().replacing("interval:", with: "intervall:"))
    let result = await bench.agent.reload()
    guard case .failure(let failure) = result else {
      Issue.record("a broken file was accepted")
      return
    }
    #expect(failure.error.contains("\(bench.file):10:"))
    #expect(failure.error.contains("interval"))
    let status = await bench.agent.status()
    #expect(status.virtualRouters.first?.state == .active)
    #expect(status.configuration?.refused == failure.error)
    #expect(status.virtualRouters.first?.transitions == 2)
    await bench.end()
  }

  @Test("Addresses come and go without a change of state")
  func addresses() async throws {
    let bench = try await activeBench()
    bench.host.forgetDeeds()
    bench.rewriteFile(Bench.clusterFile(addresses: "[10.0.0.9/24, 10.0.0.10/24]"))
    #expect(await bench.agent.reload() == .success("ingress changed"))
    #expect(bench.host.deeds.contains(.installed(["10.0.0.10/24"])))
    bench.rewriteFile(Bench.clusterFile(addresses: "[10.0.0.10/24]"))
    #expect(await bench.agent.reload() == .success("ingress changed"))
    #expect(bench.host.deeds.contains(.removed(["10.0.0.9/24"])))
    #expect(await bench.agent.status().virtualRouters.first?.transitions == 2)
    await bench.end()
  }

  @Test("Virtual routers come and go; one that goes says farewell")
  func virtualRouters() async throws {
    let bench = try await activeBench()
    let second = """
        - name: second
          vrid: 13
          addresses: [10.0.0.19/24]
          interval: 100ms
      """
    bench.rewriteFile(Bench.clusterFile(more: second))
    #expect(await bench.agent.reload() == .success("second added"))
    try await eventually("second is Active") { await bench.agent.status().virtualRouters.last?.state == .active }
    #expect(bench.host.filter?.vrids == [12, 13])
    bench.host.forgetDeeds()
    bench.rewriteFile(Bench.clusterFile())
    #expect(await bench.agent.reload() == .success("second removed"))
    #expect(bench.host.deeds.contains(.sent(.relinquishing, to: IPAddress("10.0.0.2")!)))
    #expect(bench.host.deeds.contains(.removed(["10.0.0.19/24"])))
    #expect(await bench.agent.status().virtualRouters.map(\.name) == ["ingress"])
    #expect(await bench.agent.status().virtualRouters.first?.transitions == 2)
    await bench.end()
  }

  @Test("A tracker that a new file brings is checked before it counts")
  func newTracker() async throws {
    let bench = try await activeBench()
    bench.host.forgetDeeds()
    let tracked = Bench.clusterFile(
      more: "    track: [fine]\ntrackers:\n  fine: {script: [/bin/true], interval: 30s, timeout: 30s, weight: -150}")
    bench.rewriteFile(tracked)
    #expect(await bench.agent.reload() == .success("ingress changed"))
    let status = await bench.agent.status()
    #expect(status.trackers.first?.up == true)
    #expect(status.virtualRouters.first?.effectivePriority == 200)
    let advertised = bench.host.deeds.contains(.sent(AdvertisedPriority(fieldValue: 50), to: IPAddress("10.0.0.2")!))
    #expect(!advertised, "the new tracker cost priority before its first check")
    await bench.end()
  }

  @Test("A file that no longer names this node is refused")
  func withoutThisNode() async throws {
    let bench = try await activeBench()
    bench.rewriteFile(Bench.clusterFile().replacing("name: n1", with: "name: n4"))
    guard case .failure(let failure) = await bench.agent.reload() else {
      Issue.record("accepted")
      return
    }
    #expect(failure.error.contains("node n1, which this is, is no longer in it"))
    await bench.end()
  }

  @Test("An address that moves from one virtual router to another stays on its interface")
  func movedAddress() async throws {
    func file(_ first: String, _ second: String) -> String {
      let more = """
          - name: second
            vrid: 13
            addresses: \(second)
            interval: 100ms
        """
      return Bench.clusterFile(addresses: first, more: more)
    }
    let bench = try Bench(file("[10.0.0.9/24]", "[10.0.0.19/24, 10.0.0.20/24]"))
    try await eventually("both are Active") {
      await bench.agent.status().virtualRouters.allSatisfy { $0.state == .active }
    }
    bench.rewriteFile(file("[10.0.0.9/24, 10.0.0.20/24]", "[10.0.0.19/24]"))
    #expect(await bench.agent.reload() == .success("ingress changed, second changed"))
    #expect(!bench.host.deeds.contains(.removed(["10.0.0.20/24"])))
    let addresses = await bench.agent.status().virtualRouters.flatMap(\.addresses)
    #expect(addresses.map(\.installed) == [true, true, true])
    await bench.end()
  }

  @Test("A file that would take the address from a healthy node, for an interface that is not there, is refused")
  func misspeltInterface() async throws {
    let bench = try await activeBench()
    bench.rewriteFile(Bench.clusterFile(addresses: "[{address: 10.0.0.9/24, interface: eht1}]"))
    guard case .failure(let failure) = await bench.agent.reload() else {
      Issue.record("accepted")
      return
    }
    #expect(failure.error == "\(bench.file): ingress could not go on here: there is no interface eht1")
    #expect(await bench.agent.status().virtualRouters.first?.state == .active)
    await bench.end()
  }

  @Test("Another password does not move the address, and the answer says who does not hear whom meanwhile")
  func password() async throws {
    func file(_ password: String) -> String {
      Bench.clusterFile(interval: "1s", keys: ["version: 2", "password: \(password)"])
    }
    let bench = try Bench(file("alpha"))
    try await eventually("Active") { await bench.agent.status().virtualRouters.first?.state == .active }
    bench.host.forgetDeeds()
    bench.rewriteFile(file("beta"))
    guard case .success(let message) = await bench.agent.reload() else {
      Issue.record("refused")
      return
    }
    #expect(
      message == "ingress changed; until the other nodes have the new password of ingress, they and this node do not "
        + "hear each other")
    #expect(await bench.agent.status().virtualRouters.first?.transitions == 2, "startup, and Active")
    #expect(!bench.host.deeds.contains { if case .removed = $0 { true } else { false } })
    await bench.end()
  }

  @Test("A file that goes over to multicast, and back: the node leaves the election, listens elsewhere, and is back")
  func transport() async throws {
    let bench = try await activeBench()
    bench.host.forgetDeeds()
    bench.rewriteFile(Bench.clusterFile(keys: ["transport: multicast"]))
    _ = await bench.agent.reload()
    let group = IPFamily.ipv4.vrrpGroup
    try await eventually("speaks to the group") { bench.host.formsSpoken[group] != nil }
    #expect(bench.host.memberships == [GroupMembership(group: group, interfaceIndex: 2)])
    #expect(bench.host.deeds.contains(.sent(.relinquishing, to: IPAddress("10.0.0.2")!)), "a farewell to the peers")
    #expect(bench.host.filter?.groups.map(\.vrids) == [[12], []] && bench.host.filter?.vrids == [])

    bench.host.forgetDeeds()
    bench.rewriteFile(Bench.clusterFile())
    _ = await bench.agent.reload()
    try await eventually("speaks to its peers") { bench.host.formsSpoken[IPAddress("10.0.0.3")!] != nil }
    #expect(bench.host.memberships.isEmpty)
    #expect(bench.host.deeds.contains(.sent(.relinquishing, to: group)), "a farewell to the group")
    await bench.end()
  }
}
