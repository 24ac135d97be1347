// What the running vipd knows is wrong, with the command that mends it. Pure: it is given the status.

import ClusterConfiguration
import ControlAPI
import NetworkTypes
import VRRP

struct DaemonFindings: Sendable {
  let patient: Patient
  let status: NodeStatus
  /// What lies further back is history.
  let memory: Duration
  /// The user that vipd runs as, who runs its scripts too; nil where that is not known.
  var user: String?

  var findings: [Finding] { file + clock + rivals + silentPeers + oneWay + trackers + addresses }

  private var file: [Finding] {
    guard let configuration = status.configuration else { return [] }
    if let refused = configuration.refused {
      return [
        Finding(
          .notReloaded, .error, configuration.file, seen: "vipd refused it when it was to be reloaded: \(refused)",
          why: "vipd goes on with what it read before; after a restart it would not start",
          mend: ["vipctl check \(configuration.file.shellWord)"])
      ]
    }
    guard configuration.file == patient.file.path, configuration.digest != patient.file.digest else { return [] }
    return [
      Finding(
        .notReloaded, .warning, configuration.file,
        seen: "it was changed after vipd read it \(configuration.loaded.rough) ago",
        why: "vipd goes on with what it read; what the file says comes as a surprise at the next restart",
        mend: ["vipctl reload"])
    ]
  }

  private var clock: [Finding] {
    guard let clock = status.clock, clock.steps > 0, let since = clock.sinceLastStep, since <= memory else { return [] }
    let step = clock.lastStep ?? .zero
    return [
      Finding(
        .clock, .note, "clock",
        seen:
          "this host's clock was set \(step < .zero ? "back" : "forward") by \(step.magnitude.rough), \(since.rough) ago"
          + (clock.steps > 1 ? " (\(clock.steps) times since vipd started)" : ""),
        why:
          "elections do not depend on it, but the nodes' logs and histories cannot be laid side by side, and certificates may "
          + "be taken for expired",
        mend: ["timedatectl set-ntp true"])
    ]
  }

  private var rivals: [Finding] {
    (status.rivals ?? []).map { rival in
      let virtual = patient.routers.flatMap(\.addresses).map(\.address).first { "\($0.address)" == rival.address }
      return Finding(
        .rival, .error, rival.address,
        seen: "\(rival.hardwareAddress) on \(rival.interface) claims it too, \(rival.lastHeard.rough) ago",
        why: "two hosts answer for one address: clients reach now one, now the other",
        mend: ["ip address del \(virtual?.description ?? rival.address) dev \(rival.interface)"],
        on: rival.hardwareAddress)
    }
  }

  /// Who should be Active, by the file, and has never been heard.
  private var silentPeers: [Finding] {
    patient.peers.compactMap { peer in
      let known = status.peers.filter { $0.node == peer.name.rawValue }
      guard known.contains(where: { $0.lastHeard == nil }), !known.contains(where: { $0.lastHeard != nil }) else {
        return nil
      }
      let ahead = patient.routers.filter { router in
        guard let mine = router.members.first(where: { $0.node == patient.node.name })?.priority,
          let theirs = router.members.first(where: { $0.node == peer.name })?.priority
        else { return false }
        return theirs > mine && router.preemption != .never && holds(router)
      }
      guard let router = ahead.first, status.uptime > router.interval.duration * 4 else { return nil }
      return Finding(
        .peerSilent, .warning, peer.name.rawValue,
        seen: "it comes before this node in \(router.name), which this node holds, and was not heard once in "
          + "\(status.uptime.rough)",
        why:
          "either its vipd does not run or it is not fit, and there is one node less to take over; or its advertisements do "
          + "not arrive, and it holds the address too",
        mend: ["systemctl start vipd"], on: peer.name.rawValue)
    }
  }

  /// A way on which advertisements are lost, as two Active Routers can tell.
  private var oneWay: [Finding] {
    let links = status.virtualRouters.flatMap { $0.deafLinks ?? [] }
    var seen: Set<DeafLink> = []
    return links.filter { seen.insert($0).inserted }.map { link in
      Finding(
        .oneWay, .error, "\(link.from) → \(link.to)",
        seen: "\(link.to) does not hear \(link.from), though \(link.from) hears it",
        why: "both hold the address, or one has given way that would be the better",
        mend: ["vipctl doctor"], on: link.to)
    }
  }

