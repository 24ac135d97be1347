// Once the network is whole and quiet for its bound, exactly one node is Active for each virtual router that any node can
// hold, and the rules allow that it is this one. Where the files have nodes not understand each other, that holds for
// each side.

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
    return picture.vrids.flatMap { complaints(about: $0, picture) }
  }

  private func complaints(about vrid: VRID, _ picture: ClusterPicture) -> [String] {
    let electorates = picture.electorates(vrid)
    let active = picture.active(vrid)
    let lawful = picture.lawfulHolders(vrid)
    if electorates.isEmpty { return active.isEmpty ? [] : ["VRID \(vrid): no node is fit, but Active is \(active)"] }
    let outsiders = active.filter { name in !electorates.contains { $0.contains(name) } }
    if !outsiders.isEmpty { return ["VRID \(vrid): Active is \(active), but \(outsiders) take no part"] }
    return electorates.compactMap { electorate in
      let mine = active.filter(electorate.contains)
      let due = lawful.filter(electorate.contains)
      return mine.count == 1 && due.contains(mine[0])
        ? nil : "VRID \(vrid): Active is \(mine), and should be one of \(due)"
    }
  }
}
