// From `errno` to words: the kernel's reason, and the remedy where the number and what was tried point to one.

import Glibc
import NetworkTypes

/// What was being tried; with the error number it decides which remedy to name.
enum Attempt {
  case openRawSocket
  case openPacketSocket
  case openNetlinkSocket
  case setSocketOption(String)
  case setReceptionFilter
  case joinGroup(IPAddress)
  case readInterfaces
  case addAddress(InterfaceAddress)
  case removeAddress(InterfaceAddress)
  case changeAddresses
  case sendAdvertisement(source: IPAddress, destination: IPAddress, sourceIsOurs: Bool)
  case sendFrame
  case keepConnections
  case forwardConnections

  /// To be read after "cannot".
  var operation: String {
    switch self {
    case .openRawSocket: "open a raw socket"
    case .openPacketSocket: "open a packet socket"
    case .openNetlinkSocket: "open a netlink socket"
    case .setSocketOption(let name): "set \(name)"
    case .setReceptionFilter: "attach the packet filter"
    case .joinGroup(let group): "join \(group)"
    case .readInterfaces: "read the interfaces"
    case .addAddress(let address): "add \(address)"
    case .removeAddress(let address): "remove \(address)"
    case .changeAddresses: "change addresses"
    case .sendAdvertisement(let source, let destination, _): "send from \(source) to \(destination)"
    case .sendFrame: "send a frame"
    case .keepConnections: "keep connections for the successor"
    case .forwardConnections: "pass connections on to the predecessor"
    }
  }

  /// What helps against `code`, on the interface or thing that is called `subject`.
  func remedy(against code: Int32, on subject: String) -> String? {
    switch self {
    case .openRawSocket, .openPacketSocket:
      return code == EPERM || code == EACCES ? "needs CAP_NET_RAW" : nil
    case .setSocketOption:
      return code == EPERM ? "needs CAP_NET_ADMIN" : nil
    case .setReceptionFilter:
      return code == ENOMEM ? "the filter is larger than net.core.optmem_max allows" : nil
    case .joinGroup(let group):
      // ENOBUFS and ENOMEM: a socket's memberships are limited, and so is the memory for its options.
      if [ENOBUFS, ENOMEM].contains(code) {
        return group.family == .ipv4 ? "raise net.ipv4.igmp_max_memberships" : "raise net.core.optmem_max"
      }
      return gone(code)
    case .openNetlinkSocket, .readInterfaces, .changeAddresses, .removeAddress, .addAddress:
      if code == EPERM { return "needs CAP_NET_ADMIN" }
      if code == ENODEV { return "the interface does not exist, or no longer" }
      if code == EACCES { return "see net.ipv6.conf.\(subject).disable_ipv6" }
      return nil
    case .sendAdvertisement(let source, _, let sourceIsOurs):
      if code == EPERM { return "a packet filter of this host rejects outgoing IP protocol 112" }
      // Kernels differ in the number that they give for this: EINVAL, ENETUNREACH.
      if !sourceIsOurs { return "\(source) is no address of this host" }
      return gone(code)
    case .sendFrame:
      return gone(code)
    case .keepConnections, .forwardConnections:
      return code == ENOENT ? "install libnftables1" : nil
    }
  }

  private func gone(_ code: Int32) -> String? {
    code == ENODEV || code == ENXIO ? "the interface does not exist, or no longer" : nil
  }
}

extension HostNetworkFailure {
  /// - Parameter explanation: the kernel's own sentence, where it gave one beside the number.
  init(_ attempt: Attempt, on subject: String, code: Int32, explanation: String? = nil) {
    var cause = String(cString: strerror(code)).lowercasingFirst
    if let explanation { cause += ": " + explanation.lowercasingFirst }
    self.init(
      subject: subject, operation: attempt.operation, cause: cause,
      remedy: attempt.remedy(against: code, on: subject), code: code)
  }
}

extension String {
  /// "Operation not permitted" as it reads in the middle of a sentence; "IPv6 is …" stays as it is.
  fileprivate var lowercasingFirst: String {
    guard let first, !dropFirst().prefix(1).allSatisfy(\.isUppercase) || count == 1 else { return self }
    return first.lowercased() + dropFirst()
  }
}
