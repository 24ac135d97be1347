// The winner has the last word: in a settled cluster every client's neighbour table leads to the holder.
//
// A client that could not hear the holder announce is excused, unless it was misled since by a rival that lost to another
// Active Router: the winner has to tell it again. A rival that died out of everyone's sight, or whose farewell was lost,
// misleads for longer; only the client's own kernel finds that out.

import NetworkTypes
import VRRP

struct NeighborChecker: Checker {
  /// Per client.
  private var clients: [String: [IPAddress: Rumor]] = [:]
  /// When a node last became Active.
  private var rises: [Place: Instant] = [:]
  /// When a node last lost to another Active Router.
  private var defeats: [Place: Instant] = [:]
  /// What became of the last farewells.
  private var farewells: [Farewell: (time: Instant, passage: Passage)] = [:]
  private var examined: Instant?

  private struct Farewell: Hashable {
    var from: Place
    var to: String
  }

  /// What a client was told of an address.
  fileprivate struct Rumor {
    /// Who announced last on a way that was open, if chance had let it through.
    var teller: String?
    var toldAt = Instant(sinceBoot: .zero)
    /// Who announced without a way to this client, and when.
    var unheard: [String: Instant] = [:]
    /// Whose last announcement got through.
    var heard: Set<String> = []
  }

  /// The repetitions after a conflict are over, and have arrived.
  private static let announcingTime: Duration = .milliseconds(250)

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    for occurrence in step.occurrences { note(occurrence, picture) }
    noteFarewells(step)
    guard let quiet = picture.quietSince, examined != picture.lastDisturbance,
      step.time >= quiet + picture.settlingTime + Self.announcingTime
    else { return [] }
    examined = picture.lastDisturbance
    return picture.vrids.flatMap { complaints(about: $0, picture) }
  }

  private mutating func note(_ occurrence: Occurrence, _ picture: ClusterPicture) {
    switch occurrence {
    case .announced(let announcement):
      for (client, passage) in zip(picture.clients, announcement.passages) {
        clients[client, default: [:]][announcement.address, default: Rumor()]
          .note(passage, from: announcement.holder, picture.time)
      }
    case .transition(let node, let vrid, let transition):
      if transition.to == .active { rises[Place(node: node, vrid: vrid)] = picture.time }
      if case .superseded = transition.reason { defeats[Place(node: node, vrid: vrid)] = picture.time }
    case .incident, .noticed, .sent, .unreadable, .discarded, .installed, .removed, .expired, .learned, .spinning:
      break
    }
  }

  /// What a node sends in the moment in which it ceases to be Active.
  private mutating func noteFarewells(_ step: Step) {
    for case .transition(let node, let vrid, let transition) in step.occurrences where transition.from == .active {
      for case .sent(let sending) in step.occurrences
      where sending.sender == node && sending.advertisement.vrid == vrid {
        farewells[Farewell(from: Place(node: node, vrid: vrid), to: sending.receiver)] = (step.time, sending.passage)
      }
    }
  }

  private func complaints(about vrid: VRID, _ picture: ClusterPicture) -> [String] {
    let active = picture.active(vrid)
    guard active.count == 1, let holder = picture[active[0]], let configuration = holder.configuration(of: vrid)
    else { return [] }
    return configuration.addresses.map(\.address.address).flatMap { address in
      picture.clients.compactMap { client in
        let rumor = clients[client]?[address] ?? Rumor()
        guard !isExcused(rumor, holder.name, vrid, picture.lastMisunderstanding(vrid)) else { return nil }
        if rumor.teller != holder.name {
          return
            "\(client) was last told that \(address) is at \(rumor.teller ?? "no node"), but \(holder.name) holds it"
        }
        let found = picture.neighbors[client]?[address]
        if rumor.heard.contains(holder.name), found != holder.name {
          return "\(client) finds \(address) at \(found ?? "no node"), though it heard \(holder.name) announce it"
        }
        return nil
      }
    }
  }

  private func isExcused(
    _ rumor: Rumor, _ holder: String, _ vrid: VRID, _ lastMisunderstanding: Instant?
  ) -> Bool {
    guard let teller = rumor.teller else { return rumor.unheard[holder] != nil }
    // Two holders that their files had not understand each other: neither knows that the other has misled anyone.
    if let since = lastMisunderstanding, rumor.toldAt <= since { return true }
    let rival = Place(node: teller, vrid: vrid)
    let rise = rises[rival] ?? rumor.toldAt
    let defeat = defeats[rival].flatMap { $0 >= rise ? $0 : nil }
    let farewell = farewells[Farewell(from: rival, to: holder)].flatMap { $0.time >= rise ? $0 : nil }
    if let farewell {
      if farewell.passage != .arrives { return true }
    } else if let since = rises[Place(node: holder, vrid: vrid)], since <= defeat ?? rumor.toldAt {
      // It was Active beside the holder, and ended without a word to it: it died, or took leave of a third.
      if defeat == nil || farewells.contains(where: { $0.key.from == rival && $0.value.time == defeat }) { return true }
    }
    guard let unheard = rumor.unheard[holder] else { return false }
    return (defeat ?? unheard) <= unheard
  }
}

extension NeighborChecker.Rumor {
  fileprivate mutating func note(_ passage: Passage, from node: String, _ now: Instant) {
    switch passage {
    case .arrives:
      teller = node
      toldAt = now
      heard.insert(node)
    case .lost:
      teller = node
      toldAt = now
      heard.remove(node)
    case .cut:
      unheard[node] = now
      heard.remove(node)
    }
  }
}
