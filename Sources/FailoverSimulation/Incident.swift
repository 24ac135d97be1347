// What befalls a cluster from outside: faults, and their repair.

import NetworkTypes
import VRRP

/// One change to the cluster's world. Naming a host that does not exist is the caller's mistake and traps.
public enum Incident: Sendable, Hashable {
  /// The host gets power, where it had none, and vipd is started, where it does not run. It learns the trackers' states a moment later.
  case start(String)
  /// The host dies, with every address that it holds.
  case crash(String)
  /// vipd is told to end (SIGTERM).
  case stop(String)
  /// An admin has the node stay away, forced or not.
  case drain(String, isForced: Bool)
  /// An admin ends that.
  case resume(String)
  /// Another program takes vipd's place in its process. Nothing may follow from it.
  case upgrade(String)
  /// The process, or the whole virtual machine, does not run. Time goes on, addresses stay until their lease ends,
  /// datagrams queue up.
  case freeze(String)
  /// vipd dies without a word (SIGKILL); the host lives on, and holds its addresses until their lease ends.
  case kill(String)
  case thaw(String)
  /// For so long the node's deadlines are not served; what arrives still is.
  case stall(String, Duration)
  /// The host loses carrier, and is told so.
  case linkDown(String)
  case linkUp(String)
  case tracker(String, on: String, isUp: Bool)
  /// vipd reads its file again (SIGHUP), and finds this in it.
  case reload(String, [VirtualRouterConfiguration])
  /// From now on nothing gets through in this direction; with a family, nothing of that family. Carrier stays.
  case cut(from: String, to: String, IPFamily?)
  /// Only hosts within one group reach each other. A host that is in no group reaches all.
  case partition([[String]])
  /// Ends the partition and every cut.
  case heal
  /// All links become like this.
  case quality(LinkQuality)
  /// One direction of one link becomes like this.
  case linkQuality(LinkQuality, from: String, to: String)
}
