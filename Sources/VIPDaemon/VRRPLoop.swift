// The VRRP thread's loop: epoll for descriptors, one timerfd for the next deadline, one eventfd for work from other
// threads. It is also the executor of the actor that lives on it, so that "on the VRRP thread" is something that the
// compiler checks.
//
// Why not SwiftNIO or Task.sleep: the loop must watch netlink and pidfds, which NIO cannot, and pay three system calls
// for a tick instead of fourteen (DESIGN.md, "Decisions").

import CLinux
import Glibc
import HealthProbes
import NetworkTypes
import Synchronization

/// A single-threaded event loop. Whoever calls ``run()`` lends it the thread.
public final class VRRPLoop: SerialExecutor {
  private let epoll: Descriptor
  private let wakeUp: Descriptor
  private let timer: Descriptor
  private let shared = Mutex(Shared())
  /// Touched on the loop's thread alone.
  private nonisolated(unsafe) var local = Local()

  /// What other threads hand over.
  private struct Shared {
    var work: [Work] = []
    var isAwake = false
    var thread: pthread_t?
    var waiters: [CInt: Waiter] = [:]
    var lastWaiter: UInt32 = 0
  }

  private enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct Waiter {
    var id: UInt32
    var continuation: CheckedContinuation<Void, any Error>
  }

  /// What epoll hands back: the descriptor, and for a waiting task its number. A descriptor may have been closed, and its
  /// number given to another one, between the kernel's word and our reading it.
  private struct Registration {
    var descriptor: CInt
    var waiter: UInt32 = 0

    init(_ descriptor: CInt, waiter: UInt32 = 0) {
      self.descriptor = descriptor
      self.waiter = waiter
    }

    init(_ data: epoll_data_t) {
      descriptor = CInt(truncatingIfNeeded: data.u64)
      waiter = UInt32(truncatingIfNeeded: data.u64 >> 32)
    }

    var data: epoll_data_t {
      epoll_data_t(u64: UInt64(waiter) << 32 | UInt64(UInt32(bitPattern: descriptor)))
    }
  }

  private struct Local {
    var handlers: [CInt: () -> Void] = [:]
    var deadlineHandler: (() -> Void)?
    var deadline: Instant?
    var isStopped = false
  }

  public init() throws(VRRPLoopFailure) {
    epoll = try Descriptor(epoll_create1(CInt(EPOLL_CLOEXEC)), "epoll_create1")
    wakeUp = try Descriptor(eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)), "eventfd")
    // Boot time goes on while the machine is suspended: a deadline that passed meanwhile is due on waking.
    timer = try Descriptor(
      timerfd_create(CLOCK_BOOTTIME, CInt(TFD_CLOEXEC | TFD_NONBLOCK)), "timerfd_create")
    for descriptor in [wakeUp, timer] {
      guard add(Registration(descriptor.number), EPOLLIN.rawValue) else {
        throw VRRPLoopFailure(operation: "epoll_ctl", code: errno)
      }
    }
  }

  /// Runs until ``stop()``, on the calling thread.
  public func run() {
    local.isStopped = false
    shared.withLock { $0.thread = pthread_self() }
    var events = [epoll_event](repeating: epoll_event(), count: 64)
    while !local.isStopped {
      let count = epoll_wait(epoll.number, &events, CInt(events.count), -1)
      guard count >= 0 else {
        precondition(errno == EINTR, "epoll_wait: \(String(cString: strerror(errno)))")
        continue
      }
      // What has arrived comes before what is due: a stall of ours must not look like silence of theirs.
      let ready = events.prefix(Int(count)).map { Registration($0.data) }
      for registration in ready where registration.descriptor != timer.number { dispatch(registration) }
      performWork()
      if ready.contains(where: { $0.descriptor == timer.number }) { timerExpired() }
    }
  }

  /// Makes ``run()`` return. On the loop's thread.
  public func stop() { local.isStopped = true }
}

// MARK: - On the loop's thread

extension VRRPLoop {
  /// Calls `handler` whenever `descriptor` is readable. On the loop's thread, or before it runs.
  public func watch(_ descriptor: CInt, handler: @escaping () -> Void) throws(VRRPLoopFailure) {
    guard add(Registration(descriptor), EPOLLIN.rawValue) else {
      throw VRRPLoopFailure(operation: "epoll_ctl", code: errno)
    }
    local.handlers[descriptor] = handler
  }

  /// Calls `handler` when the deadline has come; see ``setDeadline(_:)``.
  public func onDeadline(_ handler: @escaping () -> Void) { local.deadlineHandler = handler }

  /// Sets the one deadline, or (nil) takes it away. A deadline that has passed is due at once.
  public func setDeadline(_ deadline: Instant?) {
    guard deadline != local.deadline else { return }
    local.deadline = deadline
    var setting = itimerspec()
    if let deadline { setting.it_value = timespec(deadline.sinceBoot) }
    timerfd_settime(timer.number, CInt(TFD_TIMER_ABSTIME), &setting, nil)
  }

