// Where other routers are configured otherwise than this node, or cannot be understood by it. Told once when it shows and
// once when it is gone, and shown in status for as long as it lasts: most of what goes wrong on the day that a cluster
// is set up, or moves over from other software, is of this kind.

import ControlAPI
import Logging
import NetworkTypes
import VRRP
import VRRPWire

/// One router that speaks to one of our virtual routers.
struct Sender: Hashable, Sendable {
  var vrid: VRID
  var address: IPAddress
}

/// What is odd about a sender.
struct SenderNotes: Sendable {
  /// By its last advertisement that counted.
  var disagreements: [Disagreement] = []
  /// Why its last packet did not count; nil where it did.
  var refusal: (reason: DiscardReason, datagram: ReceivedDatagram, at: Instant)?
}

extension FailoverAgent {
  /// How long a discarded packet is worth a line in status.
  private static let memory = Duration.seconds(60)

  /// Compares an advertisement that counts with our file.
  func compare(_ received: ReceivedAdvertisement, at now: Instant) {
    let vrid = received.advertisement.vrid
    guard let configuration = router[vrid]?.router.configuration else { return }
    let sender = Sender(vrid: vrid, address: received.source)
    let found = configuration.disagreements(with: received)
    let known = senderNotes[sender] ?? SenderNotes()
    guard found != known.disagreements || known.refusal != nil else { return }
    let narration = Narration(configuration: configuration, now: now)
    for new in found where !known.disagreements.contains(new) {
      tellOfSender(.warning, "\(configuration.name): \(narration.words(for: new, by: received.source))", configuration)
    }
    if found.isEmpty {
      tellOfSender(
        .notice, "\(configuration.name): \(narration.name(of: received.source)) and this node agree again",
        configuration)
    }
    senderNotes[sender] = found.isEmpty ? nil : SenderNotes(disagreements: found)
  }

  /// Remembers why a configured peer's packet did not count. Strangers are none of ours, and could be without number.
  func remember(_ reason: DiscardReason, of datagram: ReceivedDatagram, _ vrid: VRID, at now: Instant) {
    guard router[vrid]?.router.configuration.peer(at: datagram.source) != nil else { return }
    let sender = Sender(vrid: vrid, address: datagram.source)
    senderNotes[sender, default: SenderNotes()].refusal = (reason, datagram, now)
  }

  /// What stands against the others of one virtual router, a sentence each.
  func disagreements(in configuration: VirtualRouterConfiguration, at now: Instant) -> [String] {
    let narration = Narration(configuration: configuration, now: now)
    let ofSenders = senderNotes.filter { $0.key.vrid == configuration.vrid }
      .sorted { $0.key.address < $1.key.address }
      .flatMap { sender, notes in sentences(about: sender.address, notes, narration) }
    return ofSenders + checksumQuarrel(in: configuration, at: now)
  }

  /// What stands against one peer, in all virtual routers.
  func disagreements(with peer: IPAddress, at now: Instant) -> [String] {
    router.members.map(\.router.configuration).flatMap { configuration in
      let notes = senderNotes[Sender(vrid: configuration.vrid, address: peer)] ?? SenderNotes()
      return sentences(about: peer, notes, Narration(configuration: configuration, now: now))
        .map { "\(configuration.name): \($0)" }
    }
  }

  private func sentences(about address: IPAddress, _ notes: SenderNotes, _ narration: Narration) -> [String] {
    var sentences = notes.disagreements.map { narration.words(for: $0, by: address) }
    if let refusal = notes.refusal, narration.now - refusal.at < Self.memory {
      let words = narration.words(for: refusal.reason, of: refusal.datagram)
      sentences.append("advertisements of \(narration.name(of: address)) are discarded: \(words)")
    }
    return sentences
  }

