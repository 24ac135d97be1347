// A node's status in Prometheus's text format, version 0.0.4. Pure.

import ControlAPI

enum PrometheusMetrics {
  /// All metrics of a node, each with its help and its type.
  static func text(for status: NodeStatus) -> String {
    var page = MetricsPage()
    daemon(status, &page)
    virtualRouters(status.virtualRouters, &page)
    trackers(status.trackers, &page)
    peers(status.peers, &page)
    page.gauge("unknown_senders", "Routers that take part in multicast and are in no cluster file.") {
      status.unknownSenders.map { [.init($0.count)] } ?? []
    }
    rivals(status.rivals ?? [], &page)
    return page.text
  }

  private static func daemon(_ status: NodeStatus, _ page: inout MetricsPage) {
    page.gauge("build_info", "Always 1; the daemon's version, cluster and node are in the labels.") {
      [.init(1, ["version": status.version, "cluster": status.cluster, "node": status.node])]
    }
    page.gauge("uptime_seconds", "Time since the daemon started.") { [.init(status.uptime)] }
    page.counter("upgrades_total", "How many times the running process has replaced its program.") {
      status.upgrades.map { [.init(.init($0))] } ?? []
    }
    page.gauge("drained", "Whether an admin has this node stay away.") { [.init(status.drain != nil)] }
    page.gauge("fit", "Whether this node is fit to hold its addresses.") { [.init(status.assessedHealth.fit)] }
    if let configuration = status.configuration {
      page.gauge("configuration_info", "Always 1; the cluster file in force and its digest are in the labels.") {
        [.init(1, ["file": configuration.file, "digest": configuration.digest])]
      }
      page.gauge("configuration_age_seconds", "Time since the cluster file was put in force.") {
        [.init(configuration.loaded)]
      }
      page.gauge("configuration_last_reload_successful", "Whether the last reload was put in force.") {
        [.init(configuration.refused == nil)]
      }
    }
    if let loop = status.loop {
      page.counter("loop_deadlines_total", "Deadlines that the VRRP thread has met.") { [.init(loop.deadlines)] }
      page.histogram("loop_lateness_seconds", "How late the VRRP thread met its deadlines.", of: loop)
      page.gauge("loop_lateness_max_seconds", "The most that the VRRP thread was ever late by.") {
        [.init(loop.latenessMaximum)]
      }
    }
    if let strays = status.strays {
      page.counter("stray_packets_discarded_total", "Packets that belong to no virtual router of this node, by reason.")
      {
        strays.discarded.sorted { $0.key < $1.key }.map { .init(.init($0.value), ["reason": $0.key]) }
      }
      page.counter("unexamined_packets_total", "Packets that nobody looked at, since there were too many of them.") {
        [.init(strays.unexamined)]
      }
      page.counter("flawed_claims_total", "ARP and ND frames that seemed to claim this node's address, by their flaw.")
      {
        (strays.flawedClaims ?? [:]).sorted { $0.key < $1.key }.map { .init(.init($0.value), ["flaw": $0.key]) }
      }
    }
  }

  private static func rivals(_ rivals: [RivalStatus], _ page: inout MetricsPage) {
    func labels(of rival: RivalStatus) -> MetricLabels {
      ["address": rival.address, "hardware_address": rival.hardwareAddress, "interface": rival.interface]
    }
    page.counter("rival_claims_total", "Claims of other hosts to this node's addresses; of a flood a sample.") {
      rivals.map { .init(.init($0.claims), labels(of: $0)) }
    }
    page.gauge("rival_last_heard_seconds", "Time since another host claimed this node's address.") {
      rivals.map { .init(.init($0.lastHeard), labels(of: $0)) }
    }
  }

