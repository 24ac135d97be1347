// What is wrong with the advertisements on a network, told packet by packet as they are seen. A VRRP Router only drops what
// it cannot use; whoever looks for a fault wants to know what was said, and what does not go together. Pure: time is an
// argument.

import ClusterConfiguration
import NetworkTypes
import VRRP
import VRRPWire

/// One packet, read.
public struct Observation: Sendable, Hashable {
  /// Since 1970.
  public var time: Duration
  public var packet: ObservedPacket
  /// Nil where it cannot be read; `remarks` says why.
  public var advertisement: Advertisement?
  /// How the checksum was computed; nil where there is only one way, or none that fits.
  public var checksum: ChecksumForm?
  /// Why it cannot be read; nil where it can.
  public var discarded: DiscardReason?
  /// What is wrong with it, a sentence each.
  public var remarks: [String]
}

/// Follows the traffic of one recording, the oldest packet first.
public struct CaptureJudge: Sendable {
  private let configuration: ClusterConfiguration?
  private var speakers: [Speaker: Said] = [:]

  private struct Speaker: Hashable {
    var vrid: VRID
    var family: IPFamily
    var source: IPAddress
  }

  private struct Said {
    var advertisement: Advertisement
    var at: Duration
  }

  /// - Parameter configuration: the cluster that the packets are held against; nil to judge them by themselves.
  public init(configuration: ClusterConfiguration? = nil) { self.configuration = configuration }

  /// - Parameter time: when it was seen, since 1970.
  public mutating func judge(_ packet: ObservedPacket, at time: Duration) -> Observation {
    var observation = Observation(time: time, packet: packet, remarks: [])
    do throws(DiscardedMessage) {
      let decoded = try Advertisement.decode(packet.payload, source: packet.source, destination: packet.destination)
      observation.advertisement = decoded.advertisement
      if decoded.advertisement.version == .v3, packet.source.family == .ipv4 {
        observation.checksum = decoded.checksumForm
      }
      observation.remarks += remarks(on: decoded.advertisement, of: packet)
      observation.remarks += contradictions(to: decoded.advertisement, of: packet, at: time)
      observation.remarks += mismatches(of: decoded.advertisement, in: packet)
    } catch {
      observation.discarded = error.reason
      observation.remarks.append(error.reason.words)
    }
    return observation
  }

  /// What can be said of it alone.
  private func remarks(on advertisement: Advertisement, of packet: ObservedPacket) -> [String] {
    var remarks: [String] = []
    if packet.hopLimit != 255 {
      remarks.append("TTL \(packet.hopLimit), not 255: most routers discard it (RX-1)")
    }
    let group = packet.source.family.vrrpGroup
    if !packet.destination.isUnicast, packet.destination != group {
      remarks.append("sent to \(packet.destination), and VRRP's group is \(group) (RX-10)")
    }
    if case .password = advertisement.authentication {
      remarks.append("its password is readable by everybody on this network")
    }
    return remarks
  }

  /// What does not go together with what others said, or this one before.
  private mutating func contradictions(
    to advertisement: Advertisement, of packet: ObservedPacket, at time: Duration
  ) -> [String] {
    let me = Speaker(vrid: advertisement.vrid, family: packet.source.family, source: packet.source)
    defer { speakers[me] = Said(advertisement: advertisement, at: time) }
    var remarks: [String] = []
    let others = speakers.filter { $0.key.vrid == me.vrid && $0.key.family == me.family && $0.key.source != me.source }
    for (other, said) in others.sorted(by: { $0.key.source < $1.key.source }) {
      // Who has been silent for so long, or has said farewell, is Active no more. RFC 9568 §6.1
      guard said.advertisement.priority != .relinquishing, time - said.at < said.advertisement.interval.duration * 2
      else {
        continue
      }
      let theirs = said.advertisement
      if advertisement.priority != .relinquishing, advertisement.priority <= theirs.priority {
        remarks.append("\(other.source) is Active too, with priority \(theirs.priority.fieldValue)")
      }
      if advertisement.version != theirs.version {
        remarks.append(
          "version \(advertisement.version.rawValue), and \(other.source) speaks \(theirs.version.rawValue)")
      }
      if advertisement.interval != theirs.interval {
        remarks.append("every \(advertisement.interval), and \(other.source) every \(theirs.interval)")
      }
      if Set(advertisement.addresses) != Set(theirs.addresses) {
        remarks.append("other addresses than \(other.source), which has \(theirs.addresses.words)")
      }
    }
    return remarks
  }

  /// Against the cluster file, where there is one.
  private func mismatches(of advertisement: Advertisement, in packet: ObservedPacket) -> [String] {
    guard let configuration else { return [] }
    guard let router = configuration.virtualRouters.first(where: { $0.vrid == advertisement.vrid }) else {
      return ["VRID \(advertisement.vrid.rawValue) is not in the file"]
    }
    guard
      let sender = configuration.nodes.first(where: { $0.addresses.contains(packet.source) })
        ?? (router.transport == .multicast && packet.source.isLinkLocal ? configuration.nodes.first : nil)
    else { return ["\(packet.source) is no node of the file, and uses VRID \(advertisement.vrid.rawValue)"] }
    var remarks: [String] = []
    if advertisement.version != router.version {
      remarks.append("version \(advertisement.version.rawValue), and the file says \(router.version.rawValue)")
    }
    guard let mine = configuration.virtualRouters(for: sender.name).first(where: { $0.vrid == advertisement.vrid })
    else { return remarks + ["\(sender.name) takes no part in \(router.name), by the file"] }
    let received = ReceivedAdvertisement(
      advertisement, source: packet.source, destination: packet.destination, hopLimit: packet.hopLimit)
    for disagreement in mine.disagreements(with: received) {
      switch disagreement {
      case .interval(let theirs): remarks.append("every \(theirs), and the file says \(router.interval)")
      case .addresses(let missing, let foreign):
        if !missing.isEmpty { remarks.append("without \(missing.words), which the file has") }
        if !foreign.isEmpty { remarks.append("with \(foreign.words), which the file has not") }
      case .rivalOfOwner, .secondOwner: break
      }
    }
    return remarks
  }
}

extension Observation {
  /// One line without its time: who says what to whom, and behind an exclamation mark what is wrong with it.
  public var words: String {
    var line = "\(packet.source) → \(packet.destination)  "
    if let advertisement {
      line += "v\(advertisement.version.rawValue) VRID \(advertisement.vrid.rawValue) "
      line +=
        advertisement.priority == .relinquishing
        ? "farewell (priority 0)" : "priority \(advertisement.priority.fieldValue)"
      line += " every \(advertisement.interval)  \(advertisement.addresses.words)"
      if let checksum { line += "  \(checksum.rawValue)" }
    } else {
      line += "\(packet.payload.count) bytes"
      if packet.payload.count >= 4 {
        line += " that begin v\(packet.payload[0] >> 4) VRID \(packet.payload[1]) priority \(packet.payload[2])"
      }
    }
    return remarks.isEmpty ? line : line + "  ! " + remarks.joined(separator: "; ")
  }
}

extension [IPAddress] {
  var words: String { map(\.description).joined(separator: " ") }
}
