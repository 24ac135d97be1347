// The kernel's side of vipd: VRRP packets in and out, addresses on interfaces, frames that announce them, and the
// news of what changes. It decides nothing: it hands over what it reads and does what it is told.

import CLinux
import Glibc
import NetworkTypes

/// The network of the namespace in which it was made. For one thread; nothing here waits.
public final class LinuxHost {
  private let route: NetlinkSocket
  private let changes: NetlinkSocket
  private let frames: SocketDescriptor
  private let neighbors: NeighborWatch
  /// One for each family that this host has.
  private let wanted: [VRRPSocket]
  /// Receives what `wanted` drops, as far as a small queue holds it. Nobody is woken by it, and it makes a flood no
  /// dearer: measured on a veth, a stranger's packet costs the kernel 1.3 µs from send to drop with and without it.
  private let unwanted: [VRRPSocket]
  /// Where the next look for a packet starts, so that a flood in one family does not starve the other.
  private var turn = 0
  /// What `interfaces()` last answered; what notifications are held against.
  private var lastAnswer: [Int: NetworkInterface]?
  private var promotingInterfaces: Set<Int> = []
  private var memberships: Set<GroupMembership> = []
  private var sampledMemberships: Set<GroupMembership> = []
  // See ConnectionHandover.swift.
  let handoverRules = HandoverRules()
  /// Where addresses are whose connections are served here though another host holds them: on the loopback interface.
  var kept: [[IPAddress]: [AddressPlacement]] = [:]

  /// Opens all sockets. No VRRP packet is received before `setReceptionFilter`.
  ///
  /// A host without IPv6 (`ipv6.disable=1`) gets along with IPv4 alone.
  /// - Parameter inherited: those to go on with instead of new ones. They have a filter already.
  /// - Throws: what could not be opened; most often for want of CAP_NET_RAW or CAP_NET_ADMIN.
  public init(inheriting inherited: ReceptionSockets? = nil) throws(HostNetworkFailure) {
    var wanted: [VRRPSocket] = []
    var unwanted: [VRRPSocket] = []
    for family in IPFamily.allCases {
      do {
        if let descriptor = inherited?.descriptors[family] {
          wanted.append(try VRRPSocket(adopting: descriptor, family))
        } else {
          wanted.append(try VRRPSocket(family, queueBytes: Self.receptionQueue))
        }
        unwanted.append(try VRRPSocket(family, queueBytes: Self.sampleQueue))
      } catch {
        guard family == .ipv6, error.code == EAFNOSUPPORT else { throw error }
      }
    }
    self.wanted = wanted
    self.unwanted = unwanted
    memberships = inherited?.memberships ?? []
    // Protocol 0: it only sends.
    frames = try SocketDescriptor(AF_PACKET, SOCK_RAW, 0, for: .openPacketSocket, subject: "ARP and ND")
    neighbors = try NeighborWatch()
    route = try NetlinkSocket(queueBytes: Self.requestQueue)
    changes = try NetlinkSocket(groups: NetlinkSocket.linksAndAddresses, queueBytes: Self.changeQueue)
    // Whoever may not change addresses should hear it now, and not in the night when the first one is to move. The
    // kernel asks for the capability before it looks at the request, and this one it cannot fulfil: no interface has
    // index 0.
    let nowhere = RouteRequest.promoteSecondaries(interfaceIndex: 0)
    if let answer = route.exchange([nowhere].compactMap { $0 }).first, answer.code == EPERM {
      throw HostNetworkFailure(.changeAddresses, on: NetlinkSocket.subject, code: answer.code)
    }
    // Now, and not in the middle of the first planned move: a library takes milliseconds to be read from a disk.
    _ = clinux_packet_rules_available()
  }

  /// A thousand advertisements, say, while the daemon is held up.
  private static let receptionQueue: CInt = 1 << 20
  /// Enough for tens of packets.
  private static let sampleQueue: CInt = 1 << 15
  private static let requestQueue: CInt = 1 << 20
  /// A host that starts hundreds of containers at once makes thousands of notifications.
  private static let changeQueue: CInt = 4 << 20
}

// MARK: - VRRP packets

extension LinuxHost {
  /// Readable when VRRP packets wait: raw sockets for IP protocol 112, one per family.
  public var receptionDescriptors: [CInt] { wanted.map(\.descriptor) }

  /// The same, to be handed to another program in this process.
  public var receptionSockets: ReceptionSockets {
    ReceptionSockets(
      descriptors: Dictionary(uniqueKeysWithValues: wanted.map { ($0.family, $0.descriptor) }),
      memberships: memberships)
  }