  private static func virtualRouters(_ routers: [VirtualRouterStatus], _ page: inout MetricsPage) {
    func each(_ value: (VirtualRouterStatus) -> MetricValue) -> [MetricSample] {
      routers.map { MetricSample(value($0), labels(of: $0)) }
    }
    page.gauge("virtual_router_state", "1 for the state that the virtual router is in, 0 for the others.") {
      routers.flatMap { router in
        VirtualRouterState.allCases.map { state in
          MetricSample(.init(router.state == state), labels(of: router) + ["state": state.rawValue])
        }
      }
    }
    page.gauge("virtual_router_state_age_seconds", "Time in the present state.") { each { .init($0.since) } }
    page.gauge("virtual_router_priority", "The configured priority.") { each { .init($0.priority) } }
    page.gauge("virtual_router_effective_priority", "The priority after the trackers' adjustments.") {
      each { .init($0.effectivePriority) }
    }
    page.gauge("virtual_router_active_router_info", "Always 1; who holds the addresses, as far as this node knows.") {
      routers.compactMap { router in
        router.activeRouter.map {
          .init(1, labels(of: router) + ["active_node": $0.node ?? "", "active_address": $0.address])
        }
      }
    }
    page.gauge("virtual_address_installed", "Whether this host's kernel holds the virtual address.") {
      routers.flatMap { router in
        router.addresses.map { .init(.init($0.installed), labels(of: router) + ["address": $0.address]) }
      }
    }
    page.counter("virtual_router_transitions_total", "Changes of state.") { each { .init($0.transitions) } }
    page.counter("virtual_router_advertisements_sent_total", "Advertisements sent, once for all peers.") {
      each { .init($0.advertisementsSent) }
    }
    page.counter("virtual_router_advertisements_received_total", "Advertisements received and taken.") {
      each { .init($0.advertisementsReceived) }
    }
    page.gauge("virtual_router_deaf_link", "1 where advertisements of one Active Router do not reach another.") {
      routers.flatMap { router in
        (router.deafLinks ?? []).map { .init(1, labels(of: router) + ["from": $0.from, "to": $0.to]) }
      }
    }
    page.counter("virtual_router_conflicts_total", "Times that another router was Active beside this node.") {
      routers.compactMap { router in router.conflicts.map { .init(.init($0), labels(of: router)) } }
    }
    page.counter("virtual_router_addresses_lost_total", "Times that another tool took addresses from this node.") {
      routers.compactMap { router in router.addressesLost.map { .init(.init($0), labels(of: router)) } }
    }
    page.counter("virtual_router_announcements_sent_total", "Gratuitous ARPs or unsolicited NAs sent.") {
      routers.compactMap { router in router.announcementsSent.map { .init(.init($0), labels(of: router)) } }
    }
    page.counter("virtual_router_discarded_total", "Packets received that changed nothing, by reason.") {
      routers.flatMap { router in
        router.discarded.sorted { $0.key < $1.key }
          .map { .init(.init($0.value), labels(of: router) + ["reason": $0.key]) }
      }
    }
  }

  private static func trackers(_ trackers: [TrackerStatus], _ page: inout MetricsPage) {
    func labels(of tracker: TrackerStatus) -> MetricLabels { ["tracker": tracker.name, "kind": tracker.kind] }
    page.gauge("tracker_up", "Whether what is tracked is well.") {
      trackers.map { .init(.init($0.up), labels(of: $0)) }
    }
    page.gauge("tracker_state_age_seconds", "Time since the tracker went up or down.") {
      trackers.map { .init(.init($0.since), labels(of: $0)) }
    }
    page.gauge("tracker_weight", "What the tracker adds to or subtracts from a priority.") {
      trackers.compactMap { tracker in tracker.weight.map { .init(.init($0), labels(of: tracker)) } }
    }
    page.gauge("tracker_check_duration_seconds", "How long the last check took.") {
      trackers.compactMap { tracker in tracker.duration.map { .init(.init($0), labels(of: tracker)) } }
    }
    page.counter("tracker_checks_total", "How often the tracker has looked.") {
      trackers.compactMap { tracker in tracker.checks.map { .init(.init($0), labels(of: tracker)) } }
    }
    page.counter("tracker_timeouts_total", "How often it had no answer in time.") {
      trackers.compactMap { tracker in tracker.timeouts.map { .init(.init($0), labels(of: tracker)) } }
    }
  }

