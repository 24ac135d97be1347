// Who is there: asked by ARP and neighbour discovery in frames of our own, which no firewall of this host stops. Whether a peer
// can be reached at all, and whether somebody has a virtual address that nobody advertises.

import ClusterConfiguration
import NetworkTypes
import VRRP
import VRRPWire

struct Neighbors: Sendable {
  let patient: Patient
  /// The VRIDs that somebody was heard to advertise; nil where nobody listened.
  let advertised: Set<UInt8>?

  /// For answers to one question.
  private static let patience = Duration.milliseconds(500)
  /// A frame may be lost.
  private static let rounds = 3

  func findings() -> [Finding] {
    patient.vrrpInterfaces.flatMap { interface -> [Finding] in
      guard interface.hasCarrier, let hardware = interface.hardwareAddress else { return [] }
      let onLink = { (address: IPAddress) in interface.addresses.contains { $0.network(contains: address) } }
      let peers = patient.peers.flatMap { peer in peer.addresses.filter(onLink).map { (peer, $0) } }
      let free = unclaimed.filter { onLink($0.address) }
      guard
        let holders = ask(
          peers.map(\.1) + free.map(\.address), mustAnswer: Set(peers.map(\.1)), on: interface, hardware)
      else { return [] }
      return peers.filter { holders[$0.1] == nil }.map { absent($0, $1, interface) }
        + free.compactMap { virtual in holders[virtual.address].map { inUse(virtual, $0, interface) } }
    }
  }

  /// The virtual addresses that nobody may have: no vipd runs here, and nobody advertises them.
  private var unclaimed: [InterfaceAddress] {
    guard patient.status == nil, let advertised else { return [] }
    return patient.routers.filter { !advertised.contains($0.vrid.rawValue) }
      .flatMap(\.addresses).map(\.address).filter { !$0.address.isLinkLocal }
  }

  private func absent(
    _ peer: ClusterConfiguration.Node, _ address: IPAddress, _ interface: HostInterface
  ) -> Finding {
    Finding(
      .peerUnreachable, .error, "\(peer.name) (\(address))",
      seen: "it does not answer \(address.family == .ipv4 ? "ARP" : "neighbour discovery") on \(interface.name)",
      why:
        "the host or its link is down, it has another address, or it is on another network: it can neither take over nor "
        + "hear this node",
      mend: ["ip link set dev \(interface.name) up"], on: peer.name.rawValue)
  }

  private func inUse(_ virtual: InterfaceAddress, _ holder: MACAddress, _ interface: HostInterface) -> Finding {
    Finding(
      .addressInUse, .error, virtual.description,
      seen: "\(holder) answers for it on \(interface.name), though no router advertises it",
      why: "a host has the address for good: once a node holds it too, clients reach now one, now the other",
      mend: ["ip address del \(virtual) dev \(interface.name)"], on: holder.description)
  }

  /// - Returns: Who answered, by what was asked for; nil where asking is not possible.
  private func ask(
    _ addresses: [IPAddress], mustAnswer: Set<IPAddress>, on interface: HostInterface, _ hardware: MACAddress
  ) -> [IPAddress: MACAddress]? {
    guard let recording = try? PacketRecording(listeningOn: interface.name, for: .neighbors) else { return nil }
    let own = Set(patient.interfaces.compactMap(\.hardwareAddress))
    var holders: [IPAddress: MACAddress] = [:]
    let clock = ContinuousClock()
    for round in 0..<Self.rounds {
      let missing = addresses.filter { holders[$0] == nil }
      guard round == 0 ? !missing.isEmpty : missing.contains(where: mustAnswer.contains) else { break }
      for address in missing { recording.send(AddressProbe(address: address, hardwareAddress: hardware).frame) }
      let end = clock.now + Self.patience
      while clock.now < end, addresses.contains(where: { holders[$0] == nil }) {
        guard case .frame(let frame)? = try? recording.next(), let claim = try? NeighborClaim.decode(frame.bytes),
          !own.contains(claim.hardwareAddress), addresses.contains(claim.address)
        else { continue }
        holders[claim.address] = claim.hardwareAddress
      }
    }
    return holders
  }
}