  /// The next packet that waits, of either family; nil when none does.
  public func nextDatagram() -> ReceivedDatagram? { next(of: wanted) }

  /// The next of a sample of the packets that the filter turned away (a stranger's, another VRID's, one that has
  /// travelled too far), for counting them and for naming who sent them; nil when there is none.
  ///
  /// The kernel keeps tens of them until asked; `unsampledRejections` counts the rest. Whoever asks on a timer of
  /// their own, and not in a loop, spends the same little time whether one stranger sends or a flood comes in.
  public func nextRejectedDatagram() -> ReceivedDatagram? { next(of: unwanted) }

  /// How many packets, since the start, neither `nextDatagram` nor `nextRejectedDatagram` will show for want of room.
  /// Newer kernels look at the room before they look at the filter, so that while one of the two has none, packets which
  /// the other one shows are among them.
  public var unsampledRejections: UInt64 { (wanted + unwanted).reduce(0) { $0 + UInt64($1.overflowCount) } }

  /// Tells the kernel which packets to let through from now on. Those that wait already stay.
  public func setReceptionFilter(_ filter: ReceptionFilter) throws(HostNetworkFailure) {
    for socket in wanted {
      try socket.attach(FilterProgram(filter, family: socket.family, purpose: .passWanted))
    }
    for socket in unwanted {
      try socket.attach(FilterProgram(filter, family: socket.family, purpose: .passUnwanted))
    }
  }

  /// Listens to these groups on these interfaces, and no longer to any other.
  ///
  /// An interface that was removed and made again is another one, by its index: whoever asks anew whenever interfaces
  /// change has joined on the new one.
  /// - Parameter sampled: groups of which only the sample (`nextRejectedDatagram`) shall see something. What is wanted is
  ///   sampled anyway.
  /// - Returns: what could not be joined of what is wanted, and why. It is tried again with the next call.
  public func setMemberships(
    _ wanted: Set<GroupMembership>, sampled: Set<GroupMembership>
  ) -> [GroupMembership: HostNetworkFailure] {
    let sampled = sampled.union(wanted)
    let missed = change(from: sampledMemberships, to: sampled, on: unwanted)
    sampledMemberships = sampled.subtracting(missed.keys)
    let codes = change(from: memberships, to: wanted, on: self.wanted)
    let failures = codes.map { membership, code in
      let name = name(of: membership.interfaceIndex)
      return (membership, HostNetworkFailure(.joinGroup(membership.group), on: name, code: code))
    }
    memberships = wanted.subtracting(codes.keys)
    return Dictionary(uniqueKeysWithValues: failures)
  }

  /// The error numbers of what could not be joined.
  private func change(
    from old: Set<GroupMembership>, to new: Set<GroupMembership>, on sockets: [VRRPSocket]
  ) -> [GroupMembership: CInt] {
    func socket(_ membership: GroupMembership) -> VRRPSocket? {
      sockets.first { $0.family == membership.group.family }
    }
    for membership in old.subtracting(new) { socket(membership)?.leave(membership) }
    return new.subtracting(old).reduce(into: [:]) { codes, membership in
      let code = socket(membership)?.join(membership) ?? EAFNOSUPPORT
      if code != 0 { codes[membership] = code }
    }
  }

  /// Sends one VRRP message to one peer or to a group, with TTL or hop limit 255.
  /// - Parameters:
  ///   - source: what the packet bears as its source; an address of this host.
  ///   - interfaceIndex: where it goes out, whatever the routing table prefers.
  public func send(
    _ payload: [UInt8], from source: IPAddress, to destination: IPAddress, interfaceIndex: Int
  ) throws(HostNetworkFailure) {
    precondition(source.family == destination.family, "a packet has one family")
    let code =
      wanted.first { $0.family == source.family }?
      .send(payload, from: source, to: destination, interfaceIndex: interfaceIndex) ?? EAFNOSUPPORT
    guard code == 0 else {
      let known = lastAnswer.map { Array($0.values) } ?? (try? readInterfaces()) ?? []
      let attempt = Attempt.sendAdvertisement(
        source: source, destination: destination, sourceIsOurs: known.contains { $0.holds(source) })
      throw HostNetworkFailure(attempt, on: name(of: interfaceIndex), code: code)
    }
  }

  private func next(of sockets: [VRRPSocket]) -> ReceivedDatagram? {
    for _ in sockets.indices {
      turn = (turn + 1) % sockets.count
      if let datagram = sockets[turn].receive() { return datagram }
    }
    return nil
  }
}

// MARK: - Interfaces and what changes on them

