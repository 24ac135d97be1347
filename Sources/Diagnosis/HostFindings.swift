// What must be right with the host itself before vipd can do anything: its interfaces, and the capabilities that are to be had.

import ClusterConfiguration
import NetworkTypes

enum HostFindings {
  /// The interfaces that the file or the node's addresses name.
  static func interfaces(of patient: Patient) -> [Finding] {
    var findings: [Finding] = []
    let named = Set(patient.routers.flatMap { [$0.interface] + $0.addresses.map(\.interface) }.compactMap(\.self))
      .sorted()
    for name in named where !patient.interfaces.contains(where: { $0.name == name }) {
      findings.append(
        Finding(
          .interface, .error, name, seen: "there is no such interface on this host",
          why: "the virtual routers that the file puts there take no part", mend: ["ip -brief link"]))
    }
    let used = patient.vrrpInterfaces + patient.interfaces.filter { named.contains($0.name) }
    for interface in Set(used).sorted(by: { $0.index < $1.index }) {
      if !interface.isUp {
        findings.append(
          Finding(
            .interface, .error, interface.name, seen: "it is down", why: "the virtual routers on it take no part",
            mend: ["ip link set dev \(interface.name) up"]))
      } else if !interface.hasCarrier {
        findings.append(
          Finding(
            .interface, .error, interface.name, seen: "it has no carrier",
            why: "nothing is connected: the virtual routers on it take no part", mend: ["ethtool \(interface.name)"]))
      }
    }
    return findings
  }

  /// One that was left running, or came back with the last boot.
  static func keepalived(beside patient: Patient) -> [Finding] {
    guard patient.status != nil,
      SmallFile.names(in: "/proc").contains(where: { process in
        // One that has ended and was not collected has no command line.
        SmallFile.text("/proc/\(process)/comm") == "keepalived\n"
          && SmallFile.text("/proc/\(process)/cmdline")?.isEmpty == false
      })
    else { return [] }
    return [
      Finding(
        .keepalived, .warning, "keepalived", seen: "it runs on this host beside vipd",
        why:
          "if it has the same virtual router, this host contends with itself, and the address is removed by the one while the "
          + "other holds it",
        mend: ["systemctl disable --now keepalived"])
    ]
  }

  /// Scripts that vipd could not even start: told before it tries.
  static func scripts(of patient: Patient) -> [Finding] {
    guard patient.status == nil else { return [] }
    let tracked = Set(patient.routers.flatMap { $0.trackers.map(\.tracker) })
    return patient.configuration.trackers.filter { tracked.contains($0.name) }.compactMap { tracker in
      guard case .script(let check) = tracker.kind, case .program(let path, _) = check.command else { return nil }
      switch ScriptFile.state(of: path) {
      case .good: return nil
      case .missing:
        return Finding(
          .tracker, .error, tracker.name.rawValue, seen: "\(path) is not on this host",
          why: "the tracker counts as failed, and this node does not take over from fit ones",
          mend: ["install -D -m 755 \(path.split(separator: "/").last ?? "script") \(path)"])
      case .notExecutable:
        return Finding(
          .tracker, .error, tracker.name.rawValue, seen: "\(path) is not executable for the user that vipd runs as",
          why: "the tracker counts as failed, and this node does not take over from fit ones",
          mend: ["chmod a+rx \(path)"])
      }
    }
  }
}
