// The measuring client: asks a virtual address every millisecond, each time over a new TCP connection, as many different
// clients would, and keeps account of the answers.
//
// It runs on a thread of its own in a node's network namespace. The thread sleeps between requests: the processors belong
// to the daemons that are being measured.

import CLinux
import Glibc
import Synchronization

public final class TrafficClient: Sendable {
  private let shared: Mutex<TrafficTally>
  private let processorTime = Atomic<Int64>(0)
  private let stopping = Atomic<Bool>(false)
  private let abandoned = Atomic<Bool>(false)
  private let finished = Mutex<TrafficRecord?>(nil)
  private let thread = Mutex<OwnThread?>(nil)

  /// Begins to ask at once.
  ///
  /// - Parameters:
  ///   - node: where the requests come from.
  ///   - address: without prefix length.
  ///   - period: the time from one request to the next.
  ///   - deadline: when a request is given up. During an outage there are `deadline / period` open connections.
  ///   - noticed: the shortest time without an answer that counts as an outage.
  public init(
    from node: TestbedNode, to address: String, port: UInt16 = 80, period: Duration = .milliseconds(1),
    deadline: Duration = .milliseconds(500), noticed: Duration = .milliseconds(5)
  ) throws(TestbedError) {
    guard let target = SocketAddress(address, port: port) else {
      throw TestbedError(address, cause: "not an IP address")
    }
    DescriptorLimit.raise()
    shared = Mutex(TrafficTally(started: .now(), noticed: noticed))
    let holder = try node.living()
    let failure = Mutex<Int32?>(nil)
    let started = OneShot()
    let thread = try OwnThread(named: "vipd-traffic") { [self] in
      guard vipd_enter_network(holder.descriptor) == 0, let loop = RequestLoop(target, period, deadline) else {
        failure.withLock { $0 = errno }
        return started.signal()
      }
      started.signal()
      _ = vipd_schedule_thread_promptly(1)  // without the privilege for it, it measures less precisely
      run(loop)
    }
    self.thread.withLock { $0 = thread }
    started.wait()
    if let number = failure.withLock({ $0 }) {
      thread.join()
      throw TestbedError("cannot ask \(address) from \(node.name)", errno: number)
    }
    node.beforePowerOff { [weak self] in self?.abandon() }
  }

  /// The account so far.
  public var record: TrafficRecord {
    if let record = finished.withLock({ $0 }) { return record }
    let time = Duration.nanoseconds(processorTime.load(ordering: .relaxed))
    return shared.withLock { $0.record(at: .now(), processorTime: time) }
  }

  /// Who answered last; nil while nobody has, and during an outage.
  public var responder: String? {
    let record = record
    return record.ongoingOutage == nil ? record.responder : nil
  }

  /// Asks no more. Requests that are under way get the time that they are due.
  @discardableResult
  public func stop() -> TrafficRecord {
    stopping.store(true, ordering: .releasing)
    thread.withLock { $0 }?.join()
    let record = record
    finished.withLock { $0 = $0 ?? record }
    return record
  }

  /// Stops at once, whatever is under way.
  private func abandon() {
    abandoned.store(true, ordering: .releasing)
    stop()
  }

  /// Waits until a node answers: any, or the one of that name; and, where `duration` is given, has done so for that long
  /// without an outage and without another one's answer.
  public func waitForAnswer(
    from name: String? = nil, for duration: Duration = .zero, within limit: Duration = .seconds(10)
  ) async throws {
    try await eventually(within: limit, "\(name ?? "somebody") answers") {
      let record = record
      guard record.ongoingOutage == nil, let span = record.spans.last else { return false }
      return (name == nil || span.responder == name) && span.last - span.first >= duration
    }
  }

  private func run(_ loop: consuming RequestLoop) {
    while true {
      let isStopping = stopping.load(ordering: .acquiring)
      if isStopping, abandoned.load(ordering: .acquiring) || !loop.hasOpenRequests { return }
      loop.wait()
      shared.withLock { loop.work(&$0, asking: !isStopping) }
      processorTime.store(RequestLoop.threadTime, ordering: .relaxed)
    }
  }
}

/// A signal from one thread to another, once.
final class OneShot: Sendable {
  private let descriptor = eventfd(0, Int32(EFD_CLOEXEC))

  deinit { close(descriptor) }

  func signal() { eventfd_write(descriptor, 1) }

  func wait() {
    var value: eventfd_t = 0
    while eventfd_read(descriptor, &value) < 0, errno == EINTR {}
  }
}

enum DescriptorLimit {
  /// Lets this process have as many descriptors as it may: an outage at 1,000 requests a second needs hundreds.
  static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < 16384 else { return }
    limit.rlim_cur = min(limit.rlim_max, 16384)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