extension LinuxHost {
  /// All interfaces with their addresses, now, by index.
  public func interfaces() throws(HostNetworkFailure) -> [NetworkInterface] {
    let found = try readInterfaces()
    lastAnswer = Dictionary(uniqueKeysWithValues: found.map { ($0.index, $0) })
    return found
  }

  /// Readable when links or addresses have changed.
  public var changeDescriptor: CInt { changes.descriptor }

  /// Reads the waiting notifications.
  /// - Returns: whether what `interfaces()` last answered may be out of date. Renewed leases, statistics and the like
  ///   are not worth a new look; lost notifications are.
  public func drainChanges() -> Bool {
    var isOutOfDate = lastAnswer == nil
    // Bounded, so that somebody who changes things without end does not hold the caller here: the descriptor stays
    // readable.
    for _ in 0..<4096 {
      let reading = changes.read { message in
        if !isOutOfDate, let news = RouteMessage(message), contradictsLastAnswer(news) { isOutOfDate = true }
      }
      switch reading {
      case .messages: continue
      case .overrun: isOutOfDate = true
      case .drained: return isOutOfDate
      case .failed: return true
      }
    }
    return true
  }

  private func contradictsLastAnswer(_ news: RouteMessage) -> Bool {
    switch news {
    case .link(var link):
      guard let known = lastAnswer?[link.index] else { return true }
      link.addresses = known.addresses
      return link != known
    case .linkGone(let index): return lastAnswer?[index] != nil
    case .address(let address) where isKept(address): return false
    case .address(let address):
      return lastAnswer?[address.interfaceIndex]?.addresses.contains(address.held) != true
    case .addressGone(let address):
      return lastAnswer?[address.interfaceIndex]?.addresses.contains { $0.address == address.held.address } == true
    }
  }

  private func readInterfaces() throws(HostNetworkFailure) -> [NetworkInterface] {
    var byIndex: [Int: NetworkInterface] = [:]
    for link in try list(RouteRequest.listLinks(), { NetworkInterface($0) }) { byIndex[link.index] = link }
    for address in try list(RouteRequest.listAddresses(), { ReportedAddress($0) }) where !isKept(address) {
      byIndex[address.interfaceIndex]?.addresses.append(address.held)
    }
    return byIndex.values.sorted { $0.index < $1.index }
  }

  private func list<Entry>(
    _ request: [UInt8]?, _ parse: (NetlinkSocket.Message) -> Entry?
  ) throws(HostNetworkFailure) -> [Entry] {
    guard let request else { throw HostNetworkFailure(.readInterfaces, on: NetlinkSocket.subject, code: ENOMEM) }
    return try route.dump(request, for: .readInterfaces, parse: parse)
  }

  /// For messages to people. Asks the kernel about an interface that nobody has looked at yet.
  private func name(of interfaceIndex: Int) -> String {
    lastAnswer?[interfaceIndex]?.name
      ?? (try? readInterfaces())?.first { $0.index == interfaceIndex }?.name
      ?? "interface \(interfaceIndex)"
  }
}

// MARK: - Virtual addresses

extension LinuxHost {
  /// Installs addresses, marked as vipd's (`HeldAddress.isOurs`), in one exchange with the kernel.
  ///
  /// An address that is there already, whoever put it there, becomes ours; one that IPv6's duplicate address detection
  /// keeps from use is made usable.
  /// - Parameter lease: after so long without a renewal the kernel removes them; nil for never. Whole seconds count,
  ///   rounded down, but at least one.
  /// - Returns: one result per placement, in order.
  public func install(_ placements: [AddressPlacement], lease: Duration? = nil) -> [Result<Void, HostNetworkFailure>] {
    letSecondariesLive(where: placements)
    var answers = perform(placements.map { RouteRequest.add($0, lifetime: lease) })
    for (index, obstacle) in stuckInDetection(among: placements) {
      // Replacing an address neither ends its detection nor heals a failed one; removing it does.
      let repeated = [RouteRequest.remove(obstacle), RouteRequest.add(placements[index], lifetime: lease)]
      answers[index] = perform(repeated)[1]
    }
    return zip(placements, answers).map { placement, answer in
      answer.code == 0 || answer.code == EEXIST
        ? .success(()) : .failure(failure(.addAddress(placement.address), placement, answer))
    }
  }

  /// Begins the lease of installed addresses anew, in one exchange with the kernel and with nothing else: neither routes
  /// nor neighbours notice. One that is gone is there again.
  /// - Returns: one result per placement, in order.
  public func renew(_ placements: [AddressPlacement], lease: Duration?) -> [Result<Void, HostNetworkFailure>] {
    zip(placements, perform(placements.map { RouteRequest.add($0, lifetime: lease) })).map { placement, answer in
      answer.code == 0
        ? .success(()) : .failure(failure(.addAddress(placement.address), placement, answer))
    }
  }

