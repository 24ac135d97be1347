// The metrics, letter by letter, and as Prometheus's format wants them.

import ControlAPI
import Testing

@testable import VIPDaemon

@Suite struct ControlMetricsTests {
  @Test func areThese() {
    let router = #"virtual_router="ingress",family="ipv4",vrid="12",interface="eth0""#
    #expect(
      PrometheusMetrics.text(for: .sample) == """
        # HELP vipd_build_info Always 1; the daemon's version, cluster and node are in the labels.
        # TYPE vipd_build_info gauge
        vipd_build_info{version="0.1.0",cluster="swarm-prod",node="swarm1"} 1
        # HELP vipd_uptime_seconds Time since the daemon started.
        # TYPE vipd_uptime_seconds gauge
        vipd_uptime_seconds 12.3
        # HELP vipd_upgrades_total How many times the running process has replaced its program.
        # TYPE vipd_upgrades_total counter
        vipd_upgrades_total 2
        # HELP vipd_drained Whether an admin has this node stay away.
        # TYPE vipd_drained gauge
        vipd_drained 0
        # HELP vipd_fit Whether this node is fit to hold its addresses.
        # TYPE vipd_fit gauge
        vipd_fit 1
        # HELP vipd_configuration_info Always 1; the cluster file in force and its digest are in the labels.
        # TYPE vipd_configuration_info gauge
        vipd_configuration_info{file="/etc/vipd/vipd.yaml",digest="a1b2"} 1
        # HELP vipd_configuration_age_seconds Time since the cluster file was put in force.
        # TYPE vipd_configuration_age_seconds gauge
        vipd_configuration_age_seconds 12.0
        # HELP vipd_configuration_last_reload_successful Whether the last reload was put in force.
        # TYPE vipd_configuration_last_reload_successful gauge
        vipd_configuration_last_reload_successful 1
        # HELP vipd_loop_deadlines_total Deadlines that the VRRP thread has met.
        # TYPE vipd_loop_deadlines_total counter
        vipd_loop_deadlines_total 9
        # HELP vipd_loop_lateness_seconds How late the VRRP thread met its deadlines.
        # TYPE vipd_loop_lateness_seconds histogram
        vipd_loop_lateness_seconds_bucket{le="0.0001"} 7
        vipd_loop_lateness_seconds_bucket{le="1.0"} 9
        vipd_loop_lateness_seconds_bucket{le="+Inf"} 9
        vipd_loop_lateness_seconds_sum 0.005
        vipd_loop_lateness_seconds_count 9
        # HELP vipd_loop_lateness_max_seconds The most that the VRRP thread was ever late by.
        # TYPE vipd_loop_lateness_max_seconds gauge
        vipd_loop_lateness_max_seconds 0.002
        # HELP vipd_virtual_router_state 1 for the state that the virtual router is in, 0 for the others.
        # TYPE vipd_virtual_router_state gauge
        vipd_virtual_router_state{\(router),state="initialize"} 0
        vipd_virtual_router_state{\(router),state="backup"} 0
        vipd_virtual_router_state{\(router),state="active"} 1
        # HELP vipd_virtual_router_state_age_seconds Time in the present state.
        # TYPE vipd_virtual_router_state_age_seconds gauge
        vipd_virtual_router_state_age_seconds{\(router)} 4.2
        # HELP vipd_virtual_router_priority The configured priority.
        # TYPE vipd_virtual_router_priority gauge
        vipd_virtual_router_priority{\(router)} 200
        # HELP vipd_virtual_router_effective_priority The priority after the trackers' adjustments.
        # TYPE vipd_virtual_router_effective_priority gauge
        vipd_virtual_router_effective_priority{\(router)} 80
        # HELP vipd_virtual_router_active_router_info Always 1; who holds the addresses, as far as this node knows.
        # TYPE vipd_virtual_router_active_router_info gauge
        vipd_virtual_router_active_router_info{\(router),active_node="swarm1",active_address="10.0.10.31"} 1
        # HELP vipd_virtual_address_installed Whether this host's kernel holds the virtual address.
        # TYPE vipd_virtual_address_installed gauge
        vipd_virtual_address_installed{\(router),address="10.0.10.39/24"} 1
        # HELP vipd_virtual_router_transitions_total Changes of state.
        # TYPE vipd_virtual_router_transitions_total counter
        vipd_virtual_router_transitions_total{\(router)} 1
        # HELP vipd_virtual_router_advertisements_sent_total Advertisements sent, once for all peers.
        # TYPE vipd_virtual_router_advertisements_sent_total counter
        vipd_virtual_router_advertisements_sent_total{\(router)} 5
        # HELP vipd_virtual_router_advertisements_received_total Advertisements received and taken.
        # TYPE vipd_virtual_router_advertisements_received_total counter
        vipd_virtual_router_advertisements_received_total{\(router)} 0
        # HELP vipd_virtual_router_deaf_link 1 where advertisements of one Active Router do not reach another.
        # TYPE vipd_virtual_router_deaf_link gauge
        vipd_virtual_router_deaf_link{\(router),from="swarm1",to="swarm2"} 1
        # HELP vipd_virtual_router_conflicts_total Times that another router was Active beside this node.
        # TYPE vipd_virtual_router_conflicts_total counter
        vipd_virtual_router_conflicts_total{\(router)} 1
        # HELP vipd_virtual_router_addresses_lost_total Times that another tool took addresses from this node.
        # TYPE vipd_virtual_router_addresses_lost_total counter
        vipd_virtual_router_addresses_lost_total{\(router)} 2
        # HELP vipd_virtual_router_announcements_sent_total Gratuitous ARPs or unsolicited NAs sent.
        # TYPE vipd_virtual_router_announcements_sent_total counter
        vipd_virtual_router_announcements_sent_total{\(router)} 3
        # HELP vipd_virtual_router_discarded_total Packets received that changed nothing, by reason.
        # TYPE vipd_virtual_router_discarded_total counter
        vipd_virtual_router_discarded_total{\(router),reason="checksum"} 0
        vipd_virtual_router_discarded_total{\(router),reason="ttl"} 2
        # HELP vipd_tracker_up Whether what is tracked is well.
        # TYPE vipd_tracker_up gauge
        vipd_tracker_up{tracker="docker",kind="process"} 0
        # HELP vipd_tracker_state_age_seconds Time since the tracker went up or down.
        # TYPE vipd_tracker_state_age_seconds gauge
        vipd_tracker_state_age_seconds{tracker="docker",kind="process"} 12.0
        # HELP vipd_tracker_weight What the tracker adds to or subtracts from a priority.
        # TYPE vipd_tracker_weight gauge
        vipd_tracker_weight{tracker="docker",kind="process"} -120
        # HELP vipd_tracker_check_duration_seconds How long the last check took.
        # TYPE vipd_tracker_check_duration_seconds gauge
        vipd_tracker_check_duration_seconds{tracker="docker",kind="process"} 0.003
        # HELP vipd_tracker_checks_total How often the tracker has looked.
        # TYPE vipd_tracker_checks_total counter
        vipd_tracker_checks_total{tracker="docker",kind="process"} 20
        # HELP vipd_tracker_timeouts_total How often it had no answer in time.
        # TYPE vipd_tracker_timeouts_total counter
        vipd_tracker_timeouts_total{tracker="docker",kind="process"} 2
        # HELP vipd_peer_heard Whether an advertisement of the peer was ever heard.
        # TYPE vipd_peer_heard gauge
        vipd_peer_heard{peer="swarm2",address="10.0.10.32"} 0
        vipd_peer_heard{peer="swarm3",address="10.0.10.33"} 1
        # HELP vipd_peer_info Always 1; what the peer speaks is in the labels.
        # TYPE vipd_peer_info gauge
        vipd_peer_info{peer="swarm3",address="10.0.10.33",version="3",checksum="rfc9568"} 1
        # HELP vipd_peer_disagreements In how many points the peer is configured otherwise, or is not understood.
        # TYPE vipd_peer_disagreements gauge
        vipd_peer_disagreements{peer="swarm2",address="10.0.10.32"} 0
        vipd_peer_disagreements{peer="swarm3",address="10.0.10.33"} 1
        # HELP vipd_peer_advertisement_interval_seconds The interval that the peer advertised last.
        # TYPE vipd_peer_advertisement_interval_seconds gauge
        vipd_peer_advertisement_interval_seconds{peer="swarm3",address="10.0.10.33"} 2.0
        # HELP vipd_peer_last_heard_seconds Time since the peer's last advertisement; absent where there was none.
        # TYPE vipd_peer_last_heard_seconds gauge
        vipd_peer_last_heard_seconds{peer="swarm3",address="10.0.10.33"} 0.4

        """)
  }

  @Test func escapeLabels() {
    var status = NodeStatus.sample
    status.cluster = "a\"b\\c\nd é"
    #expect(PrometheusMetrics.text(for: status).contains(#"cluster="a\"b\\c\nd é""#))
  }

  /// What names, types and labels must look like, whatever the status says.
  @Test func areWellFormed() {
    var status = NodeStatus.sample
    status.virtualRouters[0].interface = nil
    status.virtualRouters[0].activeRouter = nil
    for status in [status, NodeStatus.sample] {
      var names: Set<String> = []
      for line in PrometheusMetrics.text(for: status).split(separator: "\n") where !line.hasPrefix("#") {
        #expect(line.wholeMatch(of: /vipd_[a-z_]+(\{([a-z_]+="[^"\\]*",?)+\})? -?[0-9.]+/) != nil, "\(line)")
        #expect(names.insert(String(line.prefix { $0 != " " })).inserted, "\(line) is there twice")
      }
    }
  }

  /// Nothing of a node that takes part in nothing, and no heading without a sample.
  @Test func leaveOutWhatIsNotThere() {
    let status = NodeStatus(
      cluster: "c", node: "n", version: "v", uptime: .zero, virtualRouters: [], trackers: [], peers: [])
    let headings = PrometheusMetrics.text(for: status).matches(of: /# TYPE (\w+)/).map { String($0.output.1) }
    #expect(headings == ["vipd_build_info", "vipd_uptime_seconds", "vipd_drained", "vipd_fit"])
  }
}
