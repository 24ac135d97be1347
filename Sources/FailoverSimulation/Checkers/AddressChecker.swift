// A running node holds a virtual router's addresses, all of them, exactly while it is Active. A host whose vipd was killed
// or is frozen may hold them until their lease ends; one without power, or from which vipd took leave, holds none. Nobody
// is told of an address before it is installed.

import NetworkTypes
import VRRP

struct AddressChecker: Checker {
  /// As it is between the occurrences of a step.
  private var installed: [Place: Set<IPAddress>] = [:]

  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    guard step.occurrences.contains(where: \.concernsAddresses) else { return [] }
    return step.occurrences.compactMap { prematureAnnouncement($0) } + differences(picture)
  }

  private mutating func prematureAnnouncement(_ occurrence: Occurrence) -> String? {
    switch occurrence {
    case .installed(let node, let vrid, let addresses):
      installed[Place(node: node, vrid: vrid), default: []].formUnion(addresses.map(\.address.address))
    case .removed(let node, let vrid, let addresses), .expired(let node, let vrid, let addresses):
      installed[Place(node: node, vrid: vrid), default: []].subtract(addresses.map(\.address.address))
    case .incident(.crash(let node)):
      for place in installed.keys where place.node == node { installed[place] = [] }
    case .announced(let announcement):
      let place = Place(node: announcement.node, vrid: announcement.vrid)
      let isHeld = installed[place]?.contains(announcement.address) == true
      if announcement.holder == announcement.node, !isHeld {
        return "\(announcement.node) announces \(announcement.address), which it does not hold"
      }
      if announcement.holder != announcement.node, isHeld {
        return "\(announcement.node) sends others to \(announcement.holder) for \(announcement.address), which it holds"
      }
    case .incident, .noticed, .sent, .unreadable, .discarded, .transition, .learned, .spinning:
      break
    }
    return nil
  }

  private func differences(_ picture: ClusterPicture) -> [String] {
    var complaints: [String] = []
    for node in picture.nodes {
      for vrid in picture.vrids {
        let installed = node.installed[vrid] ?? []
        let isActive = node.active[vrid] != nil
        let due = isActive ? Set(node.configuration(of: vrid)?.addresses ?? []) : []
        if isActive && !node.isRunning && !node.isStopping {
          complaints.append("\(node.name) does not run, but is Active for VRID \(vrid)")
        }
        // While vipd is away the kernel decides.
        if installed != due, !picture.isAbsent(node) {
          complaints.append(
            "\(node.name), VRID \(vrid), \(isActive ? "Active" : "not Active"): holds \(text(installed)), not \(text(due))"
          )
        }
      }
    }
    return complaints
  }

  private func text(_ addresses: Set<VirtualAddress>) -> String {
    "\(addresses.map(\.address).sorted().map(\.description))"
  }
}

extension Occurrence {
  fileprivate var concernsAddresses: Bool {
    switch self {
    case .transition, .installed, .removed, .expired, .announced, .noticed, .incident: true
    case .sent, .unreadable, .discarded, .learned, .spinning: false
    }
  }
}
