// A host's network that exists in memory alone, and the bench on which an agent runs against it.

import CLinux
import ClusterConfiguration
import Dispatch
import Glibc
import Logging
import NetworkTypes
import Synchronization
import Testing
import VRRP
import VRRPWire

@testable import VIPDaemon

/// What an agent did to its network, in order.
enum Deed: Equatable, Sendable {
  case sent(AdvertisedPriority, to: IPAddress)
  case installed([String])
  case removed([String])
  case frame(on: Int)
  case kept([IPAddress])
  case stoppedKeeping([IPAddress])
  case forwarded([IPAddress], to: IPAddress)
  case stoppedForwarding([IPAddress])
}

final class FakeHost: HostNetwork, @unchecked Sendable {
  // All state is behind the lock: the bench's thread and the loop's thread both use it.
  private let state: Mutex<State>
  private let arrivals = eventfd(0, CInt(EFD_NONBLOCK))
  private let changes = eventfd(0, CInt(EFD_NONBLOCK))
  private let claims = eventfd(0, CInt(EFD_NONBLOCK))

  private struct State {
    var interfaces: [NetworkInterface]
    var waiting: [ReceivedDatagram] = []
    var rejected: [ReceivedDatagram] = []
    var deeds: [Deed] = []
    var sources: Set<IPAddress> = []
    var forms: [IPAddress: ChecksumForm] = [:]
    var refusal: HostNetworkFailure?
    var sendRefusal: HostNetworkFailure?
    var handoverRefusal: HostNetworkFailure?
    var filter: ReceptionFilter?
    var claims: [ReceivedFrame] = []
    var watched: [[WatchedAddress]] = []
    var probes = 0
    var memberships: Set<GroupMembership> = []
    var sampledMemberships: Set<GroupMembership> = []
    var membershipRefusal: HostNetworkFailure?
    var renewals: [AddressPlacement: Instant] = [:]
    var renewalCount = 0
  }

  init(_ interfaces: [NetworkInterface]) { state = Mutex(State(interfaces: interfaces)) }

  deinit {
    close(arrivals)
    close(changes)
    close(claims)
  }

  // The bench's side.

  var deeds: [Deed] { state.withLock { $0.deeds } }
  /// The checksum of the last advertisement to each destination, since deeds were last forgotten.
  var formsSpoken: [IPAddress: ChecksumForm] { state.withLock { $0.forms } }
  /// What advertisements came from.
  var sources: Set<IPAddress> { state.withLock { $0.sources } }
  var filter: ReceptionFilter? { state.withLock { $0.filter } }
  var memberships: Set<GroupMembership> { state.withLock { $0.memberships } }
  var sampledMemberships: Set<GroupMembership> { state.withLock { $0.sampledMemberships } }
  func refuseJoining(_ failure: HostNetworkFailure?) { state.withLock { $0.membershipRefusal = failure } }
  func forgetDeeds() {
    state.withLock {
      $0.deeds = []
      $0.forms = [:]
    }
  }

  func deliver(_ datagram: ReceivedDatagram) {
    state.withLock { $0.waiting.append(datagram) }
    eventfd_write(arrivals, 1)
  }

  /// What the kernel's filter would have kept away.
  func reject(_ datagram: ReceivedDatagram) { state.withLock { $0.rejected.append(datagram) } }

  /// What the agent has asked to watch, one after the other.
  var watched: [[WatchedAddress]] { state.withLock { $0.watched } }

  /// Another host's frames.
  var claimsWaiting: Int { state.withLock { $0.claims.count } }

  func claim(_ frames: [ReceivedFrame]) {
    state.withLock { $0.claims += frames }
    eventfd_write(claims, 1)
  }

  func refuseInstalling(_ failure: HostNetworkFailure?) { state.withLock { $0.refusal = failure } }

  func refuseSending(_ failure: HostNetworkFailure?) { state.withLock { $0.sendRefusal = failure } }

  func change(_ edit: (inout [NetworkInterface]) -> Void) {
    state.withLock { edit(&$0.interfaces) }
    eventfd_write(changes, 1)
  }

  // The agent's side.

  var receptionDescriptors: [CInt] { [arrivals] }
  var changeDescriptor: CInt { changes }

  func nextDatagram() -> ReceivedDatagram? {
    var count: eventfd_t = 0
    eventfd_read(arrivals, &count)
    return state.withLock { $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }
  }

  func nextRejectedDatagram() -> ReceivedDatagram? {
    state.withLock { $0.rejected.isEmpty ? nil : $0.rejected.removeFirst() }
  }

  var unsampledRejections: UInt64 { 0 }

  func setReceptionFilter(_ filter: ReceptionFilter) { state.withLock { $0.filter = filter } }

