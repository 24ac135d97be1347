// Stands between many HTTP requests and the daemon's one thread: however many ask, the daemon is asked once, and what it
// said is handed out for a moment longer. It lives on NIO's event loop, so that no thread is made for it.

import ControlAPI
import NIOCore

actor StatusDesk {
  private let source: any ControlSource
  private let eventLoop: any EventLoop
  private let limits: ControlLimits
  private var waiting: [UInt64: EventLoopPromise<NodeStatus>] = [:]
  private var lastTicket: UInt64 = 0
  private var latest: (status: NodeStatus, time: NIODeadline)?
  private var isAsking = false
  private var underWay: Set<String> = []

  nonisolated var unownedExecutor: UnownedSerialExecutor { eventLoop.executor.asUnownedSerialExecutor() }

  init(_ source: any ControlSource, eventLoop: any EventLoop, limits: ControlLimits) {
    self.source = source
    self.eventLoop = eventLoop
    self.limits = limits
  }

  /// The node's status, a few milliseconds old at most. To be called on the event loop.
  ///
  /// - Returns: Fails with a ``ControlResponse`` where the daemon does not answer in time.
  nonisolated func status() -> EventLoopFuture<NodeStatus> {
    let promise = eventLoop.makePromise(of: NodeStatus.self)
    assumeIsolated { $0.enqueue(promise) }
    return promise.futureResult
  }

  /// The transitions that the node remembers.
  nonisolated var history: ControlResponse {
    .json(.ok, TransitionRecord(transitions: source.history.transitions))
  }

  private func enqueue(_ promise: EventLoopPromise<NodeStatus>) {
    if let latest, latest.time + limits.statusFreshness > .now() { return promise.succeed(latest.status) }
    lastTicket += 1
    let ticket = lastTicket
    waiting[ticket] = promise
    let timeout = eventLoop.scheduleTask(in: limits.statusTime) { self.assumeIsolated { $0.giveUp(ticket) } }
    promise.futureResult.whenComplete { _ in timeout.cancel() }
    if !isAsking {
      isAsking = true
      Task { await ask() }
    }
  }

  private func ask() async {
    let status = await source.status()
    isAsking = false
    latest = (status, .now())
    let answered = waiting
    waiting.removeAll()
    for promise in answered.values { promise.succeed(status) }
  }

  private func giveUp(_ ticket: UInt64) {
    waiting.removeValue(forKey: ticket)?.fail(
      ControlResponse.refusal(
        .serviceUnavailable,
        "the VRRP thread has not answered within \(limits.statusTime.nanoseconds / 1_000_000) ms: it hangs or is frozen"
      ))
  }

  enum Command: Sendable {
    case reload
    case drain(DrainRequest)
    case resume
    case upgrade

    var verb: String {
      switch self {
      case .reload: "reload"
      case .drain: "drain"
      case .resume: "resume"
      case .upgrade: "upgrade"
      }
    }
  }

  /// Has the daemon do something. To be called on the event loop. Never fails.
  nonisolated func perform(_ command: Command) -> EventLoopFuture<ControlResponse> {
    let promise = eventLoop.makePromise(of: ControlResponse.self)
    assumeIsolated { $0.start(command, promise) }
    return promise.futureResult
  }

  private func start(_ command: Command, _ promise: EventLoopPromise<ControlResponse>) {
    guard underWay.insert(command.verb).inserted else {
      return promise.succeed(.refusal(.conflict, "another \(command.verb) is under way; ask again when it is done"))
    }
    Task {
      let result =
        switch command {
        case .reload: await source.reload()
        case .drain(let request): await source.drain(request)
        case .resume: await source.resume()
        case .upgrade: await source.upgrade()
        }
      underWay.remove(command.verb)
      latest = nil
      switch result {
      case .success(let message): promise.succeed(.json(.ok, ControlConfirmation(message)))
      case .failure(let failure): promise.succeed(.json(.unprocessableEntity, failure))
      }
    }
  }
}
