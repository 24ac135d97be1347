// What is heard on the network while the examination listens, held against the cluster file. Pure: it is given what was
// recorded.

import ClusterConfiguration
import NetworkTypes
import VRRP
import VRRPWire

struct WireFindings: Sendable {
  let patient: Patient
  let observations: [Observation]

  var findings: [Finding] {
    twoHolders
      + speakers.flatMap { speaker in
        speaker.isKnown ? known(speaker).map { settled($0, with: speaker) } : stranger(speaker)
      }
  }

  /// What one router says in one of our virtual routers.
  private struct Speaker {
    var source: IPAddress
    var router: ClusterConfiguration.VirtualRouter
    /// The node that it is by the file; nil for a stranger.
    var node: ClusterConfiguration.Node?
    /// The last that was heard.
    var observation: Observation
    var isKnown: Bool { node != nil }
    var name: String { node.map { "\($0.name) (\(source))" } ?? source.description }
  }

  private var speakers: [Speaker] {
    var found: [Speaker] = []
    let own = Set(patient.interfaces.flatMap { $0.addresses.map(\.address) })
    for observation in observations where !own.contains(observation.packet.source) {
      let source = observation.packet.source
      guard observation.discarded != .carp,
        let vrid = observation.packet.payload.dropFirst().first.flatMap(VRID.init(rawValue:)),
        let router = patient.routers.first(where: { $0.vrid == vrid })
      else { continue }
      let node = patient.configuration.nodes.first { node in
        node.addresses.contains(source) && router.members.contains { $0.node == node.name }
      }
      // Over multicast IPv6 comes from link-local addresses, which no file knows.
      if node == nil, source.isLinkLocal { continue }
      found.removeAll { $0.source == source && $0.router.vrid == vrid }
      found.append(Speaker(source: source, router: router, node: node, observation: observation))
    }
    return found
  }

  /// Two routers of one virtual router that advertise side by side, as seen from here: a split in the middle of it.
  private var twoHolders: [Finding] {
    var findings: [Finding] = []
    for router in patient.routers {
      for family in router.families {
        let said = observations.filter { observation in
          observation.advertisement.map { $0.vrid == router.vrid && $0.priority != .relinquishing } ?? false
            && observation.packet.source.family == family
        }
        let spans = Dictionary(grouping: said, by: \.packet.source).filter { $0.value.count > 1 }
          .mapValues { ($0[0].time, $0[$0.count - 1].time) }
        let sources = spans.keys.sorted()
        for (index, one) in sources.enumerated() {
          for other in sources[(index + 1)...] {
            guard let (begin, end) = spans[one], let (otherBegin, otherEnd) = spans[other],
              // The loser of a hand-over has a last word.
              min(end, otherEnd) - max(begin, otherBegin) > router.interval.duration * 3 / 2
            else { continue }
            findings.append(
              Finding(
                .twoHolders, .error, router.name.rawValue,
                seen: "\(name(one)) and \(name(other)) advertise side by side: both hold the address",
                why:
                  "clients reach now one, now the other; the two do not hear each other, or do not understand each other",
                mend: ["vipctl doctor"], on: name(one)))
          }
        }
      }
    }
    return findings
  }

  private func name(_ address: IPAddress) -> String {
    patient.configuration.nodes.first { $0.addresses.contains(address) }?.name.rawValue ?? address.description
  }

  private func stranger(_ speaker: Speaker) -> [Finding] {
    let vrid = speaker.router.vrid.rawValue
    let heard = Set(observations.compactMap { $0.packet.payload.dropFirst().first })
    let taken = heard.union(patient.configuration.virtualRouters.map(\.vrid.rawValue))
    let all = (1...255).map(UInt8.init)
    let free = all.first { $0 > vrid && !taken.contains($0) } ?? all.first { !taken.contains($0) }
    let isUnicast = speaker.router.transport == .unicast
    let reason =
      isUnicast
      ? "vipd does not listen to strangers while it speaks unicast, but whoever looks for a fault takes the two for one"
      : "two clusters with one VRID on one network share one election"
    let suggestion = free.map { " (\($0) was not heard)" } ?? ""
    return [
      Finding(
        .foreignVRID, isUnicast ? .warning : .error, speaker.router.name.rawValue,
        seen: "\(speaker.source), which is no node of the file, advertises VRID \(vrid) too",
        why: "\(reason); give this one a VRID that nobody uses\(suggestion), in the file of every node",
        mend: free.map { patient.commands(patient.file.command(setting: "vrid", to: String($0), ofVRID: vrid)) }
          ?? ["vipctl capture"])
    ]
  }

  private func known(_ speaker: Speaker) -> [Finding] {
    let router = speaker.router
    guard let advertisement = speaker.observation.advertisement else { return unreadable(speaker) }
    var findings: [Finding] = []
    if advertisement.version != router.version {
      let theirs = advertisement.version.rawValue
      findings.append(
        Finding(
          .peerVersion, .error, speaker.name,
          seen: "it speaks VRRP version \(theirs), and \(router.name) here version \(router.version.rawValue)",
          why: "each discards what the other says: both hold the address",
          mend: edit("version", String(theirs), router)))
    }
    findings += disagreements(advertisement, speaker) + manners(advertisement, speaker)
    let preferred: ChecksumForm? =
      switch router.checksum {
      case .auto: nil
      case .rfc9568: .rfc9568
      case .pseudoHeader: .pseudoHeader
      }
    if let theirs = speaker.observation.checksum, let preferred, preferred != theirs {
      findings.append(
        Finding(
          .peerChecksum, .warning, speaker.name,
          seen:
            "it computes checksums as \(theirs.rawValue), and this node's file says checksum: \(preferred.rawValue)",
          why: "vipd reads both, but other software discards what it does not expect, and then both hold the address",
          mend: edit("checksum", theirs.rawValue, router)))
    }
    if speaker.observation.packet.hopLimit < router.minimumHopLimit {
      findings.append(
        Finding(
          .peerUnreadable, .error, speaker.name,
          seen:
            "its advertisements come with TTL \(speaker.observation.packet.hopLimit), and \(router.minimumHopLimit) is needed",
          why: "they are discarded (RX-1): they have crossed a router, or their sender does not set 255 "
            + "(keepalived: unicast_ttl 255)",
          mend: edit("minimum_ttl", String(speaker.observation.packet.hopLimit), router)))
    }
    return findings
  }