  func setMemberships(
    _ wanted: Set<GroupMembership>, sampled: Set<GroupMembership>
  ) -> [GroupMembership: HostNetworkFailure] {
    state.withLock {
      $0.memberships = wanted
      $0.sampledMemberships = sampled
      return $0.membershipRefusal.map { failure in Dictionary(uniqueKeysWithValues: wanted.map { ($0, failure) }) }
        ?? [:]
    }
  }

  func send(
    _ payload: [UInt8], from source: IPAddress, to destination: IPAddress, interfaceIndex: Int
  ) throws(HostNetworkFailure) {
    if let failure = state.withLock({ $0.sendRefusal }) { throw failure }
    guard let decoded = try? Advertisement.decode(payload, source: source, destination: destination) else {
      Issue.record("the agent sent a malformed advertisement: \(payload)")
      return
    }
    state.withLock {
      $0.sources.insert(source)
      $0.forms[destination] = decoded.checksumForm
    }
    state.withLock { $0.deeds.append(.sent(decoded.advertisement.priority, to: destination)) }
  }

  func interfaces() -> [NetworkInterface] { state.withLock { $0.interfaces } }

  func drainChanges() -> Bool {
    var count: eventfd_t = 0
    return eventfd_read(changes, &count) == 0
  }

  func renew(_ placements: [AddressPlacement], lease: Duration?) -> [Result<Void, HostNetworkFailure>] {
    state.withLock { state in
      state.renewalCount += 1
      for placement in placements { state.renewals[placement] = .now() }
    }
    return placements.map { _ in .success(()) }
  }

  func renewed(before: Duration) {
    state.withLock { state in
      for interface in state.interfaces {
        for address in interface.addresses where address.isOurs {
          state.renewals[AddressPlacement(address: address.address, interfaceIndex: interface.index)] = .now() - before
        }
      }
    }
  }

  var receptionSockets: ReceptionSockets { ReceptionSockets(descriptors: [:]) }

  func renewals() -> [AddressPlacement: Duration] {
    state.withLock { $0.renewals }.mapValues { Instant.now() - $0 }
  }

  func install(_ placements: [AddressPlacement], lease: Duration?) -> [Result<Void, HostNetworkFailure>] {
    defer { eventfd_write(changes, 1) }
    return state.withLock { state in
      if let refusal = state.refusal { return placements.map { _ in .failure(refusal) } }
      state.deeds.append(.installed(placements.map(\.address.description)))
      for placement in placements {
        guard let index = state.interfaces.firstIndex(where: { $0.index == placement.interfaceIndex }) else { continue }
        state.interfaces[index].addresses.append(HeldAddress(address: placement.address, isOurs: true))
      }
      return placements.map { _ in .success(()) }
    }
  }

  func remove(_ placements: [AddressPlacement]) -> [Result<Void, HostNetworkFailure>] {
    guard !placements.isEmpty else { return [] }
    defer { eventfd_write(changes, 1) }
    return state.withLock { state in
      state.deeds.append(.removed(placements.map(\.address.description)))
      for placement in placements {
        guard let index = state.interfaces.firstIndex(where: { $0.index == placement.interfaceIndex }) else { continue }
        state.interfaces[index].addresses.removeAll { $0.address == placement.address }
      }
      return placements.map { _ in .success(()) }
    }
  }

  func prepareHandover() {}

  func keepConnections(to addresses: [IPAddress], within patience: Duration) throws(HostNetworkFailure) {
    if let failure = state.withLock({ $0.handoverRefusal }) { throw failure }
    state.withLock { $0.deeds.append(.kept(addresses)) }
  }

  func stopKeepingConnections(to addresses: [IPAddress], within patience: Duration) {
    state.withLock { $0.deeds.append(.stoppedKeeping(addresses)) }
  }

  func forwardConnections(
    to addresses: [IPAddress], predecessor: IPAddress, within patience: Duration
  ) throws(HostNetworkFailure) {
    if let failure = state.withLock({ $0.handoverRefusal }) { throw failure }
    state.withLock { $0.deeds.append(.forwarded(addresses, to: predecessor)) }
  }

  func stopForwardingConnections(to addresses: [IPAddress]) {
    state.withLock { $0.deeds.append(.stoppedForwarding(addresses)) }
  }

  func refuseHandovers(_ failure: HostNetworkFailure?) { state.withLock { $0.handoverRefusal = failure } }

  /// How many frames have asked whether somebody has an address; they are no deeds, since they change nothing.
  var probes: Int { state.withLock { $0.probes } }

  func sendFrame(_ frame: [UInt8], interfaceIndex: Int) {
    let claims = (try? NeighborClaim.decode(frame)) != nil
    guard claims else { return state.withLock { $0.probes += 1 } }
    state.withLock { $0.deeds.append(.frame(on: interfaceIndex)) }
  }

  var neighborDescriptors: [CInt] { [claims] }

