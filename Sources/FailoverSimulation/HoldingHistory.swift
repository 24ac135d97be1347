// Who held a virtual router's addresses from when to when, as a client could have reached them.

import NetworkTypes
import VRRP

public struct HoldingHistory: Sendable {
  private var spells: [VRID: [Spell]]

  /// From `begin` until the next one begins, these nodes held the addresses.
  public struct Spell: Sendable, Hashable {
    public var begin: Instant
    public var holders: [String]
  }

  init(_ vrids: [VRID]) {
    let nobody = Spell(begin: Instant(sinceBoot: .zero), holders: [])
    spells = Dictionary(uniqueKeysWithValues: vrids.map { ($0, [nobody]) })
  }

  /// In order of time; the first begins with the run.
  public func spells(of vrid: VRID) -> [Spell] { spells[vrid] ?? [] }

  /// How long nobody held the addresses between the two times.
  public func unheld(_ vrid: VRID, from begin: Instant, to end: Instant) -> Duration {
    time(vrid, from: begin, to: end) { $0.isEmpty }
  }

  /// How long more than one did.
  public func contested(_ vrid: VRID, from begin: Instant, to end: Instant) -> Duration {
    time(vrid, from: begin, to: end) { $0.count > 1 }
  }

  private func time(
    _ vrid: VRID, from begin: Instant, to end: Instant, where counts: ([String]) -> Bool
  ) -> Duration {
    let all = spells(of: vrid)
    let ends = all.dropFirst().map(\.begin) + [end]
    return zip(all, ends).filter { counts($0.0.holders) }
      .map { max(min($0.1, end) - max($0.0.begin, begin), .zero) }
      .reduce(.zero, +)
  }

  mutating func record(_ step: Step, _ picture: ClusterPicture) {
    guard step.occurrences.contains(where: \.mayMoveAddresses) else { return }
    for vrid in picture.vrids {
      let holders = picture.holders(vrid)
      guard spells[vrid]?.last?.holders != holders else { continue }
      if spells[vrid]?.last?.begin == step.time { spells[vrid]?.removeLast() }
      spells[vrid, default: []].append(Spell(begin: step.time, holders: holders))
    }
  }
}

extension Occurrence {
  fileprivate var mayMoveAddresses: Bool {
    switch self {
    case .incident, .installed, .removed, .expired: true
    case .noticed, .sent, .unreadable, .discarded, .transition, .announced, .learned, .spinning: false
    }
  }
}
