// The JSON that other programs rely on, letter by letter, and that versions may differ.

import ControlAPI
import Testing

@Suite struct NodeStatusTests {
  /// DESIGN.md's example.
  static let promised = NodeStatus(
    cluster: "swarm-prod", node: "swarm1", version: "0.1.0", uptime: .milliseconds(12_300),
    virtualRouters: [
      VirtualRouterStatus(
        name: "ingress", family: .ipv4, vrid: 12, interface: "eth0", state: .active, since: .microseconds(4_200_400),
        priority: 200, effectivePriority: 200, reason: "highest priority",
        activeRouter: ActiveRouter(node: "swarm1", address: "10.0.10.31", priority: 200),
        addresses: [VirtualAddressStatus(address: "10.0.10.39/24", installed: true)], transitions: 1,
        advertisementsSent: 5, advertisementsReceived: 0, discarded: ["ttl": 0, "checksum": 0])
    ],
    trackers: [
      TrackerStatus(name: "docker", kind: "process", up: true, weight: -120, since: .seconds(12), detail: "pid 812")
    ],
    peers: [PeerStatus(node: "swarm2", address: "10.0.10.32", lastHeard: nil)])

  @Test func writesThePromisedKeys() throws {
    let text = try String(decoding: ControlJSON.compact(Self.promised), as: UTF8.self)
    #expect(
      text == """
        {"cluster":"swarm-prod","node":"swarm1",\
        "peers":[{"address":"10.0.10.32","interval_seconds":null,"last_heard_seconds":null,"node":"swarm2"}],\
        "trackers":[{"detail":"pid 812","duration_seconds":null,"kind":"process","name":"docker","since_seconds":12,\
        "up":true,"weight":-120}],\
        "uptime_seconds":12.3,"version":"0.1.0",\
        "virtual_routers":[{"active_router":{"address":"10.0.10.31","node":"swarm1","priority":200},\
        "addresses":[{"address":"10.0.10.39/24","installed":true}],"advertisements_received":0,\
        "advertisements_sent":5,"discarded":{"checksum":0,"ttl":0},"effective_priority":200,"family":"ipv4",\
        "interface":"eth0","interval_seconds":null,"name":"ingress","priority":200,"reason":"highest priority",\
        "since_seconds":4.2,"state":"active","transitions":1,"vrid":12}]}
        """)
  }

  @Test func writesNullWhereAPromisedKeyHasNothingToSay() throws {
    var status = Self.promised
    status.virtualRouters[0].activeRouter = nil
    status.virtualRouters[0].interface = nil
    status.trackers[0].weight = nil
    let text = try String(decoding: ControlJSON.compact(status), as: UTF8.self)
    for key in ["active_router", "interface", "weight", "last_heard_seconds"] {
      #expect(text.contains("\"\(key)\":null"))
    }
  }

  @Test func readsWhatItWrites() throws {
    var status = Self.promised
    status.virtualRouters[0].since = .milliseconds(4_200)
    status.virtualRouters[0].adjustments = [PriorityAdjustment(tracker: "docker", amount: -120)]
    status.virtualRouters[0].activeRouter = nil
    status.health = NodeHealth(fit: false, problems: ["docker is down"])
    status.configuration = ConfigurationStatus(file: "/etc/vipd/vipd.yaml", digest: "a1b2", loaded: .seconds(3))
    status.loop = LoopStatus(deadlines: 8, latenessMaximum: .milliseconds(2), latenessLast: .zero)
    status.pid = 812
    status.peers[0].lastHeard = .milliseconds(400)
    #expect(try ControlJSON.decode(NodeStatus.self, from: ControlJSON.pretty(status)) == status)
  }

  /// DESIGN.md's object, as an older daemon may say it, and with keys that a newer one may add.
  @Test func readsOlderAndNewerDaemons() throws {
    let text = """
      {"cluster": "c", "node": "n", "version": "9", "uptime_seconds": 1, "drained": {"by": "admin"},
       "virtual_routers": [
        {"name": "v", "family": "ipv6", "vrid": 1, "state": "initialize", "since_seconds": 0.5, "priority": 1,
         "effective_priority": 1, "reason": "r", "addresses": [{"address": "fe80::1/64", "installed": false, "new": 1}],
         "transitions": 0, "advertisements_sent": 0, "advertisements_received": 0, "discarded": {"new_reason": 4}}],
       "trackers": [], "peers": [{"node": "p", "address": "a"}]}
      """
    let status = try ControlJSON.decode(NodeStatus.self, from: text.utf8)
    #expect(status.virtualRouters[0].state == .initialize)
    #expect(status.virtualRouters[0].activeRouter == nil)
    #expect(status.virtualRouters[0].interface == nil)
    #expect(status.virtualRouters[0].since == .milliseconds(500))
    #expect(status.virtualRouters[0].discarded == ["new_reason": 4])
    #expect(status.peers[0].lastHeard == nil)
    #expect(status.health == nil)
  }

  @Test(arguments: ["1e300", "-1e13", "\"soon\"", "true", "1e999"])
  func refusesTimesThatAreNone(text: String) {
    let json = "{\"node\": \"p\", \"address\": \"a\", \"last_heard_seconds\": \(text)}"
    #expect(throws: (any Error).self) { try ControlJSON.decode(PeerStatus.self, from: json.utf8) }
  }

  @Test func roundsToTheMillisecond() throws {
    func text(_ duration: Duration) throws -> String {
      try String(
        decoding: ControlJSON.compact(PeerStatus(node: "p", address: "a", lastHeard: duration)), as: UTF8.self)
    }
    #expect(try text(.microseconds(1_234_567)).contains("\"last_heard_seconds\":1.235,"))
    #expect(try text(.nanoseconds(999_999_999)).contains("\"last_heard_seconds\":1,"))
    #expect(try text(.seconds(86_400 * 400) + .milliseconds(1)).contains("\"last_heard_seconds\":34560000.001,"))
  }

  @Test func concludesFitnessWhereTheDaemonGivesNone() {
    #expect(Self.promised.assessedHealth == NodeHealth(fit: true))
    var status = Self.promised
    status.virtualRouters[0].addresses[0].installed = false
    status.trackers[0].up = false
    #expect(
      status.assessedHealth
        == NodeHealth(fit: false, problems: ["ingress: 10.0.10.39/24 is not installed", "docker is down: pid 812"]))
    status.health = NodeHealth(fit: true, problems: ["tight"])
    #expect(status.assessedHealth == NodeHealth(fit: true, problems: ["tight"]))
  }
}
