// What a simulated host's kernel and its wires do: hold addresses until their lease ends, carry datagrams and frames.

import NetworkTypes
import VRRP
import VRRPWire

// MARK: - What the kernel holds

extension Simulation {
  /// What a vipd that was started finds of its own: it resumes where nobody can have taken over, and removes the rest.
  mutating func takeStock(of node: Int) -> Set<VRID> {
    var resuming: Set<VRID> = []
    for (vrid, holding) in hosts[node].held.sorted(by: { $0.key < $1.key }) {
      let configuration = hosts[node].configurations.first { $0.vrid == vrid }
      if hosts[node].obstacle == nil, let configuration, configuration.mayResume(after: now - holding.renewed),
        Set(holding.addresses) == Set(configuration.addresses)
      {
        resuming.insert(vrid)
      } else {
        letGo(of: vrid, on: node)
      }
    }
    return resuming
  }

  mutating func hold(_ addresses: [VirtualAddress], _ vrid: VRID, on node: Int) {
    let lease = hosts[node].router?[vrid]?.router.configuration.lease
    let known = hosts[node].held[vrid]
    let held = (known?.addresses ?? []).filter { !addresses.contains($0) } + addresses
    hosts[node].held[vrid] = Host.Holding(addresses: held, renewed: now, end: lease.map { now + $0 })
    if known?.end == nil, let lease { queue.add(.leaseEnd(vrid, node: node), at: now + lease) }
  }

  mutating func release(_ addresses: [VirtualAddress], _ vrid: VRID, on node: Int) {
    hosts[node].held[vrid]?.addresses.removeAll(where: addresses.contains)
    if hosts[node].held[vrid]?.addresses.isEmpty ?? true { hosts[node].held[vrid] = nil }
  }

  mutating func checkLease(_ vrid: VRID, on node: Int) {
    guard let holding = hosts[node].held[vrid], let end = holding.end else { return }
    guard end <= now else { return queue.add(.leaseEnd(vrid, node: node), at: end) }
    hosts[node].held[vrid] = nil
    occurrences.append(.expired(hosts[node].name, vrid, holding.addresses))
  }
}

// MARK: - On the wire

extension Simulation {
  mutating func send(
    _ advertisement: Advertisement, to recipients: VirtualRouter.Recipients,
    _ configuration: VirtualRouterConfiguration,
    from node: Int, isRoutine: Bool
  ) {
    guard let family = advertisement.addresses.first?.family, let side = configuration.family(family)
    else { return }
    for (receiver, destination) in receivers(recipients, configuration.transport, side, except: node) {
      let payload = advertisement.encode(
        from: side.primaryAddress, to: destination, checksum: configuration.checksum.formSent)
      let datagram = ReceivedDatagram(
        payload: payload, source: side.primaryAddress, destination: destination, hopLimit: 255, interfaceIndex: 1)
      let (passage, arrivals) =
        hosts[node].isOnNetwork
        ? segment.carry(from: node, to: receiver, family, at: now, &random) : (.cut, arrivals: [])
      for arrival in arrivals { queue.add(.datagram(datagram, node: receiver), at: arrival) }
      occurrences.append(
        .sent(
          Sending(
            sender: hosts[node].name, receiver: hosts[receiver].name, advertisement: advertisement, family: family,
            passage: passage, isRoutine: isRoutine)))
    }
  }

  func receivers(
    _ recipients: VirtualRouter.Recipients, _ transport: Transport, _ side: FamilyConfiguration, except node: Int
  ) -> [(Int, IPAddress)] {
    switch (recipients, transport) {
    case (.only(let address), _): owners[address].map { [($0, address)] } ?? []
    case (.everyone, .unicast): side.peers.compactMap { peer in owners[peer.address].map { ($0, peer.address) } }
    case (.everyone, .multicast): hosts.indices.filter { $0 != node }.map { ($0, side.family.vrrpGroup) }
    }
  }

  /// - Parameter holder: where the address is said to be.
  mutating func announce(_ address: IPAddress, of vrid: VRID, at holder: Int, from node: Int) {
    let hardware = hosts[holder].hardwareAddress
    let frame =
      switch address {
      case .v4(let address): GratuitousARP(address: address, hardwareAddress: hardware).frame
      case .v6(let address):
        UnsolicitedNeighborAdvertisement(address: address, hardwareAddress: hardware, isRouter: false).frame
      }
    var passages: [Passage] = []
    for client in clients.indices {
      let (passage, arrivals) =
        hosts[node].isOnNetwork
        ? segment.carry(from: node, to: hosts.count + client, address.family, at: now, &random) : (.cut, arrivals: [])
      for arrival in arrivals { queue.add(.frame(frame, client: client), at: arrival) }
      passages.append(passage)
    }
    occurrences.append(
      .announced(
        Announcement(
          node: hosts[node].name, holder: hosts[holder].name, vrid: vrid, address: address, passages: passages)))
  }
}

extension ChecksumPreference {
  /// No peer's form is learned here, so `auto` is what it begins with.
  fileprivate var formSent: ChecksumForm {
    switch self {
    case .auto, .pseudoHeader: .pseudoHeader
    case .rfc9568: .rfc9568
    }
  }
}

extension MACAddress {
  /// A locally administered address for each host.
  static func simulated(_ index: Int) -> MACAddress {
    guard let address = MACAddress(bytes: [0x02, 0, 0, 0, 0, UInt8(truncatingIfNeeded: index)]) else {
      preconditionFailure("six bytes are a MAC address")
    }
    return address
  }
}
