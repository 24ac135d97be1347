// Where on this host a virtual router takes place: on which interface VRRP is spoken, and which interface carries each
// address. Worked out anew whenever links or addresses change; pure, so that every odd host can be a row in a test.

import NetworkTypes
import VRRP

/// A virtual router's interfaces on this host.
struct Placement: Sendable, Hashable {
  /// The interface that VRRP is spoken on, for each family that the virtual router has.
  var speaking: [IPFamily: NetworkInterface]
  /// What advertisements come from, for each family that the virtual router has. TX-3
  var primaryAddresses: [IPFamily: IPAddress]
  /// The interface that carries each virtual address.
  var carrying: [VirtualAddress: NetworkInterface]

  /// Finds the interfaces of one virtual router.
  ///
  /// - Throws: what keeps the node from taking part: the first thing that is missing, in the file's order.
  init(of configuration: VirtualRouterConfiguration, on interfaces: [NetworkInterface]) throws(Obstacle) {
    speaking = [:]
    primaryAddresses = [:]
    carrying = [:]
    for family in configuration.families {
      let interface = try Self.speakingInterface(of: family, interfaces)
      speaking[family.family] = interface
      primaryAddresses[family.family] =
        configuration.transport == .multicast && family.family == .ipv6
        ? try Self.linkLocalAddress(of: interface) : family.localAddress
      for address in family.addresses {
        carrying[address] =
          try address.interface.map { name throws(Obstacle) in
            try Self.usable(name, interfaces)
          } ?? interface
      }
    }
  }

  private static func speakingInterface(
    of family: FamilyConfiguration, _ interfaces: [NetworkInterface]
  ) throws(Obstacle) -> NetworkInterface {
    let holders = interfaces.filter { $0.holds(family.localAddress) }
    let candidates = family.interface.map { name in holders.filter { $0.name == name } } ?? holders
    if let up = candidates.first(where: \.isUp) { return up }
    if let named = family.interface {
      _ = try usable(named, interfaces)
      throw .addressNotOn(interface: named, family.localAddress.description)
    }
    if let down = candidates.first { throw .interfaceDown(down.name) }
    throw .addressNotHeld(family.localAddress.description)
  }

  /// Not one that floats, though it be on the interface now: it would be another node's tomorrow.
  private static func linkLocalAddress(of interface: NetworkInterface) throws(Obstacle) -> IPAddress {
    let own = interface.addresses.filter { $0.address.address.isLinkLocal && $0.isUsable && !$0.isOurs }
    // The least of several, so that the choice does not depend on the order in which the kernel lists them.
    guard let address = own.map(\.address.address).filter({ $0.family == .ipv6 }).min() else {
      throw .linkLocalMissing(interface.name)
    }
    return address
  }

  private static func usable(_ name: String, _ interfaces: [NetworkInterface]) throws(Obstacle) -> NetworkInterface {
    guard let interface = interfaces.first(where: { $0.name == name }) else { throw .interfaceMissing(name) }
    guard interface.isUp else { throw .interfaceDown(name) }
    return interface
  }
}

extension Placement {
  /// The name of an interface here that is another one than in `old`, by the kernel's number; nil where all are the same.
  func replacedInterface(since old: Placement) -> String? {
    let speaking = speaking.first { family, interface in
      old.speaking[family].map { $0.index != interface.index } ?? false
    }
    let carrying = carrying.first { address, interface in
      old.carrying[address].map { $0.index != interface.index } ?? false
    }
    return speaking?.value.name ?? carrying?.value.name
  }
}

extension Obstacle: Error {}

extension VirtualRouterConfiguration {
  /// This one with what only the host knows: the addresses that its advertisements come from.
  func speaking(from primaryAddresses: [IPFamily: IPAddress]) -> VirtualRouterConfiguration {
    var here = self
    for index in families.indices {
      here.families[index].primaryAddress =
        primaryAddresses[families[index].family] ?? families[index].primaryAddress
    }
    return here
  }
}

extension VirtualAddress {
  /// This address on the interface that carries it here.
  func placed(on interface: NetworkInterface) -> AddressPlacement {
    AddressPlacement(address: address, interfaceIndex: interface.index)
  }
}
