// Nodes in the situations that an admin meets.

import ControlAPI

extension NodeStatus {
  /// The holder, with nothing wrong.
  static let fine = NodeStatus(
    cluster: "swarm-prod", node: "swarm1", version: "0.1.0", uptime: .seconds(252),
    virtualRouters: [
      VirtualRouterStatus(
        name: "ingress", family: .ipv4, vrid: 12, interface: "eth0", state: .active, since: .milliseconds(251_400),
        priority: 200, effectivePriority: 200, reason: "no other node has advertised a higher priority",
        activeRouter: ActiveRouter(node: "swarm1", address: "10.0.10.31", priority: 200),
        addresses: [
          VirtualAddressStatus(address: "10.0.10.39/24", installed: true, interface: "eth0"),
          VirtualAddressStatus(address: "203.0.113.9/28", installed: true, interface: "eth1"),
        ],
        transitions: 1, advertisementsSent: 252, advertisementsReceived: 0, discarded: ["ttl": 0, "checksum": 0],
        adjustments: [])
    ],
    trackers: [
      TrackerStatus(name: "docker", kind: "process", up: true, weight: -120, since: .seconds(252), detail: "pid 812"),
      TrackerStatus(
        name: "proxy", kind: "script", up: true, weight: -120, since: .seconds(250), detail: "exit status 0",
        duration: .milliseconds(12), output: "", streak: 250),
    ],
    peers: [
      PeerStatus(node: "swarm2", address: "10.0.10.32", lastHeard: nil),
      PeerStatus(node: "swarm3", address: "10.0.10.33", lastHeard: .seconds(201), priority: 0),
    ],
    health: NodeHealth(fit: true),
    configuration: ConfigurationStatus(file: "/etc/vipd/vipd.yaml", digest: "a1b2c3", loaded: .seconds(252)), pid: 811)

  /// dockerd has died here, and another node has taken over.
  static let failedOver: NodeStatus = {
    var status = fine
    status.virtualRouters[0].state = .backup
    status.virtualRouters[0].since = .milliseconds(9_870)
    status.virtualRouters[0].effectivePriority = 80
    status.virtualRouters[0].adjustments = [PriorityAdjustment(tracker: "docker", amount: -120)]
    status.virtualRouters[0].reason = "swarm2 advertises priority 150, which is above 80"
    status.virtualRouters[0].activeRouter = ActiveRouter(node: "swarm2", address: "10.0.10.32", priority: 150)
    status.virtualRouters[0].addresses[0].installed = false
    status.virtualRouters[0].addresses[1].installed = false
    status.virtualRouters[0].transitions = 2
    status.virtualRouters[0].discarded = ["ttl": 3, "checksum": 0, "peer": 12]
    status.trackers[0] = TrackerStatus(
      name: "docker", kind: "process", up: false, weight: -120, since: .milliseconds(10_200),
      detail: "no process of the name dockerd")
    status.peers[0] = PeerStatus(
      node: "swarm2", address: "10.0.10.32", lastHeard: .milliseconds(430), checksum: "pseudo_header", priority: 150)
    status.health = NodeHealth(fit: false, problems: ["docker is down: no process of the name dockerd"])
    return status
  }()

  /// The interface has gone; two families that do not say the same.
  static let interfaceMissing: NodeStatus = {
    var status = fine
    status.virtualRouters[0].state = .initialize
    status.virtualRouters[0].interface = nil
    status.virtualRouters[0].since = .seconds(7_500)
    status.virtualRouters[0].reason = "no interface holds 10.0.10.31: plug it in, or correct the node's address"
    status.virtualRouters[0].activeRouter = nil
    for index in status.virtualRouters[0].addresses.indices {
      status.virtualRouters[0].addresses[index].installed = false
    }
    status.virtualRouters.append(
      VirtualRouterStatus(
        name: "ingress", family: .ipv6, vrid: 12, interface: "eth0", state: .active, since: .seconds(300_000),
        priority: 200, effectivePriority: 210, reason: "no other node has advertised a higher priority",
        activeRouter: ActiveRouter(node: "swarm1", address: "fd10::31", priority: 200),
        addresses: [
          VirtualAddressStatus(address: "fe80::c/64", installed: true),
          VirtualAddressStatus(
            address: "fd10::39/64", installed: false, interface: "eth0",
            problem: "cannot be added: operation not permitted (needs CAP_NET_ADMIN)"),
        ],
        transitions: 1, advertisementsSent: 9, advertisementsReceived: 0, discarded: [:],
        adjustments: [PriorityAdjustment(tracker: "docker", amount: 10)]))
    status.trackers[1] = TrackerStatus(
      name: "proxy", kind: "script", up: false, weight: 0, since: .seconds(61), detail: "exit status 1",
      output: "curl: (7) Failed to connect to 127.0.0.1 port 443\u{1b}[2J after 0 ms: Couldn't connect to server")
    status.health = nil
    status.configuration?.refused = "vipd.yaml:3:5: unknown key \"nods\"; did you mean \"nodes\"?"
    return status
  }()

  /// A backup that has just started.
  static let nothingHeard: NodeStatus = {
    var status = fine
    status.uptime = .milliseconds(1_200)
    status.configuration = nil
    status.virtualRouters[0].state = .backup
    status.virtualRouters[0].since = .milliseconds(1_190)
    status.virtualRouters[0].reason = "waiting for Active_Down_Interval to pass without an advertisement"
    status.virtualRouters[0].activeRouter = nil
    status.virtualRouters[0].addresses = [VirtualAddressStatus(address: "10.0.10.39/24", installed: false)]
    status.trackers = [
      TrackerStatus(
        name: "docker", kind: "process", up: true, weight: nil, since: .milliseconds(1_190), detail: "not yet known",
        pending: true)
    ]
    status.peers[1].lastHeard = nil
    return status
  }()
}