  private func timerExpired() {
    var expirations: UInt64 = 0
    // Nothing to read: the deadline was moved by what arrived in the same round.
    guard read(timer.number, &expirations, 8) == 8 else { return }
    local.deadline = nil
    local.deadlineHandler?()
  }

  private func dispatch(_ registration: Registration) {
    let descriptor = registration.descriptor
    if registration.waiter != 0 {
      takeWaiter(descriptor, registration.waiter)?.resume()
    } else if descriptor == wakeUp.number {
      var count: UInt64 = 0
      _ = read(wakeUp.number, &count, 8)
    } else {
      local.handlers[descriptor]?()
    }
  }

  /// What was handed over so far. What comes meanwhile waits for the next round, so that no amount of work keeps a
  /// packet or a deadline waiting.
  private func performWork() {
    let work = shared.withLock { shared in
      defer { shared.work = [] }
      return shared.work
    }
    for item in work {
      switch item {
      case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
      case .closure(let closure): closure()
      }
    }
    let hasMore = shared.withLock { shared in
      shared.isAwake = !shared.work.isEmpty
      return shared.isAwake
    }
    if hasMore { wake() }
  }

  private func wake() {
    var one: UInt64 = 1
    _ = write(wakeUp.number, &one, 8)
  }
}

// MARK: - From any thread

extension VRRPLoop {
  public func enqueue(_ job: consuming ExecutorJob) { submit(.job(UnownedJob(job))) }

  /// Runs `closure` on the loop's thread, after what was handed over before.
  public func execute(_ closure: @escaping @Sendable () -> Void) { submit(.closure(closure)) }

  public func checkIsolated() {
    precondition(isOnLoop, "not on the VRRP thread")
  }

  public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

  private var isOnLoop: Bool {
    shared.withLock { shared in shared.thread.map { pthread_equal($0, pthread_self()) != 0 } ?? true }
  }

  private func submit(_ work: Work) {
    let mustWake = shared.withLock { shared in
      shared.work.append(work)
      defer { shared.isAwake = true }
      return !shared.isAwake
    }
    if mustWake { wake() }
  }

  private func add(_ registration: Registration, _ events: UInt32) -> Bool {
    var event = epoll_event(events: events, data: registration.data)
    return epoll_ctl(epoll.number, EPOLL_CTL_ADD, registration.descriptor, &event) == 0
  }
}

// Of a waiting task the book and epoll's must agree at any moment, so both are kept under the lock.
extension VRRPLoop: DescriptorWaiting {
  /// Returns when `descriptor` is readable, once. One task at a time may wait for a descriptor.
  public func untilReadable(_ descriptor: CInt) async throws {
    let id = shared.withLock { shared in
      shared.lastWaiter = shared.lastWaiter == .max ? 1 : shared.lastWaiter + 1
      return shared.lastWaiter
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let failure = shared.withLock { shared -> VRRPLoopFailure? in
          precondition(shared.waiters[descriptor] == nil, "two tasks wait for descriptor \(descriptor)")
          guard add(Registration(descriptor, waiter: id), EPOLLIN.rawValue | EPOLLONESHOT.rawValue) else {
            return VRRPLoopFailure(operation: "epoll_ctl", code: errno)
          }
          shared.waiters[descriptor] = Waiter(id: id, continuation: continuation)
          return nil
        }
        if let failure {
          continuation.resume(throwing: failure)
        } else if Task.isCancelled {
          abandon(descriptor, id)
        }
      }
    } onCancel: {
      abandon(descriptor, id)
    }
  }

  private func abandon(_ descriptor: CInt, _ id: UInt32) {
    takeWaiter(descriptor, id)?.resume(throwing: CancellationError())
  }

  /// Strikes the task out; whoever gets it must resume it. Nil where it was struck out before.
  private func takeWaiter(_ descriptor: CInt, _ id: UInt32) -> CheckedContinuation<Void, any Error>? {
    shared.withLock { shared in
      guard shared.waiters[descriptor]?.id == id else { return nil }
      epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor, nil)
      return shared.waiters.removeValue(forKey: descriptor)?.continuation
    }
  }
}

/// What the kernel refused the loop itself; there is no working without it.
public struct VRRPLoopFailure: Error, CustomStringConvertible {
  var operation: String
  var code: CInt

  public var description: String { "event loop: \(operation): \(String(cString: strerror(code)))" }
}

/// A file descriptor that is closed with its owner.
private final class Descriptor: Sendable {
  let number: CInt

  init(_ number: CInt, _ operation: String) throws(VRRPLoopFailure) {
    guard number >= 0 else { throw VRRPLoopFailure(operation: operation, code: errno) }
    self.number = number
  }

  deinit { close(number) }
}

extension timespec {
  /// Rounded up to the nanosecond, so that a timer never fires before its deadline.
  fileprivate init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = (attoseconds + 999_999_999) / 1_000_000_000
    self.init(
      tv_sec: Int(seconds) + Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}
