// systemd-networkd and NetworkManager hold an interface to what their own files say: an address that somebody else has put
// there goes when they configure it anew. vipd puts it back within milliseconds; better is that it never goes.

import Glibc

struct NetworkManagers: Sendable {
  /// What stands before each path; empty for this host's own files.
  var root = ""

  func findings(for patient: Patient) -> [Finding] {
    let interfaces = Set(
      patient.vrrpInterfaces
        + patient.routers.flatMap { router in router.addresses.compactMap { patient.interface(of: $0, in: router) } })
    return interfaces.sorted { $0.index < $1.index }.flatMap { networkd($0) + networkManager($0) }
  }

  /// sd-network's state of a link, and `KeepConfiguration=` in the file that it goes by. systemd.network(5)
  private func networkd(_ interface: HostInterface) -> [Finding] {
    guard let state = text("/run/systemd/netif/links/\(interface.index)"),
      let file = value("NETWORK_FILE", state), value("ADMIN_STATE", state) != "unmanaged"
    else { return [] }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    let directories = [
      "/usr/lib/systemd/network", "/usr/local/lib/systemd/network", "/run/systemd/network", "/etc/systemd/network",
    ]
    let dropIns = directories.flatMap { directory in
      SmallFile.names(in: "\(root)\(directory)/\(name).d").filter { $0.hasSuffix(".conf") }
        .map { (name: $0, path: "\(directory)/\(name).d/\($0)") }
    }
    // By name, wherever they lie; the last word counts.
    let files = [file] + dropIns.sorted { $0.name < $1.name }.map(\.path)
    let kept = files.compactMap { text($0).flatMap { value("KeepConfiguration", $0) } }.last ?? "no"
    // An address with a lifetime is a dynamic one to networkd, so `static` does not cover a lease.
    guard !["yes", "true", "1", "on"].contains(kept) else { return [] }
    let dropIn = "/etc/systemd/network/\(name).d"
    return [
      Finding(
        .networkManager, .warning, interface.name,
        seen: "systemd-networkd manages it by \(file), with KeepConfiguration=\(kept)",
        why:
          "networkd removes addresses that are not in its files when it starts or configures the interface anew; vipd puts "
          + "the virtual address back, and more than ten times in a minute it gives it to another node",
        mend: [
          "mkdir -p \(dropIn)",
          "printf '[Network]\\nKeepConfiguration=yes\\n' >\(dropIn)/90-vipd.conf",
          "networkctl reload",
        ])
    ]
  }

  private func networkManager(_ interface: HostInterface) -> [Finding] {
    guard let state = text("/run/NetworkManager/devices/\(interface.index)"), value("managed", state) == "true",
      !isUnmanaged(interface.name)
    else { return [] }
    let why =
      "when its connection is activated again (`nmcli connection up`, a changed profile, a cable) NetworkManager removes "
      + "addresses that are not in the profile; vipd puts the virtual address back within milliseconds, and more than ten "
      + "times in a minute it gives it to another node"
    guard isConfiguredElsewhere(interface) else {
      // Without NetworkManager nobody would give this interface its own address: nothing to be pasted at night.
      return [
        Finding(
          .networkManager, .note, interface.name, seen: "NetworkManager manages it",
          why: why, mend: ["nmcli --fields NAME,DEVICE connection show --active"])
      ]
    }
    return [
      Finding(
        .networkManager, .warning, interface.name,
        seen: "NetworkManager manages it, though its address is set up elsewhere too", why: why,
        mend: [
          "printf '[keyfile]\\nunmanaged-devices+=interface-name:\(interface.name)\\n' "
            + ">/etc/NetworkManager/conf.d/90-vipd-\(interface.name).conf",
          "nmcli general reload",
        ])
    ]
  }

  /// ifupdown's files, or networkd's.
  private func isConfiguredElsewhere(_ interface: HostInterface) -> Bool {
    if let state = text("/run/systemd/netif/links/\(interface.index)"), value("NETWORK_FILE", state) != nil {
      return true
    }
    let directory = "/etc/network/interfaces.d"
    let files = ["/etc/network/interfaces"] + SmallFile.names(in: root + directory).map { "\(directory)/\($0)" }
    return files.compactMap(text).contains { $0.contains("iface \(interface.name) ") }
  }

  /// NetworkManager.conf(5), "unmanaged-devices"; its state files follow only when it has read that again.
  private func isUnmanaged(_ name: String) -> Bool {
    let directories = ["/usr/lib/NetworkManager/conf.d", "/run/NetworkManager/conf.d", "/etc/NetworkManager/conf.d"]
    let files =
      directories.flatMap { directory in SmallFile.names(in: root + directory).map { "\(directory)/\($0)" } }
      + ["/etc/NetworkManager/NetworkManager.conf"]
    let lists = files.compactMap(text).flatMap { text in
      ["unmanaged-devices", "unmanaged-devices+"].compactMap { value($0, text) }
    }
    return lists.contains { list in
      list.split(whereSeparator: { ";,".contains($0) }).contains { $0 == "interface-name:\(name)" || $0 == "*" }
    }
  }

  private func text(_ path: String) -> String? { SmallFile.text(root + path) }

  /// Of `key=value`, the last; blanks around either do not count.
  private func value(_ key: String, _ text: String) -> String? {
    text.split(separator: "\n").compactMap { line -> String? in
      let parts = line.split(separator: "=", maxSplits: 1).map { String($0).trimmingSpaces }
      return parts.count == 2 && parts[0] == key ? parts[1].lowercasedUnlessPath : nil
    }.last
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    var text = self[...]
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return String(text.drop { $0.isWhitespace })
  }

  fileprivate var lowercasedUnlessPath: String { hasPrefix("/") ? self : lowercased() }
}
