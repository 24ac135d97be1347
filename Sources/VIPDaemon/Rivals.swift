// Other hosts that say to have an address of this node: its own, or a virtual one that it holds. Two nodes with one
// address hear neither each other nor, by turns, anybody else; two holders of a virtual one may not hear each other
// either. Nothing in VRRP would tell, so what the neighbours are told is listened to, and once in a while they are asked.

import ControlAPI
import NetworkTypes
import VRRP
import VRRPWire

/// Another claimant to an address of this node.
struct Rival: Sendable, Hashable {
  var address: IPAddress
  var hardwareAddress: MACAddress
  /// The name of the interface that it was heard on.
  var interface: String
  /// The virtual router whose address it is; nil for this node's own.
  var virtualRouter: String?

  /// For status, the log and the event alike.
  var words: String {
    if let virtualRouter {
      return
        "\(virtualRouter): \(address), which this node holds, is also claimed by \(hardwareAddress) on \(interface): "
        + "two hosts answer for it"
    }
    return "\(address), this node's address, is also claimed by \(hardwareAddress) on \(interface): "
      + "two hosts with one address cannot both be peers; change one of them"
  }
}

/// Who was heard, and when. A rival is remembered for a while, since it speaks only when it has to.
struct RivalBook: Sendable {
  struct Sightings: Sendable, Hashable {
    var first: Instant
    var last: Instant
    /// Of the frames that were looked at; of a flood that is a sample.
    var count: Int
  }

  private(set) var rivals: [Rival: Sightings] = [:]
  /// How long after its last word one is forgotten.
  static let memory = Duration.seconds(60)
  /// Hardware addresses may be made up without end.
  static let capacity = 16

  /// - Returns: Whether this one was not known.
  mutating func note(_ rival: Rival, at now: Instant) -> Bool {
    if let known = rivals[rival] {
      rivals[rival] = Sightings(first: known.first, last: now, count: known.count + 1)
      return false
    }
    guard rivals.count < Self.capacity else { return false }
    rivals[rival] = Sightings(first: now, last: now, count: 1)
    return true
  }

  /// - Returns: Those that have not been heard for so long that they are forgotten now.
  mutating func forget(at now: Instant) -> [Rival] {
    let gone = rivals.filter { $0.value.last + Self.memory <= now }.map(\.key)
    for rival in gone { rivals[rival] = nil }
    return gone.sorted { $0.words < $1.words }
  }

  /// Who has claimed any of these addresses last; nil where nobody did.
  func latest(claiming addresses: [IPAddress], on interface: String) -> MACAddress? {
    rivals.filter { addresses.contains($0.key.address) && $0.key.interface == interface }
      .max { $0.value.last < $1.value.last }?.key.hardwareAddress
  }

  /// When the next one is to be forgotten.
  var nextDeadline: Instant? { rivals.values.map { $0.last + Self.memory }.min() }

  /// In an order that does not change from one look to the next.
  var inOrder: [(rival: Rival, sightings: Sightings)] {
    rivals.map { ($0.key, $0.value) }.sorted { ($0.1.first, $0.0.words) < ($1.1.first, $1.0.words) }
  }
}

/// What of the claims is listened to now.
struct NeighborAttention: Sendable {
  /// The kernel's filter as it was set last.
  var watched: Set<WatchedAddress> = []
  /// So many claims are looked at in a second; then nothing is heard until the second is over.
  static let claimsPerSecond = 64
  var window = Instant(sinceBoot: .zero)
  var claims = 0
  /// What was wrong with those that nobody believes.
  var flaws: [FrameFlaw: Int] = [:]
  /// Until when nothing is listened to.
  var rest: Instant?
  /// When to ask again whether somebody has this node's addresses: a rival that only ever answers would not be heard.
  var nextProbe: Instant?
  static let probing = Duration.seconds(60)

  var nextDeadline: Instant? { [rest, nextProbe].compactMap(\.self).min() }
}

// MARK: - Listening

extension FailoverAgent {
  /// Has the kernel pass other hosts' claims to this node's addresses, and to those that it holds. Called when interfaces
  /// (a virtual address that comes or goes changes one) or the file have changed.
  func watchNeighbors(at now: Instant) {
    let held = router.members.filter { $0.router.state.name == .active }.flatMap(\.router.configuration.addresses)
    let own = Set(
      router.members.flatMap { $0.router.configuration.families.map(\.localAddress) } + held.map(\.address.address))
    let watched = interfaces.flatMap { interface -> [WatchedAddress] in
      guard let hardware = interface.hardwareAddress else { return [] }
      return own.filter { interface.entry(of: $0) != nil }.map {
        WatchedAddress(address: $0, interfaceIndex: interface.index, hardwareAddress: hardware)
      }
    }
    guard Set(watched) != attention.watched else { return }
    attention.watched = Set(watched)
    if attention.rest == nil { listen(for: watched, at: now) }
    probe(at: now)
    // Of what has just been taken over a predecessor may still have a word: asked again when that is past.
    if !held.isEmpty { attention.nextProbe = now + .seconds(1) }
  }

