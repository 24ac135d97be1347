// No flapping: in a whole network one disturbance makes each node Active at most once, nobody takes over from a better
// Active Router that it has heard, and after the settling time nothing moves at all.

import NetworkTypes
import VRRP

struct StabilityChecker: Checker {
  private var activations: [Activation: Int] = [:]

  private struct Activation: Hashable {
    var node: String
    var vrid: VRID
  }

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    if step.occurrences.contains(where: \.isSpinning) { return ["a router asks for a deadline that is past"] }
    if step.occurrences.contains(where: \.isDisturbance) { activations = [:] }
    guard picture.quietSince != nil else { return [] }
    var complaints: [String] = []
    for case .transition(let node, let vrid, let transition) in step.occurrences {
      if picture.isSettled {
        complaints.append("\(node), VRID \(vrid): becomes \(transition.to.rawValue), though nothing has happened")
      }
      guard transition.to == .active else { continue }
      complaints += usurpations(by: node, vrid, picture)
      activations[Activation(node: node, vrid: vrid), default: 0] += 1
      if activations[Activation(node: node, vrid: vrid)] == 2 {
        complaints.append("\(node), VRID \(vrid): Active for the second time after one disturbance")
      }
    }
    return complaints
  }

  private func usurpations(by name: String, _ vrid: VRID, _ picture: ClusterPicture) -> [String] {
    guard let node = picture[name], let mine = picture.effectivePriority(node, vrid) else { return [] }
    return picture.nodes.compactMap { other in
      guard other.name != name, picture.speakAlike(node, other, vrid), let since = other.active[vrid],
        let theirs = picture.effectivePriority(other, vrid),
        theirs > mine, picture.hasHeard(since: max(since, other.lastChange))
      else { return nil }
      return "\(name), VRID \(vrid): takes over with \(mine), though \(other.name) is Active with \(theirs)"
    }
  }
}

extension Occurrence {
  fileprivate var isSpinning: Bool {
    if case .spinning = self { true } else { false }
  }
}
