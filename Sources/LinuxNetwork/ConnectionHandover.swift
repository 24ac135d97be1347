// Connections that outlive a planned move. A client whose connection began with the old holder talks to the new one as
// soon as its neighbour entry changes, and a host that knows nothing of a connection answers with a reset.
//
// So for a moment both hosts help: the new holder passes on what it does not know to the old one, and the old one takes
// it in, although the address is no longer on its network:
//
//     client ── segment of an old connection ──► new holder ── the same, to the old holder's hardware address ──► old holder
//     client ◄─────────────────────────────────── answer ────────────────────────────────────────────────────────┘
//
// The old holder has the address on its loopback interface meanwhile, and answers no ARP request for it (IPv6 asks for
// addresses of the very interface, so it is silent by itself). Both sides' rules belong to a socket of this process and
// go with it; the loopback address has a lease.

import CLinux
import Dispatch
import Glibc
import NetworkTypes

extension LinuxHost {
  /// After so long without a word the kernel ends a handover by itself.
  private static let lease = Duration.seconds(2)

  /// Lets the connections to addresses go on that another host holds now, and that are about to be removed here. Until
  /// ``stopKeepingConnections(to:)``, or for two seconds.
  ///
  /// - Throws: why not. Then nothing has changed.
  public func keepConnections(to addresses: [IPAddress]) throws(HostNetworkFailure) {
    let rules = try PacketRules(.keeping(addresses, table: newTable(), for: Self.lease), for: .keepConnections)
    let places = addresses.compactMap { address in
      InterfaceAddress(address: address, prefixLength: address.bytes.count * 8)
        .map { AddressPlacement(address: $0, interfaceIndex: RouteRequest.loopback) }
    }
    kept.append(KeptConnections(addresses: addresses, places: places, rules: rules))
    let answers = perform(places.map { RouteRequest.add($0, lifetime: Self.lease) })
    if let refused = answers.first(where: { $0.code != 0 }) {
      stopKeepingConnections(to: addresses)
      throw HostNetworkFailure(.keepConnections, on: "lo", code: refused.code, explanation: refused.explanation)
    }
  }

  /// Nothing where nothing was kept.
  public func stopKeepingConnections(to addresses: [IPAddress]) {
    for over in kept.filter({ $0.addresses == addresses }) {
      over.rules.lift()
      _ = perform(over.places.map { RouteRequest.remove($0) })
    }
    kept.removeAll { $0.addresses == addresses }
  }

  /// Passes on to their predecessor what belongs to connections that did not begin here. Until
  /// ``stopForwardingConnections(to:)``, or for two seconds. To be called before the addresses are installed: from then
  /// on connections begin here.
  ///
  /// - Parameter predecessor: another host's own address on the network of that interface, of the addresses' family.
  /// - Throws: why not. Then nothing has changed.
  public func forwardConnections(
    to addresses: [IPAddress], predecessor: IPAddress, interfaceIndex: Int
  ) throws(HostNetworkFailure) {
    precondition(addresses.allSatisfy { $0.family == predecessor.family }, "a packet has one family")
    let script = HandoverScript.forwarding(
      addresses, to: predecessor, interfaceIndex: interfaceIndex, table: newTable(), for: Self.lease)
    forwarded[addresses] = try PacketRules(script, for: .forwardConnections)
  }

  /// Nothing where nothing was passed on.
  public func stopForwardingConnections(to addresses: [IPAddress]) {
    forwarded.removeValue(forKey: addresses)?.lift()
  }

  /// Whether an address is on the loopback interface for its connections alone, which is nobody else's business.
  func isKept(_ address: ReportedAddress) -> Bool {
    kept.contains {
      $0.places.contains(AddressPlacement(address: address.held.address, interfaceIndex: address.interfaceIndex))
    }
  }

  /// Another name each time: a table that has ended may still be there.
  private func newTable() -> String {
    tableCount += 1
    return "vipd-\(getpid())-\(tableCount)"
  }
}

/// Addresses that have moved on, and whose connections are still served here.
struct KeptConnections {
  var addresses: [IPAddress]
  /// Where they are meanwhile: on the loopback interface.
  var places: [AddressPlacement]
  var rules: PacketRules
}

/// Rules in the kernel's packet filter that end with this value, or with the process.
final class PacketRules {
  private struct Conversation: @unchecked Sendable {
    let pointer: OpaquePointer
  }
  private let conversation: Conversation
  private let lifting: String

