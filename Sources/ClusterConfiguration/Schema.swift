// The keys of the cluster file, each with the way it is written. The reader goes by these lists alone: a key that is
// not in one of them does not exist, and a key that is must be read.

/// The keys of one kind of mapping in the file.
protocol SchemaKey: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
  /// The mapping in words that follow "in …" and "… needs".
  static var place: String { get }
  /// Such a line as an admin would write it.
  var example: String { get }
}

enum FileKey: String, SchemaKey {
  case cluster, nodes, trackers, control
  case virtualRouters = "virtual_routers"

  static let place = "the cluster file"

  var example: String {
    switch self {
    case .cluster: "cluster: swarm-prod"
    case .nodes: "nodes: [{name: swarm1, address: 10.0.10.31}, {name: swarm2, address: 10.0.10.32}]"
    case .trackers: "trackers: {docker: {process: dockerd}}"
    case .virtualRouters: "virtual_routers: [{name: ingress, vrid: 12, addresses: [10.0.10.39/24], track: [docker]}]"
    case .control: "control: {listen: \"127.0.0.1:9112\"}"
    }
  }
}

enum NodeKey: String, SchemaKey {
  case name, address, priority

  static let place = "a node"

  var example: String {
    switch self {
    case .name: "name: swarm1"
    case .address: "address: 10.0.10.31"
    case .priority: "priority: 200"
    }
  }
}

enum TrackerKey: String, SchemaKey {
  case process, script, http, tcp, unit, file, interface, docker, swarm
  case shell, weight, interval, timeout, rise, fall

  static let place = "a tracker"

  var example: String {
    switch self {
    case .process: "process: dockerd"
    case .script: "script: [/usr/lib/vipd/check-proxy, --port, \"443\"]"
    case .http: "http: http://127.0.0.1:8080/ping"
    case .tcp: "tcp: 127.0.0.1:443"
    case .unit: "unit: docker.service"
    case .file: "file: /run/in-service"
    case .interface: "interface: eth1"
    case .docker: "docker: {service: proxy}"
    case .swarm: "swarm: on"
    case .shell: "shell: true"
    case .weight: "weight: -120"
    case .interval: "interval: 1s"
    case .timeout: "timeout: 500ms"
    case .rise: "rise: 2"
    case .fall: "fall: 1"
    }
  }

  /// Those of which a tracker has exactly one.
  static let kinds: [TrackerKey] = [.process, .script, .http, .tcp, .unit, .file, .interface, .docker, .swarm]
}

enum HTTPKey: String, SchemaKey {
  case url, socket, method, host, verify, status, body

  static let place = "'http'"

  var example: String {
    switch self {
    case .url: "url: https://127.0.0.1/ping"
    case .socket: "socket: /run/proxy.sock"
    case .method: "method: HEAD"
    case .host: "host: www.example.com"
    case .verify: "verify: false"
    case .status: "status: [200, 204]"
    case .body: "body: OK"
    }
  }
}

enum FileCheckKey: String, SchemaKey {
  case path, holds

  static let place = "'file'"

  var example: String {
    switch self {
    case .path: "path: /run/vipd-weight"
    case .holds: "holds: weight"
    }
  }
}

enum DockerKey: String, SchemaKey {
  case socket, service

  static let place = "'docker'"

  var example: String {
    switch self {
    case .socket: "socket: /run/docker.sock"
    case .service: "service: proxy"
    }
  }
}

enum SwarmKey: String, SchemaKey {
  case socket, patience

  static let place = "'swarm'"

  var example: String {
    switch self {
    case .socket: "socket: /run/docker.sock"
    case .patience: "patience: 30s"
    }
  }
}

enum ProcessKey: String, SchemaKey {
  case name, count
  case commandLine = "command_line"

  static let place = "'process'"

  var example: String {
    switch self {
    case .name: "name: dockerd"
    case .commandLine: "command_line: java -jar proxy.jar"
    case .count: "count: 1"
    }
  }
}

enum VirtualRouterKey: String, SchemaKey {
  case name, vrid, addresses, interval, track, nodes, interface, preempt
  case version, password, transport, checksum, lease, notify
  case minimumTTL = "minimum_ttl"
  case oneWay = "one_way"
  case whenAllFail = "when_all_fail"

  static let place = "a virtual router"

  var example: String {
    switch self {
    case .name: "name: ingress"
    case .vrid: "vrid: 12"
    case .addresses: "addresses: [10.0.10.39/24]"
    case .interval: "interval: 1s"
    case .track: "track: [docker, proxy]"
    case .nodes: "nodes: [swarm2, swarm1]"
    case .interface: "interface: ens160"
    case .preempt: "preempt: {after: 30s}"
    case .version: "version: 3"
    case .password: "password: secret"
    case .transport: "transport: unicast"
    case .checksum: "checksum: auto"
    case .lease: "lease: off"
    case .notify: "notify: [/usr/local/bin/on-transition]"
    case .minimumTTL: "minimum_ttl: 255"
    case .oneWay: "one_way: hold"
    case .whenAllFail: "when_all_fail: keep"
    }
  }
}

enum AddressKey: String, SchemaKey {
  case address, interface

  static let place = "an address"

  var example: String {
    switch self {
    case .address: "address: 203.0.113.9/28"
    case .interface: "interface: eth1"
    }
  }
}

enum PreemptKey: String, SchemaKey {
  case after

  static let place = "'preempt'"
  var example: String { "after: 30s" }
}

enum PasswordKey: String, SchemaKey {
  case credential

  static let place = "'password'"
  var example: String { "credential: vrrp-password" }
}

enum ControlKey: String, SchemaKey {
  case socket, listen

  static let place = "'control'"

  var example: String {
    switch self {
    case .socket: "socket: /run/vipd/vipd.sock"
    case .listen: "listen: 127.0.0.1:9112"
    }
  }
}

/// Words that people bring along from keepalived, or think of first, and ours for them.
enum ForeignWords {
  static let ours: [String: String] = [
    "advert_int": "interval",
    "auth_pass": "password",
    "command": "script",
    "id": "vrid",
    "ip": "address",
    "name": "cluster",
    "nopreempt": "preempt",
    "preempt_delay": "preempt",
    "priorities": "priority",
    "router_id": "name",
    "track_process": "track",
    "track_script": "track",
    "trackers": "track",
    "unicast_peer": "nodes",
    "unicast_src_ip": "address",
    "vip": "addresses",
    "vips": "addresses",
    "virtual_ipaddress": "addresses",
    "virtual_router_id": "vrid",
    "vrrp_instance": "virtual_routers",
    "vrrp_script": "trackers",
  ]
}
