// What the daemon needs of the host's network, so that its decisions can be tested without one. `LinuxNetwork` has it
// for real; the composition root joins the two.

import NetworkTypes

/// The host's network as the VRRP thread uses it: never blocking, from one thread.
public protocol HostNetwork: AnyObject {
  /// Readable while VRRP packets wait.
  var receptionDescriptors: [CInt] { get }
  /// The sockets on which packets are waited for, to be handed to another program in this process.
  var receptionSockets: ReceptionSockets { get }
  /// Readable when links or addresses have changed.
  var changeDescriptor: CInt { get }

  /// The next waiting packet; nil when there is none.
  func nextDatagram() -> ReceivedDatagram?
  /// The next of a sample of those packets that the filter kept away; nil when there is none. For counting alone.
  func nextRejectedDatagram() -> ReceivedDatagram?
  /// How many packets nobody will ever look at: kept away beyond the sample, or more than the queue held.
  var unsampledRejections: UInt64 { get }
  /// Has the kernel drop whatever is not for us, before it wakes this thread.
  func setReceptionFilter(_ filter: ReceptionFilter) throws(HostNetworkFailure)
  /// Listens to these groups and to no others; what could not be joined, and why. Of `sampled` only the sample sees
  /// something.
  func setMemberships(
    _ wanted: Set<GroupMembership>, sampled: Set<GroupMembership>
  ) -> [GroupMembership: HostNetworkFailure]
  /// Sends one VRRP message with TTL or hop limit 255.
  func send(
    _ payload: [UInt8], from source: IPAddress, to destination: IPAddress, interfaceIndex: Int
  ) throws(HostNetworkFailure)

  /// All interfaces and what they hold.
  func interfaces() throws(HostNetworkFailure) -> [NetworkInterface]
  /// Takes the waiting notices of changes; whether there were any that matter.
  func drainChanges() -> Bool

  /// Installs all in one exchange with the kernel, with a lease (nil for none) after which the kernel removes what was not
  /// renewed; a result for each.
  func install(_ placements: [AddressPlacement], lease: Duration?) -> [Result<Void, HostNetworkFailure>]
  /// Begins the lease of what is installed anew, in one exchange.
  func renew(_ placements: [AddressPlacement], lease: Duration?) -> [Result<Void, HostNetworkFailure>]
  /// The addresses that bear our mark, and how long ago each was last installed or renewed.
  func renewals() throws(HostNetworkFailure) -> [AddressPlacement: Duration]
  /// Removes all in one exchange; one that is gone already is a success.
  func remove(_ placements: [AddressPlacement]) -> [Result<Void, HostNetworkFailure>]

  /// A planned move is near. Called often.
  func prepareHandover()
  /// Lets the connections to addresses go on that a successor holds now and that are about to be removed here: what the
  /// successor passes on is taken in, and neighbours hear nothing of it. It is not waited for longer than `patience`.
  func keepConnections(to addresses: [IPAddress], within patience: Duration) throws(HostNetworkFailure)
  func stopKeepingConnections(to addresses: [IPAddress], within patience: Duration)
  /// Passes on to their predecessor, a host on the addresses' network, what belongs to connections that did not begin
  /// here. Before the addresses are installed.
  func forwardConnections(
    to addresses: [IPAddress], predecessor: IPAddress, within patience: Duration
  ) throws(HostNetworkFailure)
  func stopForwardingConnections(to addresses: [IPAddress])

  /// Sends a whole Ethernet frame.
  func sendFrame(_ frame: [UInt8], interfaceIndex: Int) throws(HostNetworkFailure)
  /// Readable when another host has laid claim to a watched address.
  var neighborDescriptors: [CInt] { get }
  /// Listens from now on to other hosts' claims to these addresses, and to nothing else.
  func watchNeighbors(for addresses: [WatchedAddress]) throws(HostNetworkFailure)
  /// The next of a sample of the frames with such claims; nil when there is none.
  func nextNeighborFrame() -> ReceivedFrame?

  /// Whether the kernel calls itself a router in its own neighbour advertisements on this interface.
  func isIPv6Router(interface: String) -> Bool
}
