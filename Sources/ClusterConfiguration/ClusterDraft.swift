// The cluster file as it was read: each value good in itself and still with its place, but not yet held against the
// others. Nil stands for what was left out as well as for what was refused already.

import NetworkTypes
import VRRP

struct ClusterDraft {
  var name: Located<String>?
  var nodes: [NodeDraft] = []
  var trackers: [TrackerDraft] = []
  var virtualRouters: [VirtualRouterDraft] = []
  var control = ClusterConfiguration.Control()
  /// Where each list begins, or where it is missed.
  var nodesPosition = SourcePosition.start
  var virtualRoutersPosition = SourcePosition.start
}

/// A name as it was written, so that references to a refused name are not refused once more.
struct NameDraft {
  let text: String
  let position: SourcePosition
  let isGood: Bool
}

struct NodeDraft {
  let position: SourcePosition
  var name: NameDraft?
  var addresses: [Located<IPAddress>] = []
  var priority: Located<Priority>?
  /// Whether the file gives a priority, be it a good one or not.
  var hasPriority = false

  var displayName: String { name?.text.quoted ?? "a node without a name" }
}

struct TrackerDraft {
  let name: NameDraft
  var kind: ClusterConfiguration.TrackerKind?
  var weight: Located<Int>?
  var interval: Located<Duration>?
  var timeout: Located<Duration>?
  var rise: Int?
  var fall: Int?
}

struct VirtualRouterDraft {
  let position: SourcePosition
  var name: NameDraft?
  var vrid: Located<VRID>?
  var addresses: [Located<VirtualAddress>] = []
  var interval: Located<AdvertisementInterval>?
  var track: [Located<String>] = []
  var trackPosition: SourcePosition?
  /// Nil for all nodes.
  var nodes: [Located<String>]?
  var nodesPosition: SourcePosition?
  var interface: String?
  var preemption: Located<Preemption>?
  var version: Located<VRRPVersion>?
  var password: Located<ClusterConfiguration.Password>?
  var transport: Located<Transport>?
  var checksum: Located<ChecksumPreference>?
  var minimumHopLimit: Located<UInt8>?
  var lease: Located<ClusterConfiguration.Lease>?
  var oneWay: Located<ClusterConfiguration.OneWayPolicy>?
  var whenAllFail: Located<ClusterConfiguration.AllFailedPolicy>?
  var notify: Located<[[String]]>?

  init(position: SourcePosition) { self.position = position }

  /// Where to complain about it as a whole.
  var namePosition: SourcePosition { name?.position ?? position }
  var displayName: String { name.map { "virtual router \($0.text.quoted)" } ?? "this virtual router" }
}
