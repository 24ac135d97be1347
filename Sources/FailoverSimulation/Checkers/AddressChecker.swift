// A running node holds a virtual router's addresses, all of them, exactly while it is Active. A host without power or
// without vipd holds none.

import NetworkTypes
import VRRP

struct AddressChecker: Checker {
  mutating func observe(_ step: Step, _ picture: ClusterPicture) -> [String] {
    guard step.occurrences.contains(where: \.concernsAddresses) else { return [] }
    var complaints: [String] = []
    for node in picture.nodes {
      for vrid in picture.vrids {
        let installed = node.installed[vrid] ?? []
        let isActive = node.active[vrid] != nil
        let due = isActive ? Set(node.configuration(of: vrid)?.addresses ?? []) : []
        if isActive && !node.isRunning {
          complaints.append("\(node.name) does not run, but is Active for VRID \(vrid)")
        }
        if installed != due {
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
    case .transition, .installed, .removed, .noticed, .incident: true
    case .sent, .unreadable, .discarded, .announced, .learned, .spinning: false
    }
  }
}
