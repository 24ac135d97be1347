// How long a failover takes: a settled cluster whose holder dies, leaves or becomes unfit has its next Active Router
// within the protocol's time and one latency.

import NetworkTypes
import VRRP

struct HandOverChecker: Checker {
  /// Who was Active when the cluster last was settled.
  private var settled: [VRID: String] = [:]
  private var promises: [VRID: Promise] = [:]

  private struct Promise {
    var candidates: [String]
    var latest: Instant
    var cause: String
  }

  /// What makes a successor necessary, and how it learns of it.
  private enum Loss {
    /// Nothing is heard any more: Active_Down_Interval. RFC 9568 §6.4.2
    case silence
    /// Priority 0, or one that is too low now: Skew_Time.
    case word
  }

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    let complaints = overdue(step.time)
    for case .transition(let node, let vrid, let transition) in step.occurrences where transition.to == .active {
      if promises[vrid]?.candidates.contains(node) == true { promises[vrid] = nil }
    }
    if picture.lastDisturbance == step.time, step.occurrences.contains(where: \.isDisturbance) {
      promises = [:]  // Whatever was promised, the circumstances are others now.
      if picture.quietSince != nil { step.occurrences.forEach { promise($0, picture) } }
      settled = [:]
    } else if picture.isSettled, settled.isEmpty {
      for vrid in picture.vrids {
        let active = picture.active(vrid)
        if active.count == 1 { settled[vrid] = active[0] }
      }
    }
    return complaints
  }

  private mutating func overdue(_ now: Instant) -> [String] {
    var complaints: [String] = []
    for (vrid, promise) in promises.sorted(by: { $0.key < $1.key }) where promise.latest < now {
      complaints.append(
        "VRID \(vrid): after \(promise.cause) none of \(promise.candidates) is Active at \(promise.latest.transcriptText)"
      )
      promises[vrid] = nil
    }
    return complaints
  }

  private mutating func promise(_ occurrence: Occurrence, _ picture: ClusterPicture) {
    switch occurrence {
    case .incident(.crash(let node)), .incident(.kill(let node)):
      promise(after: occurrence, on: node, .silence, picture)
    case .noticed(let node, .link(isUp: false)): promise(after: occurrence, on: node, .silence, picture)
    case .noticed(let node, .stopped): promise(after: occurrence, on: node, .word, picture)
    case .noticed(let node, .drained(isForced: _?)): promise(after: occurrence, on: node, .word, picture)
    case .noticed(let node, .tracker(_, isUp: false)): promise(after: occurrence, on: node, .word, picture)
    case .incident, .noticed, .sent, .unreadable, .discarded, .transition, .installed, .removed, .expired, .announced,
      .learned, .spinning:
      break
    }
  }

  private mutating func promise(after cause: Occurrence, on name: String, _ loss: Loss, _ picture: ClusterPicture) {
    for vrid in picture.vrids where settled[vrid] == name {
      let candidates = picture.lawfulHolders(vrid).filter { understands($0, name, vrid, picture) }
      guard !candidates.isEmpty, !candidates.contains(name) else { continue }
      let waits = candidates.compactMap { wait(of: $0, vrid, loss, after: name, picture) }
      guard let longest = waits.max() else { continue }
      promises[vrid] = Promise(
        candidates: candidates, latest: picture.time + longest + picture.worstLatency, cause: "\(cause)")
    }
  }

  private func understands(_ one: String, _ other: String, _ vrid: VRID, _ picture: ClusterPicture) -> Bool {
    guard let one = picture[one], let other = picture[other] else { return false }
    return picture.speakAlike(one, other, vrid)
  }

  /// The time that this candidate lets pass. RFC 9568 §6.1
  private func wait(
    of name: String, _ vrid: VRID, _ loss: Loss, after holder: String, _ picture: ClusterPicture
  ) -> Duration? {
    guard let node = picture[name], let priority = picture.effectivePriority(node, vrid),
      let configuration = node.configuration(of: vrid),
      let interval = picture[holder]?.configuration(of: vrid)?.interval.duration
    else { return nil }
    // RFC 3768 §6.1
    let skew = (configuration.version == .v2 ? .seconds(1) : interval) * (256 - priority) / 256
    let holderLeft = picture[holder].map { picture.effectivePriority($0, vrid) == nil } ?? true
    switch loss {
    case .silence: return interval * 3 + skew
    // To the letter of the RFC a Backup ignores a lower priority until Active_Down_Timer has run out.
    case .word: return configuration.preemption == .rfc && !holderLeft ? interval * 3 + skew : skew
    }
  }
}
