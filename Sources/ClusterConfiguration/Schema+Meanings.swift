// What each key of the cluster file means, in words: for `vipctl explain`, the manual page and the documentation. It stands
// beside the keys that the parser goes by, so that none can be without. Text in back-quotes is what is typed.

extension FileKey {
  var meaning: String {
    switch self {
    case .cluster: "The cluster's name: what status, metrics and hooks call it."
    case .nodes: "The list of nodes, in order of preference."
    case .trackers: "What makes a node fit: a mapping of names to what they look at."
    case .virtualRouters: "The list of what is held together: each with one VRID and addresses that move as one."
    case .control: "Where `vipctl` and monitoring ask."
    }
  }
}

extension NodeKey {
  var meaning: String {
    switch self {
    case .name: "As its host name, best."
    case .address:
      "Where it speaks VRRP from, and by which it finds itself in the file; a list of one IPv4 and one IPv6 address where both "
        + "are spoken."
    case .priority:
      "1 to 254; 255 for the owner of the addresses. Left out on all, the order of the list decides: 250, 240, 230 and so on."
    }
  }
}

extension TrackerKey {
  var meaning: String {
    switch self {
    case .process:
      "The name of a process that must live, as `ps -A` shows it; its death is noticed at once, and one that is stopped counts as "
        + "dead. Or a mapping, for a part of its command line or a number of them."
    case .script:
      "A list of a program's absolute path and its arguments, which must exit with 0 before the timeout, when its whole process "
        + "group is killed. It runs as vipd's user, without capabilities, with `VIPD_TRACKER` and `PATH` as its environment."
    case .http: "A URL that must be answered with status 200 to 399, or a mapping that says more."
    case .tcp: "A host and port that must accept connections; a port alone for this host."
    case .unit: "A systemd unit that must have a process, by its control group."
    case .file: "A file that must exist, or a mapping where the file holds a number."
    case .interface: "Another link of the node, which must have carrier."
    case .docker:
      "`on`: the Docker Engine must answer in time. Or a mapping, for a service. vipd's user must be in the group of the Engine's "
        + "socket: `usermod -aG docker vipd && systemctl restart vipd`."
    case .swarm:
      "`on`: this node must be a manager whose availability is active, of a Swarm with a leader and a quorum. Or a mapping. It "
        + "asks the Engine, as `docker` does."
    case .shell: "`true`: `script` is one text for `/bin/sh`."
    case .weight:
      "-254 to 254: added to the priority while the tracker is down, if negative, or up, if positive; 0 has the node take no part "
        + "while it is down. Left out, vipd chooses: a node with a failed tracker ranks below every node with fewer."
    case .interval: "From one check to the next; `1s` if left out, and `5s` for a Swarm."
    case .timeout: "For one check; the interval if left out, five seconds at most."
    case .rise: "So many good results in a row make a tracker that is down be up; 1 if left out."
    case .fall: "So many bad ones make one that is up be down; 1 if left out."
    }
  }
}

extension ProcessKey {
  var meaning: String {
    switch self {
    case .name: "The process's name, as `ps -A` shows it."
    case .commandLine: "In place of a name: a part of its command line."
    case .count: "The least number of them; 1 if left out."
    }
  }
}

extension HTTPKey {
  var meaning: String {
    switch self {
    case .url: "What to ask for, `http://` or `https://`."
    case .socket: "A Unix socket to ask in place of the URL's host."
    case .method: "`GET` if left out."
    case .host: "The Host header, and whom the certificate must be for; the URL's host if left out."
    case .verify: "`false`: any certificate will do, not only one that the host's authorities vouch for."
    case .status: "What counts as good: one status, or a list with ranges, `[200-299, 401]`."
    case .body: "A text that the answer must contain."
    }
  }
}

extension FileCheckKey {
  var meaning: String {
    switch self {
    case .path: "The file."
    case .holds: "`weight`: the number in it, -254 to 254, is added to the priority."
    }
  }
}

