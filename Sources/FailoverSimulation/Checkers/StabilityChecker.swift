// No flapping: in a whole network one disturbance makes each node Active at most once, and after the settling time
// nothing moves at all.

import NetworkTypes
import VRRP

struct StabilityChecker: Checker {
  private var disturbance = Instant(sinceBoot: .zero)
  private var activations: [Activation: Int] = [:]

  private struct Activation: Hashable {
    var node: String
    var vrid: VRID
  }

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    if step.occurrences.contains(where: \.isSpinning) { return ["a router asks for a deadline that is past"] }
    if picture.lastDisturbance != disturbance || picture.quietSince == nil {
      disturbance = picture.lastDisturbance
      activations = [:]
      return []
    }
    var complaints: [String] = []
    for case .transition(let node, let vrid, let transition) in step.occurrences {
      if picture.isSettled {
        complaints.append("\(node), VRID \(vrid): becomes \(transition.to.rawValue), though nothing has happened")
      }
      guard transition.to == .active else { continue }
      activations[Activation(node: node, vrid: vrid), default: 0] += 1
      if activations[Activation(node: node, vrid: vrid)] == 2 {
        complaints.append("\(node), VRID \(vrid): Active for the second time after one disturbance")
      }
    }
    return complaints
  }
}

extension Occurrence {
  fileprivate var isSpinning: Bool {
    if case .spinning = self { true } else { false }
  }
}
