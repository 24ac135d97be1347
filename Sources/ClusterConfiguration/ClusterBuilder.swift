// A draft that passed all checks, made into a configuration: defaults filled in, priorities handed out, weights
// computed.

import NetworkTypes
import VRRP

enum ClusterBuilder {
  /// Nil where the draft holds something that was complained about.
  static func configuration(from draft: ClusterDraft) -> ClusterConfiguration? {
    guard let name = draft.name else { return nil }
    let nodes = draft.nodes.enumerated().compactMap { node(from: $1, at: $0) }
    let trackers = draft.trackers.compactMap { tracker(from: $0) }
    let routers = draft.virtualRouters.compactMap { virtualRouter(from: $0, nodes: nodes, trackers: trackers) }
    guard !nodes.isEmpty, nodes.count == draft.nodes.count, trackers.count == draft.trackers.count,
      !routers.isEmpty, routers.count == draft.virtualRouters.count
    else { return nil }
    return ClusterConfiguration(
      name: name.value, nodes: nodes, trackers: trackers, virtualRouters: routers, control: draft.control)
  }

  private static func node(from draft: NodeDraft, at index: Int) -> ClusterConfiguration.Node? {
    guard let name = draft.name.flatMap({ NodeName($0.text) }), !draft.addresses.isEmpty else { return nil }
    return ClusterConfiguration.Node(
      name: name, addresses: draft.addresses.map(\.value).sorted(),
      priority: draft.priority?.value ?? PriorityRules.implicitPriority(at: index))
  }

  private static func tracker(from draft: TrackerDraft) -> ClusterConfiguration.Tracker? {
    guard let name = TrackerName(draft.name.text), let kind = draft.kind else { return nil }
    return ClusterConfiguration.Tracker(
      name: name, kind: kind, weight: draft.weight?.value,
      interval: draft.interval?.value, timeout: draft.timeout?.value,
      rise: draft.rise ?? 1, fall: draft.fall ?? 1)
  }

  private static func virtualRouter(
    from draft: VirtualRouterDraft, nodes: [ClusterConfiguration.Node], trackers: [ClusterConfiguration.Tracker]
  ) -> ClusterConfiguration.VirtualRouter? {
    guard let name = draft.name.flatMap({ VirtualRouterName($0.text) }), let vrid = draft.vrid?.value,
      !draft.addresses.isEmpty
    else { return nil }
    let members =
      if let listed = draft.nodes {
        PriorityRules.members(listed.compactMap { name in nodes.first { $0.name.rawValue == name.value } })
      } else {
        nodes.map { ClusterConfiguration.Member(node: $0.name, priority: $0.priority) }
      }
    guard !members.isEmpty else { return nil }
    let automatic = PriorityRules.automaticWeight(for: members.map(\.priority))
    return ClusterConfiguration.VirtualRouter(
      name: name, vrid: vrid,
      addresses: withLinkLocalFirst(draft.addresses.map(\.value), vrid: vrid),
      interval: draft.interval?.value ?? .oneSecond,
      members: members,
      trackers: draft.track.compactMap { name in
        trackers.first { $0.name.rawValue == name.value }.map {
          ClusterConfiguration.TrackedBy(
            tracker: $0.name, weight: $0.weight ?? automatic, isAutomatic: $0.weight == nil)
        }
      },
      interface: draft.interface,
      preemption: draft.preemption?.value ?? .immediate,
      version: draft.version?.value ?? .v3,
      password: draft.password?.value,
      transport: draft.transport?.value ?? .unicast,
      checksum: draft.checksum?.value ?? .auto,
      minimumHopLimit: draft.minimumHopLimit?.value ?? 255,
      lease: draft.lease?.value ?? .on,
      oneWay: draft.oneWay?.value ?? .yield,
      whenAllFail: draft.whenAllFail?.value ?? .keep,
      notify: draft.notify?.value ?? [])
  }

  /// The first address of an IPv6 list is link-local (RFC 9568 §5.2.9): the file's own, or one derived from the VRID.
  private static func withLinkLocalFirst(_ addresses: [VirtualAddress], vrid: VRID) -> [VirtualAddress] {
    let ipv6 = addresses.filter { $0.address.family == .ipv6 }
    guard !ipv6.isEmpty else { return addresses }
    let ipv4 = addresses.filter { $0.address.family == .ipv4 }
    guard let linkLocal = ipv6.first(where: \.address.address.isLinkLocal) else {
      return ipv4 + [VirtualAddress(LinkLocal.address(for: vrid))] + ipv6
    }
    return ipv4 + [linkLocal] + ipv6.filter { $0 != linkLocal }
  }
}

/// The link-local address that a virtual router gets when the file names none.
public enum LinkLocal {
  /// fe80::200:5eff:fe00:2XX/64, where XX is the VRID: what the virtual router MAC address 00-00-5E-00-02-XX (RFC 9568
  /// §7.3) comes to as a modified EUI-64 interface identifier (RFC 4291 §2.5.1), so that no host's own can be the same.
  public static func address(for vrid: VRID) -> InterfaceAddress {
    let prefix = UInt128(0xfe80) << 112
    let identifier: UInt128 = 0x0200_5eff_fe00_0200 | UInt128(vrid.rawValue)
    guard let address = InterfaceAddress(address: .v6(IPv6Address(rawValue: prefix | identifier)), prefixLength: 64)
    else { preconditionFailure("64 is a prefix length of IPv6") }
    return address
  }
}