extension DockerKey {
  var meaning: String {
    switch self {
    case .socket: "The Engine's; `/run/docker.sock` if left out."
    case .service: "A Swarm service that must have a container here that runs, and is healthy where it says."
    }
  }
}

extension SwarmKey {
  var meaning: String {
    switch self {
    case .socket: "The Engine's; `/run/docker.sock` if left out."
    case .patience: "For how long signs of a lost quorum are taken for an election; `30s` if left out."
    }
  }
}

extension VirtualRouterKey {
  var meaning: String {
    switch self {
    case .name: "What people call it."
    case .vrid: "1 to 255; used by nobody else on the network."
    case .addresses: "What is held, with prefix lengths; each a text, or a mapping where another interface carries it."
    case .interval:
      "From one advertisement to the next, `10ms` to `40950ms`; `1s` if left out. A node that dies is missed after some three of "
        + "them."
    case .track: "The trackers that count here."
    case .nodes:
      "Those that take part, in this virtual router's own order of preference; all, in the file's order, if left out."
    case .interface: "Where VRRP is spoken; if left out, the interface that has the node's address."
    case .preempt:
      "Whether a better node takes over from one that serves: `true`, as is if left out, `false`, `rfc` (after "
        + "Active_Down_Interval, as RFC 9568 has it), or a mapping. A holder that becomes unfit lets go all the same."
    case .version: "3 if left out, or 2 for routers that know nothing newer."
    case .password:
      "Of version 2, at most 8 bytes, in clear text on the wire. Or a mapping, so that it need not stand in this file."
    case .transport: "`unicast` among the nodes of the file, as is if left out, or `multicast`."
    case .checksum:
      "The form of version 3's checksum over IPv4: `auto`, as is if left out, has each peer get what it sends itself; `rfc9568` "
        + "or `pseudo_header` for those who insist. Both are read."
    case .lease:
      "`on`, as is if left out: the kernel removes the addresses before another node takes over, should vipd die without a word. "
        + "`off`: they stay."
    case .notify:
      "A program's absolute path, a list of it and its arguments, or a list of such lists: told of each transition, one at a time "
        + "and for at most 10 s, by `VIPD_CLUSTER`, `VIPD_NODE`, `VIPD_VIRTUAL_ROUTER`, `VIPD_VRID`, `VIPD_ADDRESSES`, "
        + "`VIPD_FROM`, `VIPD_STATE`, `VIPD_REASON` and `VIPD_PEER` in its environment, and as JSON on its standard input."
    case .minimumTTL: "The least TTL that is taken; 255 if left out, so that nobody from beyond a router is heard."
    case .oneWay:
      "What a holder does that hears a node which does not hear it: `yield`, as is if left out, gives it the addresses for a "
        + "while; `hold` goes on."
    case .whenAllFail:
      "`keep`, as is if left out: where no node is fit the holder goes on; `release`: nobody holds the addresses then."
    }
  }
}

extension AddressKey {
  var meaning: String {
    switch self {
    case .address: "The address with its prefix length."
    case .interface: "The interface that carries it, if not the one that VRRP is spoken on."
    }
  }
}

extension PreemptKey {
  var meaning: String {
    switch self {
    case .after: "For how long a better node must have been fit before it takes over."
    }
  }
}

extension PasswordKey {
  var meaning: String {
    switch self {
    case .credential: "The name that `LoadCredential=` gives it in vipd's unit."
    }
  }
}

extension ControlKey {
  var meaning: String {
    switch self {
    case .socket: "The Unix socket that `vipctl` asks at; `/run/vipd/vipd.sock` if left out."
    case .listen:
      "An IP address and a port where monitoring may ask, read-only; `127.0.0.1:9112` if left out, `off` for none. On an address "
        + "that the other nodes reach, `vipctl doctor` compares their files."
    }
  }
}
