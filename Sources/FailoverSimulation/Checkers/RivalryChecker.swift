// Where two are Active and hear each other, the one with the better claim stays and says so at once, and the other lets
// go: never the other way round, and not only when the winner would have advertised anyway. One that leaves is answered
// at once too. RFC 9568 §6.4.3 (FSM-10, FSM-11, FSM-12)

import NetworkTypes
import VRRP

struct RivalryChecker: Checker {
  /// When a loser has to have let go.
  private var ends: [Rivalry: Instant] = [:]
  /// When an Active Router that heard another one leave has to have advertised. FSM-10
  private var answers: [Place: Instant] = [:]

  private struct Rivalry: Hashable {
    var loser: String
    var winner: String
    var vrid: VRID
  }

  /// One answer does for all that a rival says within this time.
  private static let answerDistance: Duration = .milliseconds(10)

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    guard let quiet = picture.quietSince else {
      forget()
      return []
    }
    if quiet == step.time { forget() }  // The circumstances are others now.
    var complaints = step.occurrences.compactMap { surrender($0, since: quiet, picture) }
    complaints += overdue(picture)
    for case .sent(let sending) in step.occurrences { note(sending, picture) }
    return complaints
  }

  private mutating func forget() {
    ends = [:]
    answers = [:]
  }

  /// A router that yields to none that beats it.
  private func surrender(_ occurrence: Occurrence, since quiet: Instant, _ picture: ClusterPicture) -> String? {
    // What was said before the last change may have been said with another priority.
    guard case .transition(let name, let vrid, let transition) = occurrence, transition.from == .active,
      case .superseded = transition.reason, picture.time > quiet + picture.worstLatency, let node = picture[name],
      !picture.nodes.contains(where: { $0.name != name && picture.beats($0, node, vrid) })
    else { return nil }
    return "\(name), VRID \(vrid): yields, though nobody has a better claim"
  }

  private mutating func note(_ sending: Sending, _ picture: ClusterPicture) {
    let vrid = sending.advertisement.vrid
    answers[Place(node: sending.sender, vrid: vrid)] = nil
    if sending.advertisement.priority == .relinquishing, sending.passage == .arrives,
      let sender = picture[sending.sender], let receiver = picture[sending.receiver],
      receiver.active[vrid] != nil,
      picture.speakAlike(sender, receiver, vrid), !picture.mayMisunderstand(vrid)
    {
      answers[Place(node: receiver.name, vrid: vrid)] = picture.time + picture.worstLatency + Self.answerDistance
    }
    guard case .contending = sending.advertisement.priority, sending.passage == .arrives,
      let loser = picture[sending.sender], let winner = picture[sending.receiver],
      loser.active[vrid] != nil, winner.active[vrid] != nil, picture.beats(winner, loser, vrid)
    else { return }
    let rivalry = Rivalry(loser: loser.name, winner: winner.name, vrid: vrid)
    guard ends[rivalry] == nil else { return }
    ends[rivalry] = picture.time + picture.worstLatency * 2 + Self.answerDistance
  }

  private mutating func overdue(_ picture: ClusterPicture) -> [String] {
    var complaints: [String] = []
    for (rivalry, end) in ends {
      let isOver =
        picture[rivalry.loser]?.active[rivalry.vrid] == nil || picture[rivalry.winner]?.active[rivalry.vrid] == nil
      guard isOver || picture.time > end else { continue }
      ends[rivalry] = nil
      if isOver { continue }
      complaints.append(
        "\(rivalry.loser), VRID \(rivalry.vrid): still Active, though \(rivalry.winner) has heard it and beats it")
    }
    for (place, end) in answers {
      let isOver = picture[place.node]?.active[place.vrid] == nil
      guard isOver || picture.time > end else { continue }
      answers[place] = nil
      if !isOver { complaints.append("\(place.node), VRID \(place.vrid): does not answer one that leaves") }
    }
    return complaints.sorted()
  }
}

extension ClusterPicture {
  /// Whether the one, once Active, makes the other yield: by priority, or between equals by primary address.
  fileprivate func beats(_ one: Node, _ other: Node, _ vrid: VRID) -> Bool {
    guard speakAlike(one, other, vrid), let mine = effectivePriority(one, vrid),
      let theirs = effectivePriority(other, vrid)
    else { return false }
    if mine != theirs { return mine > theirs }
    // With two families the first one's addresses count, or each could yield to the other.
    guard let address = one.configuration(of: vrid)?.families.first?.primaryAddress,
      let rival = other.configuration(of: vrid)?.families.first?.primaryAddress
    else { return false }
    return address > rival
  }
}
