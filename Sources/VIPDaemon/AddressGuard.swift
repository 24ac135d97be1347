// What the kernel has and what it should have: an address that somebody else removed is put back, one of ours that has no
// business here is taken away. Addresses belong to many tools (networkd, NetworkManager, an admin), who do not ask first.

import ControlAPI
import NetworkTypes
import VRRP

/// How often the addresses of a virtual router were taken from under it of late.
struct LossBook: Sendable {
  /// When each was found gone, the oldest first; those of the last minute.
  private(set) var losses: [Instant] = []
  /// Since the start.
  private(set) var total = 0

  /// So often it may happen within a minute before the node leaves the address to whoever is stronger.
  static let most = 10
  /// From so many on within a minute it is no accident.
  static let suspicious = 3

  mutating func record(at now: Instant) {
    losses = losses.filter { now - $0 < .seconds(60) } + [now]
    total += 1
  }
}

extension FailoverAgent {
  /// Holds the kernel's picture, which is fresh, against what this node should hold.
  func guardAddresses(at now: Instant) {
    for member in router.members where member.router.state.name == .active {
      let vrid = member.router.configuration.vrid
      let lost = (installed[vrid] ?? [:]).filter { !isThere($0.value) }.keys.sorted { $0.address < $1.address }
      if !lost.isEmpty { restore(lost, member.router.configuration, at: now) }
    }
    removeStrays(at: now)
  }

  private func isThere(_ place: AddressPlacement) -> Bool {
    // Where the interface is gone there is nothing to put back; the placement deals with that.
    guard let interface = interfaces.first(where: { $0.index == place.interfaceIndex }) else { return true }
    return interface.addresses.contains { $0.address == place.address }
  }

  private func restore(_ lost: [VirtualAddress], _ configuration: VirtualRouterConfiguration, at now: Instant) {
    let vrid = configuration.vrid
    losses[vrid, default: LossBook()].record(at: now)
    let count = losses[vrid]?.losses.count ?? 1
    let names = lost.map(\.address.description).joined(separator: ", ")
    guard count <= LossBook.most else {
      let words = "\(names) removed by another tool \(count) times within a minute"
      refusals[vrid] = Refusal(words: Dictionary(uniqueKeysWithValues: lost.map { ($0, words) }))
      return giveUp(vrid, at: now)
    }
    let message =
      "\(configuration.name): \(names) was removed by another tool; putting it back"
      + (count >= LossBook.suspicious ? " (\(count) times within a minute)" : "")
    logger.warning("\(message)")
    tell(.address, message, virtualRouter: configuration.name)
    if install(lost, vrid, at: now) { announce(lost, vrid, at: now) } else { giveUp(vrid, at: now) }
  }
}
