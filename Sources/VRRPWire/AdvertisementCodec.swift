// VRRP advertisements to and from bytes, with the receive checks that concern the message alone. Version 3 is RFC 9568
// §5, version 2 is RFC 3768 §5 with the authentication of RFC 2338 §5.3.10 that keepalived still speaks.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |Version| Type  |  VRID         |  Priority     | Address Count |
//   |Reserve| Max Advertise Interval|            Checksum           |   version 3: the interval in centiseconds
//   |  Auth Type    | Adver Int     |            Checksum           |   version 2: the interval in seconds
//   |              IPvX addresses, 4 or 16 bytes each               |
//   |                 Authentication Data, 8 bytes                  |   version 2 only

import NetworkTypes
import VRRP

/// IP protocol number 112. RFC 9568 §5.1.1.4, §5.1.2.4
public let vrrpProtocolNumber: UInt8 = 112

/// The two ways to compute a checksum. Version 3 over IPv4 is sent with either: implementations disagree. PROTOCOL.md, "The message"
public enum ChecksumForm: String, Sendable, Hashable, Codable, CaseIterable {
  /// Over the message alone. RFC 9568 §5.2.8
  case rfc9568
  /// Over an IPv4 pseudo-header and the message, as keepalived, FRR and others read RFC 5798.
  case pseudoHeader = "pseudo_header"
}

/// An advertisement that passed every check of the message alone.
public struct DecodedAdvertisement: Sendable, Hashable {
  public var advertisement: Advertisement
  /// The form that verified; over IPv6 always the pseudo-header, in version 2 never.
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
private let authenticationData = 8

extension Advertisement {
  /// Reads the payload of one datagram.
  ///
  /// Source and destination are the datagram's, since the pseudo-header holds them. Checks RX-2 (that there is such a
  /// version for the family), RX-3, RX-4, RX-5, RX-7, RX-8, RX-9, and of RX-11 that the authentication is of a known
  /// type; the others need to know what is configured.
  public static func decode(
    _ message: [UInt8], source: IPAddress, destination: IPAddress
  ) throws(DiscardedMessage) -> DecodedAdvertisement {
    func discard(_ reason: DiscardReason) -> DiscardedMessage {
      DiscardedMessage(reason: reason, vrid: message.count > 1 ? VRID(rawValue: message[1]) : nil)
    }
    guard message.count >= fixedPart else { throw discard(.length) }  // RX-4
    if isCARP(message) { throw discard(.carp) }
    guard let version = VRRPVersion(rawValue: message[0] >> 4), version == .v3 || source.family == .ipv4 else {
      throw discard(.version)  // RX-2: version 2 is IPv4's alone
    }
    guard message[0] & 0x0f == 1 else { throw discard(.type) }  // RX-3

    let count = Int(message[3])
    let addressesEnd = fixedPart + count * source.family.addressBytes
    guard message.count == addressesEnd + version.trailerBytes else { throw discard(.length) }  // RX-4
    guard let form = verifyingForm(of: message, version, source, destination) else { throw discard(.checksum) }  // RX-5
    guard let vrid = VRID(rawValue: message[1]) else { throw discard(.vrid) }
    guard count >= 1 else { throw discard(.addressCount) }  // RX-7, erratum 8299
    guard let interval = interval(of: message, version) else {
      // Version 2 could ask for up to 255 s, which no cluster file can, so it differs from ours (RX-11).
      throw discard(version == .v2 && message[5] > 0 ? .intervalMismatch : .interval)  // RX-8
    }
    guard let authentication = authentication(of: message, version) else { throw discard(.authentication) }  // RX-11

    let addresses = stride(from: fixedPart, to: addressesEnd, by: source.family.addressBytes).compactMap {
      IPAddress(bytes: message[$0..<$0 + source.family.addressBytes])
    }
    if source.family == .ipv6, addresses.first?.isLinkLocal != true { throw discard(.linkLocal) }  // RX-9, erratum 8300
    return DecodedAdvertisement(
      advertisement: Advertisement(
        version: version, vrid: vrid, priority: AdvertisedPriority(fieldValue: message[2]), interval: interval,
        addresses: addresses, authentication: authentication),
      checksumForm: form)
  }