  /// The addresses that bear our mark, and how long ago each was last installed or renewed, where that can be told.
  public func renewals() throws(HostNetworkFailure) -> [AddressPlacement: Duration] {
    let ours = try list(RouteRequest.listAddresses(), { ReportedAddress($0) }).filter(\.held.isOurs)
    guard let now = TickClock.now() else { return [:] }
    let ages = ours.compactMap { address in
      address.stamp.map { stamp in
        (
          AddressPlacement(address: address.held.address, interfaceIndex: address.interfaceIndex),
          now.age(ofStamp: stamp)
        )
      }
    }
    return Dictionary(ages) { first, _ in first }
  }

  /// Removes addresses in one exchange with the kernel, the last one first. One that is not there, or whose interface
  /// is gone, counts as removed.
  /// - Returns: one result per placement, in order.
  public func remove(_ placements: [AddressPlacement]) -> [Result<Void, HostNetworkFailure>] {
    letSecondariesLive(where: placements)
    // Backwards, since the first one installed is a network's primary address, which costs most to remove: each time
    // all that remain are attached anew.
    let answers = perform(placements.reversed().map { RouteRequest.remove($0) }).reversed()
    return zip(placements, answers).map { placement, answer in
      [0, EADDRNOTAVAIL, ENODEV].contains(answer.code)
        ? .success(()) : .failure(failure(.removeAddress(placement.address), placement, answer))
    }
  }

  /// Nil requests, for which there was no memory, come back as such.
  func perform(_ requests: [[UInt8]?]) -> [Acknowledgement] {
    var answers = route.exchange(requests.compactMap { $0 })[...]
    return requests.map { request in
      guard request != nil else { return Acknowledgement(code: ENOMEM) }
      return answers.popFirst() ?? Acknowledgement(code: EPROTO)
    }
  }

  /// A refusal here is no reason not to go on: the setting guards other addresses when one is removed.
  private func letSecondariesLive(where placements: [AddressPlacement]) {
    let interfaces = Set(placements.filter { $0.address.family == .ipv4 }.map(\.interfaceIndex))
      .subtracting(promotingInterfaces)
    guard !interfaces.isEmpty else { return }
    _ = perform(interfaces.map { RouteRequest.promoteSecondaries(interfaceIndex: $0) })
    promotingInterfaces.formUnion(interfaces)
  }

  /// Which placements duplicate address detection keeps from use, by their index, and as what the kernel has them.
  private func stuckInDetection(among placements: [AddressPlacement]) -> [(Int, AddressPlacement)] {
    guard placements.contains(where: { $0.address.family == .ipv6 }),
      let reported = try? list(RouteRequest.listAddresses(.ipv6), { ReportedAddress($0) })
    else { return [] }
    return reported.filter(\.awaitsDetection).compactMap { stuck in
      let obstacle = AddressPlacement(address: stuck.held.address, interfaceIndex: stuck.interfaceIndex)
      let index = placements.firstIndex {
        $0.interfaceIndex == obstacle.interfaceIndex && $0.address.address == obstacle.address.address
      }
      return index.map { ($0, obstacle) }
    }
  }

  private func failure(
    _ attempt: Attempt, _ placement: AddressPlacement, _ answer: Acknowledgement
  ) -> HostNetworkFailure {
    HostNetworkFailure(
      attempt, on: name(of: placement.interfaceIndex), code: answer.code, explanation: answer.explanation)
  }
}

// MARK: - Announcements

extension LinuxHost {
  /// Sends a complete Ethernet frame (gratuitous ARP, unsolicited neighbour advertisement) out of an interface.
  public func sendFrame(_ frame: [UInt8], interfaceIndex: Int) throws(HostNetworkFailure) {
    while clinux_send_frame(frames.number, frame, frame.count, UInt32(clamping: interfaceIndex)) < 0 {
      let code = errno
      guard code == EINTR else { throw HostNetworkFailure(.sendFrame, on: name(of: interfaceIndex), code: code) }
    }
  }
}

// MARK: - Neighbours

extension LinuxHost {
  /// Readable when another host has laid claim to a watched address.
  public var neighborDescriptors: [CInt] { neighbors.descriptors }

  /// From now on hears other hosts' claims to these addresses and no others; see ``NeighborWatch``.
  public func watchNeighbors(for addresses: [WatchedAddress]) throws(HostNetworkFailure) {
    try neighbors.watch(addresses)
  }

  /// The next of a sample of the frames in which other hosts claim a watched address; nil when there is none.
  public func nextNeighborFrame() -> ReceivedFrame? { neighbors.nextFrame() }
}
