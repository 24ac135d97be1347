// Connections that outlive a planned move. A client whose connection began with the old holder talks to the new one as
// soon as its neighbour entry changes, and a host that knows nothing of a connection answers with a reset.
//
// So for a moment both hosts help: the new holder passes on what it does not know to the old one, and the old one takes
// it in, although the address is no longer on its network:
//
//     client ── segment of an old connection ──► new holder ── the same, to the old holder ──► old holder
//     client ◄──────────────────────────────── answer ──────────────────────────────────────────────┘
//
// The old holder has the address on its loopback interface meanwhile, with a lease, and answers no ARP request for it.

import CLinux
import NetworkTypes

extension LinuxHost {
  /// A move is near: gets ready for it in the background. Cheap where it is ready already.
  public func prepareHandover() { handoverRules.prepare() }

  /// Lets the connections to addresses go on that another host holds now, and that are about to be removed here. Until
  /// ``stopKeepingConnections(to:within:)``, or for two seconds.
  ///
  /// - Parameter patience: how long it may take.
  /// - Throws: why not. Then nothing has changed.
  public func keepConnections(
    to addresses: [IPAddress], within patience: Duration
  ) throws(HostNetworkFailure) {
    do throws(HostNetworkFailure) {
      try handoverRules.make(.keep(addresses), within: patience)
    } catch {
      // It may have been made too late.
      try? handoverRules.make(.stopKeeping(addresses), within: .zero)
      throw error
    }
    let places = addresses.compactMap { address in
      InterfaceAddress(address: address, prefixLength: address.bytes.count * 8)
        .map { AddressPlacement(address: $0, interfaceIndex: RouteRequest.loopback) }
    }
    kept[addresses] = places
    let answers = perform(places.map { RouteRequest.add($0, lifetime: HandoverRules.lease) })
    if let refused = answers.first(where: { $0.code != 0 }) {
      stopKeepingConnections(to: addresses, within: patience)
      throw HostNetworkFailure(.keepConnections, on: "lo", code: refused.code, explanation: refused.explanation)
    }
  }

  /// Nothing where nothing was kept.
  public func stopKeepingConnections(to addresses: [IPAddress], within patience: Duration) {
    guard let places = kept.removeValue(forKey: addresses) else { return }
    // Where this is late the kernel forgets it by itself.
    try? handoverRules.make(.stopKeeping(addresses), within: patience)
    _ = perform(places.map { RouteRequest.remove($0) })
  }

  /// Passes on to their predecessor what belongs to connections that did not begin here. Until
  /// ``stopForwardingConnections(to:)``, or for two seconds. To be called before the addresses are installed: from then
  /// on connections begin here.
  ///
  /// - Parameters:
  ///   - predecessor: another host's own address on the addresses' network.
  ///   - patience: how long it may take.
  /// - Throws: why not. It may begin later all the same.
  public func forwardConnections(
    to addresses: [IPAddress], predecessor: IPAddress, within patience: Duration
  ) throws(HostNetworkFailure) {
    precondition(addresses.allSatisfy { $0.family == predecessor.family }, "a packet has one family")
    try handoverRules.make(.forward(addresses, to: predecessor), within: patience)
  }

  public func stopForwardingConnections(to addresses: [IPAddress]) {
    try? handoverRules.make(.stopForwarding(addresses), within: .zero)
  }

  /// Whether an address is on the loopback interface for its connections alone, which is nobody else's business.
  func isKept(_ address: ReportedAddress) -> Bool {
    let place = AddressPlacement(address: address.held.address, interfaceIndex: address.interfaceIndex)
    return kept.values.contains { $0.contains(place) }
  }
}
