// Once the network is whole and quiet for its bound, exactly one node is Active for each virtual router that any node can
// hold, and the rules allow that it is this one.

import NetworkTypes
import VRRP

struct AgreementChecker: Checker {
  /// The disturbance after which the settled cluster has been looked at.
  private var examined: Instant?

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    guard picture.isSettled else { return [] }
    // Without a disturbance only transitions change the answer.
    guard examined != picture.lastDisturbance || step.occurrences.contains(where: \.isTransition) else { return [] }
    examined = picture.lastDisturbance
    return picture.vrids.compactMap { vrid in
      let active = picture.active(vrid)
      let lawful = picture.lawfulHolders(vrid)
      if lawful.isEmpty { return active.isEmpty ? nil : "VRID \(vrid): no node is fit, but Active is \(active)" }
      return active.count == 1 && lawful.contains(active[0])
        ? nil : "VRID \(vrid): Active is \(active), and should be one of \(lawful)"
    }
  }
}