  /// - Throws: libnftables' or the kernel's reason.
  init(_ script: HandoverScript, for attempt: Attempt) throws(HostNetworkFailure) {
    guard clinux_packet_rules_available() else {
      throw HostNetworkFailure(attempt, on: "nftables", code: ENOENT, explanation: "no libnftables.so.1")
    }
    var words = [CChar](repeating: 0, count: 1024)
    guard let pointer = clinux_packet_rules_make(script.making, &words, words.count) else {
      throw HostNetworkFailure(attempt, on: "nftables", code: EINVAL, explanation: Self.reason(in: words))
    }
    conversation = Conversation(pointer: pointer)
    lifting = script.lifting
  }

  /// Has the rules match nothing any more, at once.
  func lift() { _ = clinux_packet_rules_change(conversation.pointer, lifting) }

  deinit {
    // Elsewhere, since the kernel takes its time over it.
    DispatchQueue.global(qos: .utility).async { [conversation] in clinux_packet_rules_end(conversation.pointer) }
  }

  /// "internal:0:0-0: Error: Could not process rule: Operation not permitted", and below it the rule.
  private static func reason(in words: [CChar]) -> String {
    let bytes = words.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    let line = String(decoding: bytes, as: UTF8.self)
    return line.split(separator: "Error: ").last.map(String.init) ?? line
  }
}

/// What one of the two hosts has its packet filter do, in nft's language.
///
/// The addresses are in sets whose elements time out, so that the rules are void soon even where this process stands still.
struct HandoverScript {
  private(set) var making = ""
  private(set) var lifting = ""

  /// The old holder's: silence about the addresses. It has connections tracked as well, so that it knows them still when
  /// it is the new holder again before long.
  static func keeping(_ addresses: [IPAddress], table: String, for duration: Duration) -> HandoverScript {
    var script = HandoverScript()
    for family in IPFamily.allCases {
      let own = addresses.filter { $0.family == family }
      guard !own.isEmpty else { continue }
      if family == .ipv4 {
        script.add(
          "arp", table, own, duration, chain: "input", priority: -300,
          rules: ["arp operation request arp daddr ip @moved drop"])
      }
      script.add(
        family.word, table, own, duration, chain: "prerouting", priority: -150,
        rules: ["\(family.word) daddr @moved ct state established"])
    }
    return script
  }

  /// The new holder's: segments of TCP connections that did not begin here go to the predecessor.
  ///
  /// Before destination NAT (priority -100), which would give them to a container, and after connection tracking (-200).
  /// What is not tracked at all stays. A predecessor that no longer has the addresses, but forwards packets, sends them
  /// back: the limit keeps that from becoming a storm.
  static func forwarding(
    _ addresses: [IPAddress], to predecessor: IPAddress, interfaceIndex: Int, table: String, for duration: Duration
  ) -> HandoverScript {
    var script = HandoverScript()
    let family = predecessor.family.word
    let unknown = "\(family) daddr @moved tcp flags & syn == 0 ct state new,invalid"
    script.add(
      family, table, addresses, duration, chain: "prerouting", priority: -150,
      rules: [
        "\(unknown) limit rate 20000/second burst 1000 packets dup to \(predecessor) device \(interfaceIndex)",
        "\(unknown) drop",
      ])
    return script
  }

  /// A table that belongs to the conversation in which it is made, with one set and one chain.
  private mutating func add(
    _ family: String, _ table: String, _ addresses: [IPAddress], _ duration: Duration, chain: String, priority: Int,
    rules: [String]
  ) {
    let type = addresses.first?.family == .ipv6 ? "ipv6_addr" : "ipv4_addr"
    let elements = addresses.map { "\($0) timeout \(duration.components.seconds)s" }.joined(separator: ", ")
    making += """
      table \(family) \(table) {
        flags owner
        set moved {
          type \(type)
          flags timeout
          elements = { \(elements) }
        }
        chain \(chain) {
          type filter hook \(chain) priority \(priority)
          \(rules.joined(separator: "\n    "))
        }
      }

      """
    lifting += "flush chain \(family) \(table) \(chain)\n"
  }
}

extension IPFamily {
  /// nft's word.
  fileprivate var word: String { self == .ipv4 ? "ip" : "ip6" }
}
