// The winner has the last word: in a settled cluster every client's neighbour table leads to the holder.
//
// A client that could not hear the holder announce is excused, unless it was misled since: then the loser and the winner
// were Active together, and the winner has to tell it again.

import NetworkTypes
import VRRP

struct NeighborChecker: Checker {
  /// Per client.
  private var clients: [String: [IPAddress: Rumor]] = [:]
  private var lastActive: [Holder: Instant] = [:]
  private var examined: Instant?

  private struct Holder: Hashable {
    var node: String
    var vrid: VRID
  }

  /// What a client was told of an address.
  fileprivate struct Rumor {
    /// Who announced last on a way that was open, if chance had let it through.
    var teller: String?
    /// Who announced without a way to this client, and when.
    var unheard: [String: Instant] = [:]
    /// Whose last announcement got through.
    var heard: Set<String> = []
  }

  /// The repetitions after a conflict are over, and have arrived.
  private static let announcingTime: Duration = .milliseconds(250)

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    for occurrence in step.occurrences { note(occurrence, picture) }
    for node in picture.nodes {
      for vrid in node.active { lastActive[Holder(node: node.name, vrid: vrid)] = step.time }
    }
    guard let quiet = picture.quietSince, examined != picture.lastDisturbance,
      step.time >= quiet + picture.settlingTime + Self.announcingTime
    else { return [] }
    examined = picture.lastDisturbance
    return picture.vrids.flatMap { complaints(about: $0, picture) }
  }

  private mutating func note(_ occurrence: Occurrence, _ picture: ClusterPicture) {
    guard case .announced(let announcement) = occurrence else { return }
    for (client, passage) in zip(picture.clients, announcement.passages) {
      clients[client, default: [:]][announcement.address, default: Rumor()]
        .note(passage, from: announcement.node, picture.now)
    }
  }

  private func complaints(about vrid: VRID, _ picture: ClusterPicture) -> [String] {
    let active = picture.active(vrid)
    guard active.count == 1, let holder = picture[active[0]], let configuration = holder.configuration(of: vrid)
    else { return [] }
    return configuration.addresses.map(\.address.address).flatMap { address in
      picture.clients.compactMap { client in
        let rumor = clients[client]?[address] ?? Rumor()
        if rumor.teller != holder.name, !isExcused(rumor, holder.name, vrid) {
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

  private func isExcused(_ rumor: Rumor, _ holder: String, _ vrid: VRID) -> Bool {
    guard let unheard = rumor.unheard[holder] else { return false }
    guard let teller = rumor.teller else { return true }
    return (lastActive[Holder(node: teller, vrid: vrid)] ?? unheard) < unheard
  }
}

extension NeighborChecker.Rumor {
  fileprivate mutating func note(_ passage: Passage, from node: String, _ now: Instant) {
    switch passage {
    case .arrives:
      teller = node
      heard.insert(node)
    case .lost:
      teller = node
      heard.remove(node)
    case .cut:
      unheard[node] = now
      heard.remove(node)
    }
  }
}