  private func holds(_ router: ClusterConfiguration.VirtualRouter) -> Bool {
    status.virtualRouters.contains { $0.name == router.name.rawValue && $0.state == .active }
  }

  private var addresses: [Finding] {
    status.virtualRouters.flatMap { router in
      router.addresses.compactMap { address in
        guard router.state == .active, !address.installed else { return nil }
        return Finding(
          .interface, .error, "\(router.name) \(address.address)",
          seen: "this node is Active and the address is not on \(address.interface ?? "any interface")"
            + (address.problem.map { ": \($0)" } ?? ""),
          why: "nobody answers for it",
          mend: address.interface.map { ["ip link set dev \($0) up"] } ?? ["vipctl status"])
      }
    }
  }

  // MARK: Trackers

  /// Those that were never up since vipd started: their mistake is in the file, or in how the host is set up.
  private var trackers: [Finding] {
    status.trackers.compactMap { tracker in
      guard !tracker.up, tracker.pending != true, (tracker.checks ?? 2) > 1,
        tracker.since > status.uptime - .seconds(5), status.uptime > .seconds(2),
        let configured = patient.configuration.trackers.first(where: { $0.name.rawValue == tracker.name })
      else { return nil }
      let checks = tracker.checks.map { ", \($0) checks" } ?? ""
      return Finding(
        .tracker, .error, tracker.name,
        seen: "it has failed for as long as vipd runs (\(status.uptime.rough)\(checks)): \(tracker.detail)",
        why:
          "a tracker that never succeeds tells nothing of this node's fitness, and this node does not take over from fit ones",
        mend: mend(configured.kind, tracker.detail))
    }
  }

  private func mend(_ kind: ClusterConfiguration.TrackerKind, _ detail: String) -> [String] {
    let isForbidden = detail.lowercased().contains("permission denied")
    switch kind {
    case .process(let check):
      switch check.match {
      case .name("dockerd"): return ["systemctl start docker"]
      case .name(let name): return ["systemctl start \(name.shellWord)"]
      case .commandLine(let text): return ["pgrep -af \(text.shellWord)"]
      }
    case .script(let check):
      switch check.command {
      case .program(let path, _) where isForbidden: return ["chmod a+rx \(path.shellWord)"]
      case .program(let path, let arguments):
        return [asUser(([path] + arguments).map(\.shellWord).joined(separator: " "))]
      case .shell(let text): return [asUser("sh -c \(text.shellWord)")]
      }
    case .http(let check):
      let host = check.service.host.contains(":") ? "[\(check.service.host)]" : check.service.host
      let url = "\(check.isSecure ? "https" : "http")://\(host):\(check.service.port)\(check.target)"
      var words = ["curl", "-v", "-X", check.method.shellWord]
      if let host = check.host { words += ["-H", "Host: \(host)".shellWord] }
      if !check.verifies { words.append("-k") }
      if let socket = check.socket { words += ["--unix-socket", socket.shellWord] }
      return [(words + [url.shellWord]).joined(separator: " ")]
    case .tcp(let service): return ["nc -vz \(service.host.shellWord) \(service.port)"]
    case .unit(let unit): return ["systemctl start \(unit.shellWord)"]
    case .file(let file): return ["ls -l \(file.path.shellWord)"]
    case .interface(let name): return ["ip link set dev \(name.shellWord) up"]
    case .docker, .swarm:
      return isForbidden
        ? ["usermod -aG docker \(user ?? "vipd")", "systemctl restart vipd"] : ["systemctl start docker"]
    }
  }

  private func asUser(_ command: String) -> String { (user.map { "sudo -u \($0) " } ?? "") + command }
}

extension Duration {
  /// For people: `3 h`, `12 min`, `8 s`. A second that is all but over counts, so that an hour is none of 59 minutes.
  var rough: String {
    guard self >= .seconds(1) else { return "\(components.attoseconds / 1_000_000_000_000_000) ms" }
    let seconds = (self + .milliseconds(500)).components.seconds
    switch seconds {
    case 172_800...: return "\(seconds / 86_400) days"
    case 7200...: return "\(seconds / 3600) h"
    case 120...: return "\(seconds / 60) min"
    default: return "\(seconds) s"
    }
  }

  var magnitude: Duration { self < .zero ? .zero - self : self }
}