  func watchNeighbors(for addresses: [WatchedAddress]) { state.withLock { $0.watched.append(addresses) } }

  func nextNeighborFrame() -> ReceivedFrame? {
    var count: eventfd_t = 0
    eventfd_read(claims, &count)
    return state.withLock { $0.claims.isEmpty ? nil : $0.claims.removeFirst() }
  }

  func isIPv6Router(interface: String) -> Bool { false }
}

/// An agent on a loop on a thread of its own.
final class Bench: Sendable {
  let host: FakeHost
  let loop: VRRPLoop
  let agent: FailoverAgent
  let file: String

  /// 10.0.0.1 is this node, 10.0.0.2 and 10.0.0.3 are its peers.
  static let eth0 = NetworkInterface(
    index: 2, name: "eth0", hardwareAddress: MACAddress(bytes: [2, 0, 0, 0, 0, 1]), isUp: true,
    addresses: [held("10.0.0.1/24")])

  static func held(_ text: String, isOurs: Bool = false) -> HeldAddress {
    HeldAddress(address: InterfaceAddress(text)!, isOurs: isOurs)
  }

  static func clusterFile(
    interval: String = "100ms", priorities: [Int] = [200, 150, 100], addresses: String = "[10.0.0.9/24]",
    keys: [String] = [], more: String = ""
  ) -> String {
    """
    cluster: bench
    nodes:
      - {name: n1, address: [10.0.0.1, "fd00::1"], priority: \(priorities[0])}
      - {name: n2, address: [10.0.0.2, "fd00::2"], priority: \(priorities[1])}
      - {name: n3, address: [10.0.0.3, "fd00::3"], priority: \(priorities[2])}
    virtual_routers:
      - name: ingress
        vrid: 12
        addresses: \(addresses)
        interval: \(interval)
    \(keys.map { "    \($0)" }.joined(separator: "\n"))
    \(more)
    """
  }

  /// - Parameter renewedBefore: how long ago the addresses of ours that are there already were renewed.
  init(
    _ text: String = clusterFile(), interfaces: [NetworkInterface] = [eth0], renewedBefore: Duration? = nil,
    watchdog: Watchdog? = nil
  ) throws {
    var template = Array("/tmp/vipd-bench-XXXXXX".utf8CString)
    close(mkstemp(&template))
    file = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    Self.write(text, to: file)
    host = FakeHost(interfaces)
    if let renewedBefore { host.renewed(before: renewedBefore) }
    loop = try VRRPLoop()
    var logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    let setup = FailoverAgent.Setup(
      file: file, configuration: try LoadedConfiguration(contentsOf: file), node: NodeName("n1")!, version: "test",
      logger: logger, watchdog: watchdog)
    agent = FailoverAgent(setup, loop: loop, host: host)
    let agent = agent
    let loop = loop
    loop.execute { agent.assumeIsolated { try? $0.start() } }
    DispatchQueue(label: "vrrp").async { loop.run() }
  }

  deinit { unlink(file) }

  func end() async { await agent.stop(because: "the test is over") }

  func rewriteFile(_ text: String) { Self.write(text, to: file) }

  private static func write(_ text: String, to path: String) {
    let descriptor = open(path, O_WRONLY | O_TRUNC)
    let bytes = Array(text.utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
    close(descriptor)
  }

  /// An advertisement from a peer, as it would arrive.
  func hear(
    from source: String, priority: AdvertisedPriority, hopLimit: UInt8 = 255, interfaceIndex: Int = 2,
    centiseconds: Int = 1, corrupt: Bool = false, filtered: Bool = false, to destination: String = "10.0.0.1",
    addresses: [String] = ["10.0.0.9"], version: VRRPVersion = .v3, password: String? = nil,
    checksum: ChecksumForm = .pseudoHeader
  ) {
    let from = IPAddress(source)!
    let to = IPAddress(destination)!
    let advertisement = Advertisement(
      version: version, vrid: VRID(rawValue: 12)!, priority: priority,
      interval: AdvertisementInterval(centiseconds: centiseconds)!, addresses: addresses.map { IPAddress($0)! },
      authentication: password.flatMap { SimplePassword($0) }.map(Authentication.password) ?? .none)
    var payload = advertisement.encode(from: from, to: to, checksum: checksum)
    if corrupt { payload[6] ^= 0xff }
    let datagram = ReceivedDatagram(
      payload: payload, source: from, destination: to, hopLimit: hopLimit, interfaceIndex: interfaceIndex)
    if filtered { host.reject(datagram) } else { host.deliver(datagram) }
  }
}

/// Waits until `condition` holds; fails the test after a generous while.
func eventually(
  _ what: Comment, within limit: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < deadline else {
      Issue.record("never came true: \(what)", sourceLocation: sourceLocation)
      return
    }
    try await Task.sleep(for: .milliseconds(2))
  }
}