  /// Unicast or multicast, and version 2's password.
  private func manners(_ advertisement: Advertisement, _ speaker: Speaker) -> [Finding] {
    let router = speaker.router
    var findings: [Finding] = []
    let transport = speaker.observation.packet.destination.isUnicast ? Transport.unicast : .multicast
    if transport != router.transport {
      findings.append(
        Finding(
          .peerUnreadable, .error, speaker.name,
          seen:
            "it speaks \(transport) (to \(speaker.observation.packet.destination)), and \(router.name) here \(router.transport)",
          why: "each discards what the other says (RX-10): both hold the address",
          mend: edit("transport", "\(transport)", router)))
    }
    // What stands in a credential is vipd's alone.
    let expected: Authentication? =
      switch router.password {
      case nil: Authentication.none
      case .text(let text)?: .password(text)
      case .credential?: nil
      }
    if advertisement.version == .v2, router.version == .v2, let expected, advertisement.authentication != expected {
      findings.append(
        Finding(
          .peerUnreadable, .error, speaker.name, seen: "its password is not the one of this node's file",
          why: "each discards what the other says (RX-11): both hold the address",
          mend: ["${EDITOR:-vi} \(patient.file.path.shellWord)   # password of \(router.name)"]))
    }
    return findings
  }

  private func disagreements(_ advertisement: Advertisement, _ speaker: Speaker) -> [Finding] {
    let router = speaker.router
    guard
      let mine = patient.configuration.virtualRouters(for: patient.node.name).first(where: { $0.vrid == router.vrid })
    else { return [] }
    let received = ReceivedAdvertisement(
      advertisement, source: speaker.source, destination: speaker.observation.packet.destination)
    return mine.disagreements(with: received).compactMap { disagreement in
      switch disagreement {
      case .interval(let theirs):
        return Finding(
          .peerInterval, advertisement.version == .v2 ? .error : .warning, speaker.name,
          seen: "it advertises every \(theirs), and this node's file says \(router.interval)",
          why: advertisement.version == .v2
            ? "version 2 discards advertisements of another interval: both hold the address"
            : "how long a failover takes depends on who is Active",
          mend: edit("interval", "\(theirs)", router))
      case .addresses(let missingThere, let missingHere):
        var parts: [String] = []
        if !missingThere.isEmpty { parts.append("lacks \(missingThere.words)") }
        if !missingHere.isEmpty { parts.append("has \(missingHere.words), which this node's file has not") }
        return Finding(
          .peerAddresses, .error, speaker.name, seen: "it \(parts.joined(separator: " and "))",
          why: "those addresses do not move with the others: after a failover nobody has them",
          mend: edit("addresses", "[\(Self.list(advertisement.addresses, like: router))]", router))
      case .rivalOfOwner, .secondOwner: return nil
      }
    }
  }

  /// With the prefix lengths of the file's own.
  private static func list(_ addresses: [IPAddress], like router: ClusterConfiguration.VirtualRouter) -> String {
    let others = router.addresses.filter { $0.address.family != addresses.first?.family }.map(\.address.description)
    let theirs = addresses.filter { !$0.isLinkLocal }.map { address in
      let known =
        router.addresses.first { $0.address.address == address }
        ?? router.addresses.first { $0.address.family == address.family }
      return "\(address)/\(known?.address.prefixLength ?? address.family.addressBits)"
    }
    return (theirs + others).map { $0.contains(":") ? "\"\($0)\"" : $0 }.joined(separator: ", ")
  }

  private func unreadable(_ speaker: Speaker) -> [Finding] {
    [
      Finding(
        .peerUnreadable, .error, speaker.name,
        seen: "its advertisements are discarded: \(speaker.observation.remarks.joined(separator: "; "))",
        why: "a node that is not understood is Active beside another",
        mend: ["ssh \(speaker.node?.name.rawValue ?? "\(speaker.source)") vipctl doctor"],
        on: speaker.node?.name.rawValue)
    ]
  }

  private func edit(_ key: String, _ value: String, _ router: ClusterConfiguration.VirtualRouter) -> [String] {
    patient.commands(patient.file.command(setting: key, to: value, ofVRID: router.vrid.rawValue))
  }

  /// Where the two do not agree, the one that comes first in the file is right: each is told the same, whoever asks first.
  private func settled(_ finding: Finding, with speaker: Speaker) -> Finding {
    guard let node = speaker.node, let theirs = patient.configuration.nodes.firstIndex(of: node),
      let mine = patient.configuration.nodes.firstIndex(of: patient.node), mine < theirs
    else { return finding }
    var finding = finding
    finding.mend = ["vipctl doctor"]
    finding.on = node.name.rawValue
    finding.why +=
      "; \(patient.node.name) comes first in the file, so its values count: the remedy is found on \(node.name)"
    return finding
  }
}
