// What rtnetlink says of links and addresses, read into values. The same messages come in dumps and in notifications.

import CLibnl
import Glibc
import NetworkTypes

/// An address on an interface, as one message tells of it.
struct ReportedAddress {
  var interfaceIndex: Int
  var held: HeldAddress
  /// Whether duplicate address detection stands between the address and its use: it has not ended, or has failed.
  var awaitsDetection: Bool
  /// When it was last added or replaced, by ``TickClock``, in hundredths of a second.
  var stamp: UInt32?
}

enum RouteMessage {
  case link(NetworkInterface)
  case linkGone(index: Int)
  case address(ReportedAddress)
  case addressGone(ReportedAddress)

  /// Nil for messages about other things.
  init?(_ message: NetlinkSocket.Message) {
    switch CInt(message.pointee.nlmsg_type) {
    case CInt(RTM_NEWLINK):
      guard let link = NetworkInterface(message) else { return nil }
      self = .link(link)
    case CInt(RTM_DELLINK):
      guard let link = NetworkInterface(message) else { return nil }
      self = .linkGone(index: link.index)
    case CInt(RTM_NEWADDR):
      guard let address = ReportedAddress(message) else { return nil }
      self = .address(address)
    case CInt(RTM_DELADDR):
      guard let address = ReportedAddress(message) else { return nil }
      self = .addressGone(address)
    default: return nil
    }
  }
}

extension NetworkInterface {
  /// IFF_LOWER_UP: there is carrier. Glibc's list of interface flags ends before it.
  private static let lowerUp: UInt32 = 1 << 16

  /// From RTM_NEWLINK or RTM_DELLINK. Nil for a bridge's news of its ports, which are not news of the link.
  init?(_ message: NetlinkSocket.Message) {
    let headerSize = CInt(MemoryLayout<ifinfomsg>.size)
    guard nlmsg_valid_hdr(message, headerSize) != 0, let data = nlmsg_data(message) else { return nil }
    let header = data.loadUnaligned(as: ifinfomsg.self)
    guard CInt(header.ifi_family) == AF_UNSPEC else { return nil }
    guard let name = nlmsg_find_attr(message, headerSize, CInt(IFLA_IFNAME)), let text = nla_get_string(name)
    else { return nil }
    let hardware = nlmsg_find_attr(message, headerSize, CInt(IFLA_ADDRESS)).flatMap { MACAddress(bytes: bytes(of: $0)) }
    let needed = UInt32(IFF_UP) | UInt32(IFF_RUNNING) | Self.lowerUp
    self.init(
      index: Int(header.ifi_index), name: String(cString: text), hardwareAddress: hardware,
      isUp: header.ifi_flags & needed == needed)
  }
}

extension ReportedAddress {
  /// From RTM_NEWADDR or RTM_DELADDR.
  init?(_ message: NetlinkSocket.Message) {
    let headerSize = CInt(MemoryLayout<ifaddrmsg>.size)
    guard nlmsg_valid_hdr(message, headerSize) != 0, let data = nlmsg_data(message) else { return nil }
    let header = data.loadUnaligned(as: ifaddrmsg.self)
    // On a point-to-point link IFA_ADDRESS is the other end; the interface's own is IFA_LOCAL wherever there is one.
    guard [AF_INET, AF_INET6].contains(CInt(header.ifa_family)),
      let value = nlmsg_find_attr(message, headerSize, CInt(IFA_LOCAL))
        ?? nlmsg_find_attr(message, headerSize, CInt(IFA_ADDRESS)),
      let address = IPAddress(bytes: bytes(of: value)),
      let withPrefix = InterfaceAddress(address: address, prefixLength: Int(header.ifa_prefixlen))
    else { return nil }
    let mark = nlmsg_find_attr(message, headerSize, RouteRequest.markAttribute).map { nla_get_u8($0) }
    let flags =
      nlmsg_find_attr(message, headerSize, CInt(IFA_FLAGS)).map { nla_get_u32($0) } ?? UInt32(header.ifa_flags)
    // An optimistic address is tentative and in use all the same. RFC 4429 §3.1
    let isStuck = flags & UInt32(IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0
    let isOptimistic = flags & UInt32(IFA_F_OPTIMISTIC) != 0
    self.init(
      interfaceIndex: Int(header.ifa_index),
      held: HeldAddress(
        address: withPrefix, isOurs: mark == RouteRequest.ourMark, isUsable: !isStuck || isOptimistic,
        isDuplicate: flags & UInt32(IFA_F_DADFAILED) != 0),
      awaitsDetection: isStuck, stamp: Self.stamp(message, headerSize))
  }
}

extension ReportedAddress {
  private static func stamp(_ message: NetlinkSocket.Message, _ headerSize: CInt) -> UInt32? {
    guard let attribute = nlmsg_find_attr(message, headerSize, CInt(IFA_CACHEINFO)),
      Int(nla_len(attribute)) >= MemoryLayout<ifa_cacheinfo>.size, let data = nla_data(attribute)
    else { return nil }
    return data.loadUnaligned(as: ifa_cacheinfo.self).tstamp
  }
}

private func bytes(of attribute: UnsafeMutablePointer<nlattr>) -> [UInt8] {
  Array(UnsafeRawBufferPointer(start: nla_data(attribute), count: Int(nla_len(attribute))))
}
