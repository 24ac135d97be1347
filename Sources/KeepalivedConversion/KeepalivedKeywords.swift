// Every keyword of keepalived's VRRP part that says nothing to vipd, with what to do about it. A keyword that is in none of
// these lists and that the reader does not take is unknown, which is an error: nothing is dropped in silence.

enum KeepalivedKeywords {
  /// At the top level.
  static let top: [String: String] = [
    "static_ipaddress": "static addresses belong to the host's own network configuration",
    "static_routes": "static routes belong to the host's own network configuration",
    "static_rules": "static rules belong to the host's own network configuration",
    "track_group": "it groups static addresses, which belong to the host's own network configuration",
    "virtual_server": "vipd balances no load: keep keepalived for it, or let the proxy do it",
    "virtual_server_group": "vipd balances no load: keep keepalived for it, or let the proxy do it",
    "bfd_instance": "vipd speaks no BFD: a shorter interval (10ms and up) finds a dead host as fast",
    "garp_group": "announcements are few and spread by themselves",
    "interface_up_down_delays": "a link that bounces is ridden out by `preempt: {after: …}`",
    "net_namespace": "start vipd in that namespace: NetworkNamespacePath= in a drop-in of its unit",
    "net_namespace_ipvs": "vipd balances no load",
    "namespace_with_ipsets": "vipd uses no ipsets",
    "instance": "one vipd serves all virtual routers of a host",
    "use_pid_dir": "vipd keeps no PID file",
    "linkbeat_use_polling": "the kernel tells vipd of links",
    "child_wait_time": "vipd ends within its unit's TimeoutStopSec",
  ]

  /// Of global_defs.
  static let global: [String: String] = {
    var advice = [
      "enable_script_security": "scripts run as vipd's user, without capabilities, and never as root",
      "script_user": "scripts run as vipd's user, without capabilities: see that they may read what they look at",
      "dynamic_interfaces": "vipd waits for interfaces by itself",
      "default_interface": "it is for static addresses",
      "snmp_socket": "there is no SNMP: see /metrics", "dbus_service_name": "there is no D-Bus: see vipctl",
      "max_auto_priority": "vipd runs with SCHED_RR and locked memory by its unit",
      "use_symlink_paths": "scripts are started by the path that is given", "reload_repeat": "nothing is repeated",
      "config_save_dir": "`vipctl status` tells which file is in force", "tmp_config_directory": "not needed",
      "startup_script": "ExecStartPre= in a drop-in of vipd's unit",
      "startup_script_timeout": "ExecStartPre= in a drop-in of vipd's unit",
      "shutdown_script": "ExecStopPost= in a drop-in of vipd's unit",
      "shutdown_script_timeout": "ExecStopPost= in a drop-in of vipd's unit",
      "nftables": "it serves no_accept: virtual addresses are accepted here", "nftables_priority": "see nftables",
      "nftables_ifindex": "see nftables", "random_seed": "nothing is random",
      "disable_local_igmp": "the kernel joins groups for vipd",
    ]
    for keyword in ["notification_email", "notification_email_from", "email_faults", "no_email_faults"] {
      advice[keyword] = "mail: a `notify:` program can send it, or alert rules on the metrics"
    }
    for keyword in [
      "smtp_server", "smtp_helo_name", "smtp_connect_timeout", "smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker",
    ] {
      advice[keyword] = "mail: a `notify:` program can send it, or alert rules on the metrics"
    }
    for keyword in [
      "enable_snmp_vrrp", "enable_snmp_checker", "enable_snmp_rfc", "enable_snmp_rfcv2", "enable_snmp_rfcv3",
      "enable_snmp_keepalived", "enable_traps",
    ] {
      advice[keyword] = "there is no SNMP: see /metrics and Packaging/monitoring"
    }
    for keyword in ["enable_dbus", "fifo_write_vrrp_states_on_reload"] { advice[keyword] = "see `vipctl watch --json`" }
    for keyword in [
      "notify_fifo", "notify_fifo_script", "vrrp_notify_fifo", "vrrp_notify_fifo_script", "lvs_notify_fifo",
      "lvs_notify_fifo_script",
    ] {
      advice[keyword] = "`vipctl watch --json` tells of events as they happen; `notify:` starts a program"
    }
    for keyword in ["vrrp_notify_priority_changes", "vrrp_higher_prio_send_advert", "vrrp_lower_prio_no_advert"] {
      advice[keyword] = "vipd does what RFC 9568 says"
    }
    for keyword in ["vrrp_strict", "vrrp_skip_check_adv_addr", "vrrp_check_unicast_src", "vrrp_version_check"] {
      advice[keyword] =
        "vipd checks what RFC 9568 §7.1 says, takes unicast from the file's nodes alone, and tells of addresses that differ"
    }
    for keyword in [
      "vrrp_garp_master_delay", "vrrp_garp_master_repeat", "vrrp_garp_master_refresh",
      "vrrp_garp_master_refresh_repeat",
      "vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_repeat", "vrrp_garp_interval", "vrrp_gna_interval",
      "vrrp_garp_extra_if", "vrrp_min_garp",
    ] {
      advice[keyword] = "vipd announces an address at once, and again after 50 ms, 250 ms, 1.25 s and 6.25 s"
    }
    for keyword in [
      "vrrp_priority", "vrrp_no_swap", "vrrp_rt_priority", "vrrp_rlimit_rttime", "vrrp_rlimit_rtime",
      "vrrp_cpu_affinity",
      "checker_priority", "checker_no_swap", "checker_rt_priority", "checker_rlimit_rttime", "checker_cpu_affinity",
      "bfd_priority", "bfd_no_swap", "bfd_rt_priority", "bfd_rlimit_rttime", "bfd_cpu_affinity", "process_names",
      "process_name", "vrrp_process_name", "checker_process_name", "bfd_process_name", "process_monitor_rcv_bufs",
    ] {
      advice[keyword] = "vipd asks for SCHED_RR, locked memory and a low OOM score by its unit"
    }
    for keyword in [
      "vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "vrrp_netlink_monitor_rcv_bufs",
      "vrrp_netlink_monitor_rcv_bufs_force", "vrrp_rx_bufs_policy", "vrrp_rx_bufs_multiplier", "rs_init_notifies",
      "no_checker_emails", "log_unknown_vrids", "umask", "include_check", "json_version", "vmac_prefix",
      "vmac_addr_prefix",
      "vrrp_startup_delay", "vrrp_iptables", "vrrp_ipsets", "vrrp_owner_ignore_adverts", "lvs_sync_daemon",
      "lvs_timeouts",
      "lvs_flush", "lvs_flush_on_stop", "lvs_netlink_cmd_rcv_bufs", "lvs_netlink_monitor_rcv_bufs",
      "checker_log_all_failures",
      "iproute_usr_dir", "iproute_etc_dir", "thread_timer_expired", "disable_script_security",
    ] {
      advice[keyword] = "nothing of it is needed here"
    }
    return advice
  }()

