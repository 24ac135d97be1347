// Who holds an address when, by what each node's kernel tells the moment it changes. The client sees only whom it reaches;
// this sees two holders at once, too.

import CLinux
import Glibc
import Synchronization

public final class HolderWatch: Sendable {
  /// A node had the address on one of its interfaces, loopback aside.
  public struct Holding: Sendable, Hashable {
    public var node: String
    public var from: Moment
    /// Nil while it still has it.
    public var to: Moment?
  }

  private let state = Mutex(State())
  private let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
  private let thread = Mutex<OwnThread?>(nil)

  private struct State {
    var isStopping = false
    /// By node.
    var sockets: [String: Int32] = [:]
    /// No longer wanted; closed by the thread, which may be waiting on them.
    var retired: [Int32] = []
    /// By address.
    var holdings: [String: [Holding]] = [:]
    var lostEvents = false

    mutating func set(_ address: String, on node: String, held: Bool, at moment: Moment) {
      let last = holdings[address]?.lastIndex { $0.node == node && $0.to == nil }
      if let last {
        if !held { holdings[address]?[last].to = moment }
      } else if held {
        holdings[address, default: []].append(Holding(node: node, from: moment, to: nil))
      }
    }
  }

  deinit { close(wake) }

  /// Watches all nodes of a test bed from now on, beginning with what they hold now.
  public init(_ testbed: Testbed) throws(TestbedError) {
    for node in testbed.nodes where node.isAlive { try begin(node) }
    let thread = try OwnThread(named: "vipd-watch") { [self] in run() }
    self.thread.withLock { $0 = thread }
    testbed.client.beforePowerOff { [weak self] in self?.stop() }
  }

  /// Ends the watch. The end of the test bed does it too.
  public func stop() {
    state.withLock { $0.isStopping = true }
    eventfd_write(wake, 1)
    thread.withLock { $0 }?.join()
  }

  /// All of one address, given without prefix length, by their beginning.
  public func holdings(of address: String) -> [Holding] { state.withLock { $0.holdings[address] ?? [] } }

  /// Whether the kernel told more than could be listened to.
  public var hasGaps: Bool { state.withLock { $0.lostEvents } }

  /// How long two nodes or more held an address at the same time since `begin`, up to `end`.
  public func timeWithTwoHolders(of address: String, from begin: Moment, to end: Moment) -> Duration {
    spans(of: address, from: begin, to: end) { $0 > 1 }.reduce(.zero, +)
  }

  /// For how long at a time the number of holders was such as `isMeant` says, between `begin` and `end`.
  public func spans(
    of address: String, from begin: Moment, to end: Moment, where isMeant: (_ holders: Int) -> Bool
  ) -> [Duration] {
    let clipped = holdings(of: address).map { (max($0.from, begin), min($0.to ?? end, end)) }.filter { $0.0 < $0.1 }
    let changes = clipped.flatMap { [($0.0, 1), ($0.1, -1)] }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
    var spans: [Duration] = []
    var holders = 0
    var since: Moment? = isMeant(0) ? begin : nil
    for (moment, change) in changes + [(end, 0)] {
      holders += change
      switch (since, isMeant(holders) && moment < end) {
      case (let start?, false):
        if start < moment { spans.append(moment - start) }
        since = nil
      case (nil, true): since = moment
      case (_?, true), (nil, false): break
      }
    }
    return spans
  }

  /// Begins with a node that has been booted.
  public func begin(_ node: TestbedNode) throws(TestbedError) {
    let socket = try node.living().inNetwork { vipd_watch_addresses() }
    guard socket >= 0 else { throw TestbedError("cannot watch the addresses of \(node.name)", errno: errno) }
    let held = node.addresses.map(\.address)
    let now = Moment.now()
    state.withLock { state in
      state.sockets[node.name] = socket
      for address in held { state.set(address, on: node.name, held: true, at: now) }
    }
    eventfd_write(wake, 1)
  }

  /// A dead host holds nothing, but its kernel has no words for that.
  public func end(_ node: TestbedNode, at moment: Moment = .now()) {
    state.withLock { state in
      if let socket = state.sockets.removeValue(forKey: node.name) { state.retired.append(socket) }
      for address in Array(state.holdings.keys) { state.set(address, on: node.name, held: false, at: moment) }
    }
    eventfd_write(wake, 1)
  }

  private func run() {
    // What it tells is when it wakes up. Without the privilege it is less precise.
    _ = vipd_schedule_thread_promptly(1)
    var isRunning = true
    while isRunning {
      let sockets = state.withLock { state in
        for socket in state.retired { close(socket) }
        state.retired = []
        return state.sockets
      }
      var waiting = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
      let nodes = Array(sockets.keys)
      waiting += nodes.map { pollfd(fd: sockets[$0] ?? -1, events: Int16(POLLIN), revents: 0) }
      poll(&waiting, nfds_t(waiting.count), 1000)
      let now = Moment.now()
      var value: eventfd_t = 0
      eventfd_read(wake, &value)
      state.withLock { state in
        for (node, entry) in zip(nodes, waiting.dropFirst()) where entry.revents != 0 {
          if state.sockets[node] == entry.fd { Self.read(entry.fd, of: node, at: now, into: &state) }
        }
        isRunning = !state.isStopping
      }
    }
    state.withLock { state in
      for socket in state.retired + Array(state.sockets.values) { close(socket) }
      state.retired = []
      state.sockets = [:]
    }
  }

  private static func read(_ socket: Int32, of node: String, at now: Moment, into state: inout State) {
    var changes = [vipd_address_change](repeating: vipd_address_change(), count: 256)
    while true {
      let count = vipd_read_address_changes(socket, &changes, Int32(changes.count))
      if count < 0 { state.lostEvents = true }
      guard count > 0 else { return }
      for change in changes[..<Int(count)] {
        let bytes = withUnsafeBytes(of: change.address) { Array($0.prefix(change.family == AF_INET ? 4 : 16)) }
        state.set(NodeAddress.text(of: bytes), on: node, held: change.added != 0, at: now)
      }
    }
  }
}
