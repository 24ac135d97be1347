// VRRPv3 advertisements to and from bytes. RFC 9568 §5, with the receive checks that concern the message alone.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |Version| Type  |  VRID         |  Priority     | Address Count |
//   |Reserve| Max Advertise Interval|            Checksum           |
//   |              IPvX addresses, 4 or 16 bytes each               |

import NetworkTypes
import VRRP

/// IP protocol number 112. RFC 9568 §5.1.1.4, §5.1.2.4
public let vrrpProtocolNumber: UInt8 = 112

/// The two ways to compute the checksum of v3 over IPv4. PROTOCOL.md, "The message"
public enum ChecksumForm: String, Sendable, Hashable, CaseIterable {
  /// Over the message alone. RFC 9568 §5.2.8
  case rfc9568
  /// Over an IPv4 pseudo-header and the message, as keepalived, FRR and others read RFC 5798.
  case pseudoHeader = "pseudo_header"
}

/// An advertisement that passed every check of the message alone.
public struct DecodedAdvertisement: Sendable, Hashable {
  public var advertisement: Advertisement
  /// The form that verified; over IPv6 always the pseudo-header.
  public var checksumForm: ChecksumForm

  public init(advertisement: Advertisement, checksumForm: ChecksumForm) {
    self.advertisement = advertisement
    self.checksumForm = checksumForm
  }
}

/// A message that must be discarded. The VRID is as received, for the counters, where the message is long enough.
public struct DiscardedMessage: Error, Hashable {
  public var reason: DiscardReason
  public var vrid: VRID?

  public init(reason: DiscardReason, vrid: VRID?) {
    self.reason = reason
    self.vrid = vrid
  }
}

private let fixedPart = 8

extension Advertisement {
  /// Reads the payload of one datagram.
  ///
  /// Source and destination are the datagram's, since the pseudo-header holds them. Checks RX-2 (that the version is 3),
  /// RX-3, RX-4, RX-5, RX-7, RX-8 and RX-9; the others need to know what is configured.
  public static func decode(
    _ message: [UInt8], source: IPAddress, destination: IPAddress
  ) throws(DiscardedMessage) -> DecodedAdvertisement {
    func discard(_ reason: DiscardReason) -> DiscardedMessage {
      DiscardedMessage(reason: reason, vrid: message.count > 1 ? VRID(rawValue: message[1]) : nil)
    }
    guard message.count >= fixedPart else { throw discard(.length) }  // RX-4
    if isCARP(message) { throw discard(.carp) }
    guard message[0] >> 4 == VRRPVersion.v3.rawValue else { throw discard(.version) }  // RX-2
    guard message[0] & 0x0f == 1 else { throw discard(.type) }  // RX-3

    let count = Int(message[3])
    let addressBytes = source.family.addressBytes
    guard message.count == fixedPart + count * addressBytes else { throw discard(.length) }  // RX-4
    guard let form = verifyingForm(of: message, source, destination) else { throw discard(.checksum) }  // RX-5
    guard let vrid = VRID(rawValue: message[1]) else { throw discard(.vrid) }
    guard count >= 1 else { throw discard(.addressCount) }  // RX-7, erratum 8299
    // The four reserved bits are ignored on receipt. RFC 9568 §5.2.6
    let centiseconds = Int(message[4] & 0x0f) << 8 | Int(message[5])
    guard let interval = AdvertisementInterval(centiseconds: centiseconds) else { throw discard(.interval) }  // RX-8

    let addresses = stride(from: fixedPart, to: message.count, by: addressBytes).compactMap {
      IPAddress(bytes: message[$0..<$0 + addressBytes])
    }
    if source.family == .ipv6, addresses.first?.isLinkLocal != true { throw discard(.linkLocal) }  // RX-9, erratum 8300
    return DecodedAdvertisement(
      advertisement: Advertisement(
        version: .v3, vrid: vrid, priority: AdvertisedPriority(fieldValue: message[2]), interval: interval,
        addresses: addresses),
      checksumForm: form)
  }

  /// The payload of one datagram from `source` to `destination`, its checksum included.
  ///
  /// - Parameter checksum: the form over IPv4; over IPv6 there is only the pseudo-header.
  public func encode(from source: IPAddress, to destination: IPAddress, checksum: ChecksumForm) -> [UInt8] {
    precondition((1...255).contains(addresses.count), "an advertisement lists 1 to 255 addresses")
    precondition(addresses.allSatisfy { $0.family == source.family }, "TX-6: addresses are of the packet's family")
    precondition(source.family == .ipv4 || addresses[0].isLinkLocal, "TX-5: an IPv6 list starts with a link-local one")
    var message: [UInt8] = [
      VRRPVersion.v3.rawValue << 4 | 1, vrid.rawValue, priority.fieldValue, UInt8(addresses.count),
      UInt8(interval.centiseconds >> 8), UInt8(interval.centiseconds & 0xff),  // TX-2: reserved bits are 0
      0, 0,
    ]
    for address in addresses { message += address.bytes }
    let form = source.family == .ipv6 ? .pseudoHeader : checksum
    let field = InternetChecksum(of: message, form, source, destination).field
    message[6] = UInt8(field >> 8)
    message[7] = UInt8(field & 0xff)
    return message
  }

  private static func verifyingForm(
    of message: [UInt8], _ source: IPAddress, _ destination: IPAddress
  ) -> ChecksumForm? {
    let forms: [ChecksumForm] = source.family == .ipv6 ? [.pseudoHeader] : [.pseudoHeader, .rfc9568]
    return forms.first { InternetChecksum(of: message, $0, source, destination).verifies }
  }

  /// CARP shares the protocol number, and its first byte reads as VRRPv2, type 1. PROTOCOL.md, "A trap"
  private static func isCARP(_ message: [UInt8]) -> Bool {
    message.count == 36 && message[0] == 0x21 && message[3] == 7
  }
}

extension InternetChecksum {
  init(of message: [UInt8], _ form: ChecksumForm, _ source: IPAddress, _ destination: IPAddress) {
    self.init()
    switch form {
    case .rfc9568: break
    case .pseudoHeader:
      addPseudoHeader(
        source: source, destination: destination, length: message.count, protocolNumber: vrrpProtocolNumber)
    }
    add(message)
  }
}
