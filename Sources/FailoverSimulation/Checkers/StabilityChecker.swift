// No flapping: in a whole network one disturbance makes each node Active at most once, nobody takes over from a better
// Active Router that it has heard, nobody replaces a healthy one that Preempt_Mode protects from it, and after the
// settling time nothing moves at all.

import NetworkTypes
import VRRP

struct StabilityChecker: Checker {
  private var activations: [Place: Int] = [:]
  /// Since when a node is a Backup Router with the file that it has.
  private var backups: [Place: Instant] = [:]

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    if step.occurrences.contains(where: \.isSpinning) { return ["a router asks for a deadline that is past"] }
    if step.occurrences.contains(where: \.isDisturbance) { activations = [:] }
    let impatience = impatience(step, picture)
    guard picture.quietSince != nil else { return impatience }
    var complaints = impatience
    for case .transition(let node, let vrid, let transition) in step.occurrences {
      if picture.isSettled {
        complaints.append("\(node), VRID \(vrid): becomes \(transition.to.rawValue), though nothing has happened")
      }
      guard transition.to == .active else { continue }
      // Who resumes cannot know of one that was about to preempt it when it died, and learns of it at once.
      if transition.reason != .resumption { complaints += usurpations(by: node, vrid, picture) }
      // What was sent before the disturbance may have moved it.
      guard picture.hasDelivered else { continue }
      activations[Place(node: node, vrid: vrid), default: 0] += 1
      if activations[Place(node: node, vrid: vrid)] == 2 {
        complaints.append("\(node), VRID \(vrid): Active for the second time after one disturbance")
      }
    }
    return complaints
  }

  /// A preemption that `preempt: false` rules out, or a delay that is not over.
  private mutating func impatience(_ step: Step, _ picture: ClusterPicture) -> [String] {
    var complaints: [String] = []
    for occurrence in step.occurrences {
      switch occurrence {
      case .noticed(let name, .reloaded): backups = backups.filter { $0.key.node != name }
      case .transition(let name, let vrid, let transition):
        let place = Place(node: name, vrid: vrid)
        let since = backups[place]
        backups[place] = transition.to == .backup ? step.time : nil
        guard case .preemption = transition.reason, let since, let node = picture[name],
          let preemption = node.configuration(of: vrid)?.preemption, isHealthy(vrid, except: name, picture)
        else { continue }
        if preemption == .never { complaints.append("\(name), VRID \(vrid): preempts, against its file") }
        if case .after(let delay) = preemption, step.time < since + delay {
          complaints.append("\(name), VRID \(vrid): preempts after \(step.time - since), not \(delay)")
        }
      case .incident, .noticed, .sent, .unreadable, .discarded, .installed, .removed, .expired, .announced, .learned,
        .spinning:
        break
      }
    }
    return complaints
  }

  /// Whether every other node runs, and contends with all that the files give it; so none was ever unfit of late.
  private func isHealthy(_ vrid: VRID, except name: String, _ picture: ClusterPicture) -> Bool {
    guard let file = picture[name]?.configuration(of: vrid) else { return false }
    return file.families.flatMap(\.peers).allSatisfy { peer in
      guard let other = picture[peer.node], let priority = picture.effectivePriority(other, vrid), !other.isFrozen,
        picture.time > other.lastChange + picture.settlingTime
      else { return false }
      return picture.isHealthy(other, at: priority, for: file)
    }
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