  private static func peers(_ peers: [PeerStatus], _ page: inout MetricsPage) {
    func labels(of peer: PeerStatus) -> MetricLabels { ["peer": peer.node, "address": peer.address] }
    page.gauge("peer_heard", "Whether an advertisement of the peer was ever heard.") {
      peers.map { .init(.init($0.lastHeard != nil), labels(of: $0)) }
    }
    page.gauge("peer_info", "Always 1; what the peer speaks is in the labels.") {
      peers.compactMap { peer in
        peer.protocolVersion.map {
          .init(1, labels(of: peer) + ["version": String($0), "checksum": peer.checksum ?? ""])
        }
      }
    }
    page.gauge("peer_disagreements", "In how many points the peer is configured otherwise, or is not understood.") {
      peers.map { .init(.init($0.disagreements?.count ?? 0), labels(of: $0)) }
    }
    page.gauge("peer_advertisement_interval_seconds", "The interval that the peer advertised last.") {
      peers.compactMap { peer in peer.interval.map { .init(.init($0), labels(of: peer)) } }
    }
    page.gauge("peer_last_heard_seconds", "Time since the peer's last advertisement; absent where there was none.") {
      peers.compactMap { peer in peer.lastHeard.map { .init(.init($0), labels(of: peer)) } }
    }
  }

  private static func labels(of router: VirtualRouterStatus) -> MetricLabels {
    [
      "virtual_router": router.name, "family": router.family.rawValue, "vrid": String(router.vrid),
      "interface": router.interface ?? "",
    ]
  }
}

/// A sample's value, as text. Times are in seconds to the millisecond.
private struct MetricValue: ExpressibleByIntegerLiteral {
  let text: String

  init(integerLiteral value: Int) { text = String(value) }
  init(_ value: Int) { text = String(value) }
  init(_ value: Bool) { text = value ? "1" : "0" }
  init(_ value: Duration) {
    let (seconds, attoseconds) = value.components
    text = "\(Double(seconds) + Double(attoseconds / 1_000_000_000_000_000) / 1000)"
  }
}

/// Labels in the order in which they were written.
private struct MetricLabels: ExpressibleByDictionaryLiteral {
  private var pairs: [(name: String, value: String)]

  init(dictionaryLiteral elements: (String, String)...) { pairs = elements }

  static func + (left: MetricLabels, right: MetricLabels) -> MetricLabels {
    var sum = left
    sum.pairs += right.pairs
    return sum
  }

  /// `{name="value"}`, with the three characters escaped that the format reserves.
  var text: String {
    guard !pairs.isEmpty else { return "" }
    return "{" + pairs.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
  }

  private static func escaped(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

private struct MetricSample {
  let value: MetricValue
  let labels: MetricLabels

  init(_ value: MetricValue, _ labels: MetricLabels = [:]) {
    self.value = value
    self.labels = labels
  }

  init(_ value: Int) { self.init(MetricValue(value)) }
  init(_ value: Bool) { self.init(MetricValue(value)) }
  init(_ value: Duration) { self.init(MetricValue(value)) }
}

private struct MetricsPage {
  private(set) var text = ""

  mutating func gauge(_ name: String, _ help: String, _ samples: () -> [MetricSample]) {
    add("gauge", name, help, samples())
  }

  mutating func counter(_ name: String, _ help: String, _ samples: () -> [MetricSample]) {
    add("counter", name, help, samples())
  }

  mutating func histogram(_ name: String, _ help: String, of loop: LoopStatus) {
    guard let buckets = loop.lateness, let sum = loop.latenessSum else { return }
    text += "# HELP vipd_\(name) \(help)\n# TYPE vipd_\(name) histogram\n"
    for bucket in buckets {
      text += "vipd_\(name)_bucket{le=\"\(bucket.within)\"} \(bucket.deadlines)\n"
    }
    text += "vipd_\(name)_bucket{le=\"+Inf\"} \(loop.deadlines)\n"
    text += "vipd_\(name)_sum \(sum)\nvipd_\(name)_count \(loop.deadlines)\n"
  }

  /// A metric without samples is left out.
  private mutating func add(_ type: String, _ name: String, _ help: String, _ samples: [MetricSample]) {
    guard !samples.isEmpty else { return }
    text += "# HELP vipd_\(name) \(help)\n# TYPE vipd_\(name) \(type)\n"
    for sample in samples { text += "vipd_\(name)\(sample.labels.text) \(sample.value.text)\n" }
  }
}