  /// In a group each packet goes to all, so there is one form for all.
  private func checksumQuarrel(in configuration: VirtualRouterConfiguration, at now: Instant) -> [String] {
    guard configuration.transport == .multicast, configuration.version == .v3 else { return [] }
    var senders: [ChecksumForm: [IPAddress]] = [:]
    for (address, ledger) in peers where now - ledger.lastHeard < Self.memory {
      if let form = ledger.checksumForms[configuration.vrid] { senders[form, default: []].append(address) }
    }
    guard senders.count > 1 else { return [] }
    let narration = Narration(configuration: configuration, now: now)
    let camps = senders.sorted { $0.key.rawValue < $1.key.rawValue }.map { form, addresses in
      "\(form.rawValue) by \(addresses.sorted().map(narration.name).joined(separator: ", "))"
    }
    return [
      "the group uses both checksums (\(camps.joined(separator: "; "))): those who accept only one do not hear all; "
        + "set 'checksum' to what the others accept"
    ]
  }

  /// At most once a minute in the same words: what comes over the network may come in any number.
  private func tellOfSender(_ level: Logger.Level, _ message: String, _ configuration: VirtualRouterConfiguration) {
    guard senderLines.suppressed(message, at: Instant.now()) != nil else { return }
    logger.log(level: level, "\(message)")
    tell(.peer, message, virtualRouter: configuration.name)
  }
}

extension Narration {
  /// A disagreement, with what to do about it.
  func words(for disagreement: Disagreement, by address: IPAddress) -> String {
    let sender = name(of: address)
    switch disagreement {
    case .interval(let theirs):
      return "\(sender) advertises every \(theirs), and this node's file says \(configuration.interval): "
        + "the same belongs on all"
    case .addresses(let missingThere, let missingHere):
      var parts: [String] = []
      if !missingThere.isEmpty { parts.append("lacks \(missingThere.list)") }
      if !missingHere.isEmpty { parts.append("has \(missingHere.list), which this node's file has not") }
      return "\(sender) \(parts.joined(separator: " and ")): the same addresses belong on all"
    case .rivalOfOwner(let theirs):
      return "\(sender) advertises priority \(theirs), though this node owns the addresses (priority 255)"
    case .secondOwner:
      return "\(sender) says that it owns the addresses (priority 255), and so does this node: two address owners; "
        + "give 255 to the one whose interface has them for good, or to none"
    }
  }

  /// Why a packet was discarded, with both sides' values where the packet shows them.
  func words(for reason: DiscardReason, of datagram: ReceivedDatagram) -> String {
    let payload = datagram.payload
    switch reason {
    case .ttl:
      return
        "TTL \(datagram.hopLimit) where \(configuration.minimumHopLimit) is needed (RX-1): it has crossed a router,"
        + " or its sender does not set 255 (keepalived: unicast_ttl 255; here: minimum_ttl)"
    case .version:
      let theirs = payload.first.map { Int($0 >> 4) } ?? 0
      return "version \(theirs), and \(configuration.name) speaks version \(configuration.version.rawValue) (RX-2):"
        + " the same belongs on all"
    case .intervalMismatch:
      let theirs = payload.count > 5 ? Int(payload[5]) : 0
      return "an interval of \(theirs)s, and ours is \(configuration.interval), which version 2 does not allow (RX-11):"
        + " the same belongs on all"
    case .authentication:
      return "\(authenticationWords(payload)) (RX-11)"
    case .destination:
      switch configuration.transport {
      case .unicast:
        return "sent to \(datagram.destination), and \(configuration.name) speaks unicast (RX-10): "
          + "'transport' must be the same on all"
      case .multicast:
        return "sent to \(datagram.destination), and \(configuration.name) speaks to the group (RX-10): "
          + "'transport' must be the same on all"
      }
    case .type, .length, .checksum, .vrid, .addressCount, .interval, .linkLocal, .peer, .carp:
      return reason.words
    }
  }

  /// Never with a password in it.
  private func authenticationWords(_ payload: [UInt8]) -> String {
    switch (payload.count > 4 ? payload[4] : 0, configuration.password) {
    case (0, _): "no password, and ours has one"
    case (1, nil): "a password, and ours has none"
    case (1, _): "another password than ours (only the first 8 bytes count)"
    case (let type, _): "authentication of type \(type), which is not supported"
    }
  }
}

extension [IPAddress] {
  fileprivate var list: String { map(\.description).joined(separator: ", ") }
}
