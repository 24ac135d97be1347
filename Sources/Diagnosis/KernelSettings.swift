// The kernel's settings under which an address that moves between hosts does not work, or not always. They are read as the
// kernel reads them: for many of them the interface's own and the one for `all` count together.

import ClusterConfiguration
import NetworkTypes
import VRRP

/// Values below /proc/sys/net, `ipv4.conf.eth0.rp_filter` say.
struct KernelSettings: Sendable {
  private let read: @Sendable (String) -> Int?

  /// Those of this host.
  init() {
    self.init { name in
      let path = Self.path(of: name)
      return SmallFile.text("/proc/sys/net/\(path)").flatMap { Int($0.filter { !$0.isWhitespace }) }
    }
  }

  /// As sysctl(8) has it, where a dot within a name is a slash: `ipv4.conf.eth0/100.rp_filter`.
  static func path(of name: String) -> String {
    String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
  }

  /// Until the next boot, and from then on.
  private static func setting(_ name: String, to value: Int) -> [String] {
    ["sysctl -w \(name)=\(value)", "echo '\(name) = \(value)' >>/etc/sysctl.d/90-vipd.conf"]
  }

  /// - Parameter read: nil for a setting that there is not.
  init(_ read: @escaping @Sendable (String) -> Int?) { self.read = read }

  func findings(for patient: Patient) -> [Finding] {
    nonlocalBind(patient)
      + addressed(patient).flatMap { interface in
        arpIgnore(interface, patient) + reversePathFilter(interface, patient) + promoteSecondaries(interface, patient)
      }
  }

  /// The interfaces that are to carry virtual addresses.
  private func addressed(_ patient: Patient) -> [HostInterface] {
    let all = patient.routers.flatMap { router in
      router.addresses.compactMap { patient.interface(of: $0, in: router) }
    }
    return patient.interfaces.filter(all.contains)
  }

  private func addresses(on interface: HostInterface, _ patient: Patient) -> [VirtualAddress] {
    patient.routers.flatMap { router in
      router.addresses.filter { patient.interface(of: $0, in: router) == interface && !$0.address.address.isLinkLocal }
    }
  }

  private func nonlocalBind(_ patient: Patient) -> [Finding] {
    let families = Set(patient.routers.flatMap(\.families)).sorted()
    let unset = families.filter { read("\($0.rawValue).ip_nonlocal_bind") == 0 }
    guard !unset.isEmpty else { return [] }
    let names = unset.map { "net.\($0.rawValue).ip_nonlocal_bind" }
    return [
      Finding(
        .nonlocalBind, .note, names[0], seen: names.map { "\($0) is 0" }.joined(separator: ", "),
        why:
          "a service that binds to the virtual address itself, not to all addresses, cannot start while another node has "
          + "the address",
        mend: names.flatMap { Self.setting($0, to: 1) })
    ]
  }

  /// ip-sysctl: the larger of `all` and the interface's own counts.
  private func arpIgnore(_ interface: HostInterface, _ patient: Patient) -> [Finding] {
    let virtual = addresses(on: interface, patient).filter { $0.address.family == .ipv4 }
    guard let value = effective("arp_ignore", interface), !virtual.isEmpty else { return [] }
    let seen: String
    switch value {
    case 8: seen = "arp_ignore is 8: this host answers no ARP"
    case 2 where virtual.contains { $0.address.prefixLength == 32 }:
      seen = "arp_ignore is 2: no answer for an address of /32, which has no neighbours"
    default: return []
    }
    return [
      Finding(
        .arpIgnore, .error, interface.name, seen: seen,
        why: "neighbours that do not know the virtual address already never learn where it is",
        mend: lowering("arp_ignore", interface, to: 0))
    ]
  }

  /// Strict reverse path filtering drops what comes in on another interface than the answer would leave by. RFC 3704
  private func reversePathFilter(_ interface: HostInterface, _ patient: Patient) -> [Finding] {
    let others = patient.interfaces.filter { other in
      other != interface && !other.isLoopback && !other.isForContainers && other.isUp
        && other.addresses.contains { $0.family == .ipv4 }
    }
    guard effective("rp_filter", interface) == 1, !others.isEmpty,
      addresses(on: interface, patient).contains(where: { $0.address.family == .ipv4 })
    else { return [] }
    return [
      Finding(
        .reversePathFilter, .warning, interface.name,
        seen:
          "rp_filter is 1 (strict), and this host is on other networks too (\(others.map(\.name).joined(separator: ", ")))",
        why:
          "requests to the virtual address from hosts that this one reaches by another interface are dropped without a word",
        mend: Self.setting("net.ipv4.conf.\(interface.sysctlName).rp_filter", to: 2))
    ]
  }

  private func promoteSecondaries(_ interface: HostInterface, _ patient: Patient) -> [Finding] {
    let isSecondary = addresses(on: interface, patient).contains { virtual in
      virtual.address.family == .ipv4
        && interface.addresses.contains { own in
          patient.node.addresses.contains(own.address) && own.prefixLength == virtual.address.prefixLength
            && own.network(contains: virtual.address.address)
        }
    }
    guard isSecondary, effective("promote_secondaries", interface) == 0 else { return [] }
    return [
      Finding(
        .promoteSecondaries, .warning, interface.name, seen: "promote_secondaries is 0",
        why:
          "the virtual address is a secondary one of the host's own network: when the host's address is removed, by DHCP "
          + "say, the kernel removes the virtual one with it; and the other way round",
        mend: Self.setting("net.ipv4.conf.\(interface.sysctlName).promote_secondaries", to: 1))
    ]
  }

  private func effective(_ setting: String, _ interface: HostInterface) -> Int? {
    let values = ["all", interface.sysctlName].compactMap { read("ipv4.conf.\($0).\(setting)") }
    return values.max()
  }

  /// On both, where both are above.
  private func lowering(_ setting: String, _ interface: HostInterface, to value: Int) -> [String] {
    ["all", interface.sysctlName].flatMap { name -> [String] in
      guard let now = read("ipv4.conf.\(name).\(setting)"), now > value else { return [] }
      return Self.setting("net.ipv4.conf.\(name).\(setting)", to: value)
    }
  }
}

extension HostInterface {
  /// sysctl(8) takes `/` for a dot in a name: `eth0/100` is the VLAN interface `eth0.100`.
  fileprivate var sysctlName: String { String(name.map { $0 == "." ? "/" : $0 }) }
}