  /// The payload of one datagram from `source` to `destination`, its checksum included.
  ///
  /// - Parameter checksum: the form of version 3 over IPv4; elsewhere there is only one.
  public func encode(from source: IPAddress, to destination: IPAddress, checksum: ChecksumForm) -> [UInt8] {
    precondition((1...255).contains(addresses.count), "an advertisement lists 1 to 255 addresses")
    precondition(addresses.allSatisfy { $0.family == source.family }, "TX-6: addresses are of the packet's family")
    precondition(source.family == .ipv4 || addresses[0].isLinkLocal, "TX-5: an IPv6 list starts with a link-local one")
    precondition(source.family == .ipv4 || version == .v3, "version 2 has no IPv6")
    var message: [UInt8] = [version.rawValue << 4 | 1, vrid.rawValue, priority.fieldValue, UInt8(addresses.count)]
    message += intervalField + [0, 0]
    for address in addresses { message += address.bytes }
    if version == .v2 { message += authentication.data }
    let form = Self.form(version, source.family, preferred: checksum)
    let field = InternetChecksum(of: message, form, source, destination).field
    message[6] = UInt8(field >> 8)
    message[7] = UInt8(field & 0xff)
    return message
  }

  /// Bytes 4 and 5.
  private var intervalField: [UInt8] {
    switch version {
    case .v2:
      // Rounded up, should anybody ask for less than version 2 can say: a Backup must not be told to expect more.
      return [authentication.type, UInt8(clamping: max(1, (interval.centiseconds + 99) / 100))]
    case .v3:
      return [UInt8(interval.centiseconds >> 8), UInt8(interval.centiseconds & 0xff)]  // TX-2: reserved bits are 0
    }
  }

  private static func interval(of message: [UInt8], _ version: VRRPVersion) -> AdvertisementInterval? {
    switch version {
    case .v2: AdvertisementInterval(centiseconds: Int(message[5]) * 100)
    // The four reserved bits are ignored on receipt. RFC 9568 §5.2.6
    case .v3: AdvertisementInterval(centiseconds: Int(message[4] & 0x0f) << 8 | Int(message[5]))
    }
  }

  /// Nil for a type that RFC 3768 §5.3.6 does not have, or no longer: 2 was the IP Authentication Header.
  private static func authentication(of message: [UInt8], _ version: VRRPVersion) -> Authentication? {
    guard version == .v2 else { return Authentication.none }
    switch message[4] {
    case 0: return Authentication.none  // Whatever the data are. RFC 3768 §5.3.10
    case 1:
      return .password(SimplePassword(field: message.suffix(authenticationData).reduce(0) { $0 << 8 | UInt64($1) }))
    default: return nil
    }
  }

  private static func verifyingForm(
    of message: [UInt8], _ version: VRRPVersion, _ source: IPAddress, _ destination: IPAddress
  ) -> ChecksumForm? {
    [ChecksumForm.pseudoHeader, .rfc9568].map { form(version, source.family, preferred: $0) }
      .first { InternetChecksum(of: message, $0, source, destination).verifies }
  }

  /// Version 3 over IPv4 alone leaves a choice.
  private static func form(_ version: VRRPVersion, _ family: IPFamily, preferred: ChecksumForm) -> ChecksumForm {
    switch (version, family) {
    case (.v2, _): .rfc9568
    case (.v3, .ipv6): .pseudoHeader
    case (.v3, .ipv4): preferred
    }
  }

  /// CARP shares the protocol number, and its first byte reads as VRRPv2, type 1. PROTOCOL.md, "A trap"
  private static func isCARP(_ message: [UInt8]) -> Bool {
    message.count == 36 && message[0] == 0x21 && message[3] == 7
  }
}

extension VRRPVersion {
  /// What follows the addresses.
  fileprivate var trailerBytes: Int {
    switch self {
    case .v2: authenticationData
    case .v3: 0
    }
  }
}

extension Authentication {
  /// RFC 2338 §5.3.6
  fileprivate var type: UInt8 {
    switch self {
    case .none: 0
    case .password: 1
    }
  }

  /// RFC 2338 §5.3.10; zeros where there is none.
  fileprivate var data: [UInt8] {
    switch self {
    case .none: Array(repeating: 0, count: authenticationData)
    case .password(let password): (0..<8).map { UInt8(truncatingIfNeeded: password.field >> (56 - 8 * $0)) }
    }
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
