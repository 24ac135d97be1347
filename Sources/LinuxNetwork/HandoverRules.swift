// The packet filter's part in a handover of connections: a table of rules for each family, with sets of the addresses to
// which they apply at the moment.
//
// Everything here happens on a thread of its own, since a change of the packet filter waits for whoever else is changing it,
// and the VRRP thread must not. That one waits for a moment, and then does without.

import CLinux
import Dispatch
import Glibc
import NetworkTypes
import Synchronization

final class HandoverRules: Sendable {
  enum Change: Sendable {
    /// Addresses that another host holds now: be silent about them.
    case keep([IPAddress])
    case stopKeeping([IPAddress])
    /// Addresses that this host takes over from another one, which is this.
    case forward([IPAddress], to: IPAddress)
    case stopForwarding([IPAddress])
  }

  /// After so long the kernel forgets an address by itself, whatever becomes of this process.
  static let lease = Duration.seconds(2)
  private static let subject = "nftables"

  private let queue = DispatchQueue(label: "vipd.handover", qos: .userInitiated)
  private let workshop = Workshop()
  /// How many changes are asked for that are not made yet.
  private let pending = Atomic(0)
  /// With more than so many of them before it a change is not waited for: it would not be in time either.
  private static let mostPending = 2

  /// Makes the tables, where they are not there yet, without waiting for it: that takes longer than to change them.
  func prepare() {
    guard clinux_packet_rules_available(), !workshop.isOpen.load(ordering: .relaxed) else { return }
    queue.async { [self] in workshop.open(cleaningUpOn: queue) }
  }

  /// - Parameter patience: how long to wait for it.
  /// - Throws: libnftables' or the kernel's reason, or that it takes too long. It may still be made then.
  func make(_ change: Change, within patience: Duration) throws(HostNetworkFailure) {
    guard clinux_packet_rules_available() else {
      throw HostNetworkFailure(
        change.attempt, on: Self.subject, code: ENOENT, explanation: "there is no libnftables.so.1")
    }
    let outcome = Outcome()
    let before = pending.add(1, ordering: .relaxed).oldValue
    queue.async { [self] in
      outcome.set(workshop.make(change, cleaningUpOn: queue))
      pending.subtract(1, ordering: .relaxed)
    }
    switch outcome.wait(atMost: before > Self.mostPending ? .zero : patience) {
    case .made?: return
    case .failed(let words)?:
      throw HostNetworkFailure(change.attempt, on: Self.subject, code: EINVAL, explanation: words)
    case nil:
      throw HostNetworkFailure(
        subject: Self.subject, operation: change.attempt.operation, cause: "it takes too long", code: ETIMEDOUT)
    }
  }
}

/// What becomes of a change, from one thread to another that has little patience.
private final class Outcome: Sendable {
  enum Result: Sendable {
    case made
    /// In libnftables' or the kernel's words.
    case failed(String)
  }

  private let semaphore = DispatchSemaphore(value: 0)
  private let result = Mutex<Result?>(nil)

  func set(_ result: Result) {
    self.result.withLock { $0 = result }
    semaphore.signal()
  }

  /// Nil where there is none in time.
  func wait(atMost patience: Duration) -> Result? {
    _ = semaphore.wait(timeout: .now() + .nanoseconds(Int(patience / .nanoseconds(1))))
    return result.withLock { $0 }
  }
}

/// Where the tables are made and changed: on one queue, and nowhere else.
private final class Workshop: @unchecked Sendable {
  /// After so long without a handover the tables go, and with them connection tracking where nobody else wants it.
  private static let idleTime = DispatchTimeInterval.seconds(5)

  /// libnftables' end of a socket. The kernel removes the tables when it is closed, however that happens.
  private var tables: OpaquePointer?
  /// The same, for any thread.
  let isOpen = Atomic(false)
  /// Until when the kernel knows an address, at the most.
  private var forwarded: [IPAddress: DispatchTime] = [:]
  private var uses = 0

  func make(_ change: HandoverRules.Change, cleaningUpOn queue: DispatchQueue) -> Outcome.Result {
    if tables == nil, change.isEnd { return .made }
    if let failure = open(cleaningUpOn: queue) { return .failed(failure) }
    var words = [CChar](repeating: 0, count: 1024)
    guard let tables, clinux_packet_rules_change(tables, script(for: change), &words, words.count) else {
      return .failed(Self.reason(in: words))
    }
    return .made
  }

  /// Makes the tables where they are not there, and sees to it that they stay for a while.
  ///
  /// - Returns: why they are not there.
  @discardableResult
  func open(cleaningUpOn queue: DispatchQueue) -> String? {
    uses += 1
    let use = uses
    queue.asyncAfter(deadline: .now() + Self.idleTime) { [self] in
      if use == uses { end() }
    }
    guard tables == nil else { return nil }
    var words = [CChar](repeating: 0, count: 1024)
    tables = clinux_packet_rules_make(HandoverScript.tables, &words, words.count)
    isOpen.store(tables != nil, ordering: .relaxed)
    return tables == nil ? Self.reason(in: words) : nil
  }