  /// Of a script.
  static let script: [String: String] = [
    "user": "scripts run as vipd's user, without capabilities: see that it may read what it looks at",
    "init_fail": "vipd counts a check as failed until it has succeeded once",
    "description": "keep it as a comment",
  ]

  /// Of a process.
  static let process: [String: String] = [
    "param_match": "a part of the command line decides here", "delay": "`rise` and `fall` count looks, not seconds",
    "fork_delay": "`rise` and `fall` count looks, not seconds",
    "terminate_delay": "a process that has ended is missed at once", "quorum_max": "more are no harm here",
  ]

  static let file: [String: String] = [
    "init_file": "vipd makes no file: a missing one is a failed tracker; have a tmpfiles.d(5) line make it"
  ]

  static let group: [String: String] = [
    "global_tracking": "each virtual router has its own trackers",
    "notify_priority_changes": "`vipctl watch` tells of them", "smtp_alert": "mail: a `notify:` program can send it",
    "track_bfd": "vipd speaks no BFD: a shorter interval finds a dead host as fast",
  ]

  /// Of an instance.
  static let instance: [String: String] = {
    var advice = [
      "use_vmac": "addresses answer with the interface's own MAC; announcements tell the neighbours",
      "use_vmac_addr": "addresses answer with the interface's own MAC",
      "vmac_xmit_base": "VRRP is spoken on the interface itself", "use_ipvlan": "addresses go to the interface itself",
      "native_ipv6": "the family follows from the addresses", "vrf": "start vipd within the VRF (ip vrf exec)",
      "dont_track_primary": "a node whose interface is down takes no part; VRRP is spoken there",
      "track_bfd": "vipd speaks no BFD: a shorter interval finds a dead host as fast",
      "track_src_ip": "a node that has lost its address takes no part",
      "mcast_dst_ip": "only RFC 9568's groups are spoken",
      "check_unicast_src": "vipd takes unicast from the file's nodes alone",
      "unicast_fault_no_peer": "not needed",
      "unicast_ttl": "vipd sends with a TTL of 255; see minimum_ttl for receiving",
      "down_timer_adverts": "it is 3, as RFC 9568 has it", "accept": "virtual addresses are accepted",
      "no_accept": "virtual addresses are accepted; a firewall can refuse them", "preempt": "it is the default",
      "promote_secondaries": "set net.ipv4.conf.IFACE.promote_secondaries by sysctl.d",
      "virtual_routes": "a `notify:` program can set routes", "virtual_rules": "a `notify:` program can set rules",
      "skip_check_adv_addr": "addresses that differ are told, and no reason to ignore a peer",
      "strict_mode": "vipd does what RFC 9568 says", "debug": "`--log-level debug`",
      "notify_priority_changes": "`vipctl watch` tells of them", "smtp_alert": "mail: a `notify:` program can send it",
      "kernel_rx_buf_size": "not needed", "linkbeat_use_polling": "the kernel tells vipd of links",
      "lower_prio_no_advert": "vipd does what RFC 9568 says", "higher_prio_send_advert": "vipd does what RFC 9568 says",
      "lvs_sync_daemon_interface": "vipd balances no load", "lvs_sync_daemon": "vipd balances no load",
      "description": "keep it as a comment",
    ]
    for keyword in [
      "garp_master_delay", "garp_master_repeat", "garp_master_refresh", "garp_master_refresh_repeat",
      "garp_lower_prio_delay", "garp_lower_prio_repeat", "garp_extra_if",
    ] {
      advice[keyword] = "vipd announces an address at once, and again after 50 ms, 250 ms, 1.25 s and 6.25 s"
    }
    return advice
  }()

  /// Behind an address: how many words each takes with it.
  static let address: [String: (count: Int, advice: String)] = [
    "brd": (1, "the kernel chooses the broadcast address"),
    "broadcast": (1, "the kernel chooses the broadcast address"),
    "scope": (1, "the scope is global"), "label": (1, "addresses bear vipd's mark instead of a label: `ip -d address`"),
    "peer": (1, "point-to-point addresses are not supported"), "home": (0, "mobile IPv6 is not supported"),
    "-nodad": (0, "vipd sets it by itself"), "mngtmpaddr": (0, "not supported"), "noprefixroute": (0, "not supported"),
    "autojoin": (0, "not supported"), "no_track": (0, "an address that somebody removes is put back"),
    "preferred_lft": (1, "vipd sets lifetimes by itself"), "use_vmac": (0, "addresses go to the interface itself"),
    "track_group": (1, "not supported"),
  ]
}