  private func probe(at now: Instant) {
    attention.nextProbe = attention.watched.isEmpty ? nil : now + NeighborAttention.probing
    for watched in attention.watched.sorted(by: { ($0.interfaceIndex, $0.address) < ($1.interfaceIndex, $1.address) }) {
      let probe = AddressProbe(address: watched.address, hardwareAddress: watched.hardwareAddress)
      // One that does not leave (the link is down) is asked again in its time.
      try? host.sendFrame(probe.frame, interfaceIndex: watched.interfaceIndex)
    }
  }

  private func listen(for watched: some Sequence<WatchedAddress>, at now: Instant) {
    do throws(HostNetworkFailure) {
      try host.watchNeighbors(for: Array(watched))
    } catch {
      // It only means that a rival goes unnoticed.
      sayOnceInAWhile("\(error)", at: now)
    }
  }

  func neighborsHeard() {
    let now = Instant.now()
    if now >= attention.window + .seconds(1) {
      attention.window = now
      attention.claims = 0
    }
    while let frame = host.nextNeighborFrame() {
      guard attention.claims < NeighborAttention.claimsPerSecond else {
        rest(at: now)
        break
      }
      attention.claims += 1
      take(frame, at: now)
    }
    rearm()
  }

  /// A flood of claims tells no more than a few of them, and shall not keep this thread busy.
  private func rest(at now: Instant) {
    attention.rest = now + .seconds(1)
    listen(for: [], at: now)
    for _ in 0..<512 where host.nextNeighborFrame() == nil { return }
  }

  /// What a flawed frame claims nobody believes.
  private func take(_ frame: ReceivedFrame, at now: Instant) {
    do throws(FrameFlaw) {
      guard let claim = try NeighborClaim.decode(frame.bytes) else { return }
      take(claim, on: frame.interfaceIndex, at: now)
    } catch {
      attention.flaws[error, default: 0] += 1
    }
  }

  private func take(_ claim: NeighborClaim, on interfaceIndex: Int, at now: Instant) {
    guard let interface = interfaces.first(where: { $0.index == interfaceIndex }),
      claim.hardwareAddress != interface.hardwareAddress,
      attention.watched.contains(where: { $0.address == claim.address && $0.interfaceIndex == interface.index })
    else { return }
    var rival = Rival(address: claim.address, hardwareAddress: claim.hardwareAddress, interface: interface.name)
    let isOwn = router.members.contains { member in
      member.router.configuration.families.contains { $0.localAddress == claim.address }
    }
    if !isOwn {
      guard let member = holding(claim.address, at: now) else { return }
      rival.virtualRouter = member.router.configuration.name
      process(.contested(member.router.configuration.vrid), at: now)
    }
    guard rivals.note(rival, at: now) else { return }
    sayOnceInAWhile(rival.words, at: now)
    tell(.address, rival.words)
  }

  /// The virtual router whose address it is, where this node has held it for longer than a hand-over takes: the one before
  /// it may have had a last word.
  private func holding(_ address: IPAddress, at now: Instant) -> VRRPRouter.Member? {
    router.members.first { member in
      let configuration = member.router.configuration
      return member.router.state.name == .active && configuration.addresses.contains { $0.address.address == address }
        && now - (ledgers[configuration.vrid]?.since ?? now) > .milliseconds(200)
    }
  }

  func reviewRivals(at now: Instant) {
    for rival in rivals.forget(at: now) {
      tell(.address, "\(rival.address) is no longer claimed by \(rival.hardwareAddress) on \(rival.interface)")
    }
    if let rest = attention.rest, rest <= now {
      attention.rest = nil
      listen(for: attention.watched, at: now)
    }
    if let due = attention.nextProbe, due <= now { probe(at: now) }
  }
}

// MARK: - Telling

extension FailoverAgent {
  /// Who else has, or seems to have, this node's addresses: in words.
  var rivalProblems: [String] { rivals.inOrder.map(\.rival.words) + failedDetections }

  /// RFC 4862 §5.4.5: the kernel does not use an address that another host answered for.
  private var failedDetections: [String] {
    let own = Set(router.members.flatMap { $0.router.configuration.families.map(\.localAddress) })
    return interfaces.flatMap { interface in
      interface.addresses.filter { own.contains($0.address.address) && $0.isDuplicate }.map {
        "\($0.address.address), this node's address, failed duplicate address detection on \(interface.name): "
          + "another host has it; change one of them, then set the link down and up"
      }
    }
  }

  func rivalStatuses(at now: Instant) -> [RivalStatus] {
    rivals.inOrder.map { rival, sightings in
      RivalStatus(
        address: rival.address.description, hardwareAddress: rival.hardwareAddress.description,
        interface: rival.interface, since: now - sightings.first, lastHeard: now - sightings.last,
        claims: sightings.count)
    }
  }
}