  private func script(for change: HandoverRules.Change) -> String {
    let now = DispatchTime.now()
    forwarded = forwarded.filter { $0.value > now }
    let script = HandoverScript.text(for: change, known: Set(forwarded.keys))
    switch change {
    case .forward(let addresses, _):
      let end = now + .milliseconds(Int(HandoverRules.lease / .milliseconds(1)))
      for address in addresses { forwarded[address] = end }
    case .stopForwarding(let addresses):
      for address in addresses { forwarded[address] = nil }
    case .keep, .stopKeeping: break
    }
    return script
  }

  /// The kernel waits for packets that are on their way through the rules, which takes tens of milliseconds.
  private func end() {
    if let tables { clinux_packet_rules_end(tables) }
    tables = nil
    isOpen.store(false, ordering: .relaxed)
    forwarded = [:]
  }

  /// "internal:0:0-0: Error: Could not process rule: Operation not permitted", and below it the rule.
  private static func reason(in words: [CChar]) -> String {
    let bytes = words.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    let line = String(decoding: bytes, as: UTF8.self)
    return line.split(separator: "Error: ").last.map(String.init) ?? line
  }
}

extension HandoverRules.Change {
  fileprivate var attempt: Attempt {
    switch self {
    case .keep, .stopKeeping: .keepConnections
    case .forward, .stopForwarding: .forwardConnections
    }
  }

  fileprivate var isEnd: Bool {
    switch self {
    case .keep, .forward: false
    case .stopKeeping, .stopForwarding: true
    }
  }
}

/// The rules in nft's language.
private enum HandoverScript {
  /// Not another vipd's in the same namespace.
  private static let table = "vipd-\(getpid())"
  private static let lease = "timeout \(HandoverRules.lease.components.seconds)s"

  /// Made once; they apply to nothing until there are addresses in the sets.
  static let tables =
    IPFamily.allCases.map { forwarding($0) }.joined() + """
      table arp \(table) {
        flags owner
        set kept { type ipv4_addr; flags timeout; }
        chain input {
          type filter hook input priority -300
          arp operation request arp daddr ip @kept drop
        }
      }

      """

  /// The old holder has the connections of what it keeps tracked, so that it knows them still when it is the new one again
  /// before long. The new one passes on what it does not know: before destination NAT (priority -100), which would give it
  /// to a container, and after connection tracking (-200). What is not tracked at all stays. A predecessor that no longer
  /// has the addresses, but forwards packets, sends them back: the limit keeps that from becoming a storm.
  private static func forwarding(_ family: IPFamily) -> String {
    let word = family.word
    let type = family == .ipv4 ? "ipv4_addr" : "ipv6_addr"
    let unknown = "\(word) daddr @forwarded tcp flags & syn == 0 ct state new,invalid"
    return """
      table \(word) \(table) {
        flags owner
        set kept { type \(type); flags timeout; }
        map forwarded { type \(type) : \(type); flags timeout; }
        chain prerouting {
          type filter hook prerouting priority -150
          \(word) daddr @kept ct state established
          \(unknown) limit rate 20000/second burst 1000 packets dup to \(word) daddr map @forwarded
          \(unknown) drop
        }
      }

      """
  }

  /// - Parameter known: addresses that the kernel may still be forwarding.
  static func text(for change: HandoverRules.Change, known: Set<IPAddress>) -> String {
    var lines: [String] = []
    switch change {
    case .keep(let addresses):
      for address in addresses {
        for family in address.silentFamilies {
          // Whether it is there already or not, its time begins anew.
          let element = "element \(family) \(table) kept { \(address)"
          lines += ["add \(element) \(lease) }", "delete \(element) }", "add \(element) \(lease) }"]
        }
      }
    case .stopKeeping(let addresses):
      for address in addresses {
        for family in address.silentFamilies {
          let element = "element \(family) \(table) kept { \(address)"
          lines += ["add \(element) \(lease) }", "delete \(element) }"]
        }
      }
    case .forward(let addresses, let predecessor):
      for address in addresses {
        let element = "element \(address.family.word) \(table) forwarded { \(address)"
        if known.contains(address) { lines.append("delete \(element) }") }
        lines.append("add \(element) \(lease) : \(predecessor) }")
      }
    case .stopForwarding(let addresses):
      for address in addresses where known.contains(address) {
        lines.append("delete element \(address.family.word) \(table) forwarded { \(address) }")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension IPFamily {
  /// nft's word.
  fileprivate var word: String { self == .ipv4 ? "ip" : "ip6" }
}

extension IPAddress {
  /// The tables that have a set of what is kept. IPv6's neighbour discovery asks for addresses of the very interface, so
  /// that it is silent by itself.
  fileprivate var silentFamilies: [String] { family == .ipv4 ? ["ip", "arp"] : ["ip6"] }
}
