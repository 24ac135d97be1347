// Every advertisement says what the sender's file and trackers come to, and every one that arrives can be read.

import NetworkTypes
import VRRP

struct AdvertisementChecker: Checker {
  /// When an Active Router last advertised.
  private var last: [Place: Instant] = [:]

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    let lapses = lapses(step, picture)
    return lapses + mistakes(step, picture)
  }

  /// An Active Router that runs advertises once in an interval at least. RFC 9568 §6.4.3 (FSM-9)
  private mutating func lapses(_ step: Step, _ picture: ClusterPicture) -> [String] {
    var complaints: [String] = []
    for case .sent(let sending) in step.occurrences {
      let place = Place(node: sending.sender, vrid: sending.advertisement.vrid)
      // One that calls for a successor has said so, and waits.
      if sending.advertisement.priority == .relinquishing {
        last[place] = nil
        continue
      }
      guard let before = last.updateValue(step.time, forKey: place), let quiet = picture.quietSince, quiet <= before,
        let node = picture[place.node], let active = node.active[place.vrid], active <= before,
        let interval = node.configuration(of: place.vrid)?.interval.duration, step.time > before + interval
      else { continue }
      complaints.append("\(place.node), VRID \(place.vrid): did not advertise for \(step.time - before)")
    }
    return complaints
  }

  private func mistakes(_ step: Step, _ picture: ClusterPicture) -> [String] {
    step.occurrences.compactMap { occurrence in
      switch occurrence {
      // What a node says between two things that it learns at once was true for that moment only.
      case .sent(let sending): step.notices(on: sending.sender) > 1 ? nil : complaint(about: sending, picture)
      case .unreadable(let node, let message): "\(node) cannot read a peer's message: \(message.reason.rawValue)"
      // A node that has not reloaded yet may still speak for a virtual router that the other has given up.
      case .discarded(_, .vrid, _): nil
      // Over multicast, IPv6 is spoken from addresses that those who speak unicast do not know.
      case .discarded(_, .version, let vrid) where picture.mayMisunderstand(vrid),
        .discarded(_, .peer, let vrid) where picture.mayMisunderstand(vrid),
        .discarded(_, .destination, let vrid) where picture.mayMisunderstand(vrid),
        .discarded(_, .intervalMismatch, let vrid) where picture.mayMisunderstand(vrid),
        .discarded(_, .authentication, let vrid) where picture.mayMisunderstand(vrid):
        nil
      case .discarded(let node, let reason, let vrid): "\(node), VRID \(vrid), discards a peer's: \(reason.rawValue)"
      case .incident, .noticed, .transition, .installed, .removed, .expired, .announced, .learned, .spinning: nil
      }
    }
  }

  private func complaint(about sending: Sending, _ picture: ClusterPicture) -> String? {
    let advertisement = sending.advertisement
    guard case .contending(let priority) = advertisement.priority else { return nil }
    guard let node = picture[sending.sender], let configuration = node.configuration(of: advertisement.vrid) else {
      return "\(sending.sender) contends for VRID \(advertisement.vrid), which its file does not name"
    }
    if advertisement.version != configuration.version {
      return "\(node.name) advertises version \(advertisement.version.rawValue), not \(configuration.version.rawValue)"
    }
    let due = picture.effectivePriority(node, advertisement.vrid)
    if due != Int(priority.rawValue) {
      return
        "\(node.name) advertises \(priority), but its file and trackers come to \(due.map(String.init) ?? "nothing")"
    }
    if advertisement.interval != configuration.interval {
      return "\(node.name) advertises the interval \(advertisement.interval), not \(configuration.interval)"
    }
    if advertisement.addresses != configuration.family(sending.family)?.addresses.map(\.address.address) {
      return "\(node.name) advertises \(advertisement.addresses), which its file does not say"
    }
    return nil
  }
}

extension Step {
  fileprivate func notices(on name: String) -> Int {
    occurrences.count { occurrence in
      if case .noticed(name, _) = occurrence { true } else { false }
    }
  }
}
