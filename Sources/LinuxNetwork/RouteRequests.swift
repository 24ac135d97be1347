// The rtnetlink requests that vipd makes, built with libnl: add, renew and remove addresses, list links and addresses.

import CLibnl
import Glibc
import NetworkTypes

/// Complete messages but for sequence numbers, which `NetlinkSocket` fills in.
enum RouteRequest {
  /// IFA_PROTO of the addresses that vipd installs: VRRP's protocol number, which nobody else uses here
  /// (the kernel has 1 to 3, keepalived 18). Kernels before 5.18 ignore it, and no address is ever reported as ours.
  static let ourMark: UInt8 = 112

  /// Adds an address or, where it is there already, makes it ours and renews its lifetime.
  ///
  /// IPv6 addresses skip duplicate address detection, as the old holder may still have them for a moment; and they are
  /// deprecated from the start, which takes nothing from those who connect to them, but keeps this host from choosing a
  /// virtual address as the source of its own connections, which would break when the address moves. (An IPv4 address
  /// on a network where the interface has one already is "secondary", with the same effect.)
  /// - Parameter lifetime: after it the kernel removes the address by itself; nil for never.
  static func add(_ placement: AddressPlacement, lifetime: Duration?) -> [UInt8]? {
    withAddress(placement) { address in
      if placement.address.family == .ipv6 {
        rtnl_addr_set_flags(address, UInt32(IFA_F_NODAD))
        rtnl_addr_set_valid_lifetime(address, lifetime.map(wholeSeconds) ?? forever)
        rtnl_addr_set_preferred_lifetime(address, 0)
      } else if let lifetime {
        rtnl_addr_set_valid_lifetime(address, wholeSeconds(lifetime))
        rtnl_addr_set_preferred_lifetime(address, wholeSeconds(lifetime))
      }
      var message: OpaquePointer?
      guard rtnl_addr_build_add_request(address, NLM_F_CREATE | NLM_F_REPLACE, &message) == 0 else { return nil }
      defer { nlmsg_free(message) }
      guard nla_put_u8(message, markAttribute, ourMark) == 0 else { return nil }
      return bytes(of: message)
    }
  }

  static func remove(_ placement: AddressPlacement) -> [UInt8]? {
    withAddress(placement) { address in
      var message: OpaquePointer?
      guard rtnl_addr_build_delete_request(address, 0, &message) == 0 else { return nil }
      defer { nlmsg_free(message) }
      return bytes(of: message)
    }
  }

  /// Turns on `promote_secondaries` for an interface, as systemd does for all: without it, the kernel takes every
  /// other address of the network along when the first one is removed, the host's own and our other ones included.
  static func promoteSecondaries(interfaceIndex: Int) -> [UInt8]? {
    guard let message = nlmsg_alloc_simple(CInt(RTM_SETLINK), 0) else { return nil }
    defer { nlmsg_free(message) }
    var header = ifinfomsg()
    header.ifi_index = CInt(clamping: interfaceIndex)
    guard nlmsg_append(message, &header, MemoryLayout<ifinfomsg>.size, CInt(NLMSG_ALIGNTO)) == 0,
      let families = nla_nest_start(message, CInt(IFLA_AF_SPEC)),
      let family = nla_nest_start(message, AF_INET),
      let settings = nla_nest_start(message, CInt(IFLA_INET_CONF)),
      nla_put_u32(message, CInt(IPV4_DEVCONF_PROMOTE_SECONDARIES), 1) == 0,
      nla_nest_end(message, settings) == 0, nla_nest_end(message, family) == 0, nla_nest_end(message, families) == 0
    else { return nil }
    return bytes(of: message)
  }

  /// All links, without their statistics, which are most of the answer.
  static func listLinks() -> [UInt8]? {
    guard let message = nlmsg_alloc_simple(CInt(RTM_GETLINK), NLM_F_DUMP) else { return nil }
    defer { nlmsg_free(message) }
    var header = ifinfomsg()
    guard nlmsg_append(message, &header, MemoryLayout<ifinfomsg>.size, CInt(NLMSG_ALIGNTO)) == 0,
      nla_put_u32(message, CInt(IFLA_EXT_MASK), UInt32(RTEXT_FILTER_SKIP_STATS)) == 0
    else { return nil }
    return bytes(of: message)
  }

  /// All addresses of a family; of both where it is nil.
  static func listAddresses(_ family: IPFamily? = nil) -> [UInt8]? {
    guard let message = nlmsg_alloc_simple(CInt(RTM_GETADDR), NLM_F_DUMP) else { return nil }
    defer { nlmsg_free(message) }
    var header = ifaddrmsg()
    header.ifa_family = UInt8(family.map(addressFamily) ?? AF_UNSPEC)
    guard nlmsg_append(message, &header, MemoryLayout<ifaddrmsg>.size, CInt(NLMSG_ALIGNTO)) == 0 else { return nil }
    return bytes(of: message)
  }
}

extension RouteRequest {
  /// IFA_PROTO by number, since the headers of a build host may be older than it.
  static let markAttribute: CInt = 11

  /// The loopback interface's index, in every network namespace.
  static let loopback = 1

  private static let forever: UInt32 = .max

  static func addressFamily(_ family: IPFamily) -> CInt { family == .ipv4 ? AF_INET : AF_INET6 }

  /// Rounded down, since a lease that is too short is safe and one that is too long is not; but 0 is no lifetime.
  static func wholeSeconds(_ lifetime: Duration) -> UInt32 {
    UInt32(clamping: max(1, lifetime.components.seconds))
  }

  private static func withAddress(_ placement: AddressPlacement, _ body: (OpaquePointer) -> [UInt8]?) -> [UInt8]? {
    guard let address = rtnl_addr_alloc() else { return nil }
    defer { rtnl_addr_put(address) }
    let local = placement.address.address
    guard let value = nl_addr_build(addressFamily(local.family), local.bytes, local.bytes.count) else { return nil }
    defer { nl_addr_put(value) }
    nl_addr_set_prefixlen(value, CInt(placement.address.prefixLength))
    rtnl_addr_set_ifindex(address, CInt(clamping: placement.interfaceIndex))
    if placement.interfaceIndex == loopback { rtnl_addr_set_scope(address, CInt(RT_SCOPE_HOST.rawValue)) }
    guard rtnl_addr_set_local(address, value) == 0 else { return nil }
    return body(address)
  }

  private static func bytes(of message: OpaquePointer?) -> [UInt8]? {
    guard let message, let header = nlmsg_hdr(message) else { return nil }
    return Array(UnsafeRawBufferPointer(start: header, count: Int(header.pointee.nlmsg_len)))
  }
}
