// A node that an admin wants out of the way for a while: it hands its addresses over, stays away, and comes back by itself
// or when told to. It remembers that across a restart.

import ControlAPI
import Glibc
import NetworkTypes
import VRRP

/// A drain in force, in the clock that people and reboots share.
public struct DrainOrder: Codable, Sendable, Hashable {
  public var isForced: Bool
  /// Seconds since 1970; nil until it is ended.
  public var until: Double?

  /// How long it lasts from now; nil where it has no end.
  var remaining: Duration? {
    until.map { max(.zero, .milliseconds(Int((($0 - Self.wallClock()) * 1000).rounded(.up)))) }
  }

  init(_ request: DrainRequest) {
    isForced = request.isForced
    until = request.duration.map { Self.wallClock() + Double($0.components.seconds) }
  }

  private static func wallClock() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// Where a drain outlives the daemon.
public protocol DrainMemory: Sendable {
  /// Nil where there is none, or nothing that can be read.
  func load() -> DrainOrder?
  /// - Parameter order: nil to forget.
  func save(_ order: DrainOrder?) throws(ControlFailure)
}

extension FailoverAgent {
  /// How often a drain looks whether a successor was heard.
  private static let glance = Duration.milliseconds(5)

  public func drain(_ request: DrainRequest) async -> Result<String, ControlFailure> {
    guard !isStopping else { return .failure(ControlFailure("vipd is stopping")) }
    let order = DrainOrder(request)
    let held = router.members.filter { $0.router.state.name == .active }.map(\.router.configuration)
    let forgetful = remember(order)
    logger.notice("draining\(request.duration.map { " for \($0.inWords)" } ?? "")")
    tell(.daemon, "drained by an admin\(request.duration.map { " for \($0.inWords)" } ?? "")")
    obey(order, at: Instant.now())
    while router.isLeaving { try? await Task.sleep(for: Self.glance) }
    let kept = held.filter { router[$0.vrid]?.router.state.name == .active }.map(\.name)
    guard kept.isEmpty else {
      let names = kept.joined(separator: ", ")
      return .failure(
        ControlFailure(
          "no other node has taken over \(names), so this one goes on there until one does"
            + " (`vipctl drain --force` lets go all the same)\(forgetful)"))
    }
    let names = held.isEmpty ? "it held nothing" : "\(held.map(\.name).joined(separator: ", ")) handed over"
    let end = request.duration.map { "for \($0.inWords)" } ?? "until `vipctl resume`"
    return .success("\(setup.node) stays away \(end); \(names)\(forgetful)")
  }

  public func resume() async -> Result<String, ControlFailure> {
    guard drainOrder != nil else { return .success("\(setup.node) was not drained") }
    let forgetful = endDrain("an admin has ended the drain", at: Instant.now())
    return .success("\(setup.node) takes part again\(forgetful)")
  }

  /// What was in force when the last vipd ended, if it is not over.
  func recallDrain(at now: Instant) {
    guard let order = setup.drainMemory?.load(), order.remaining != .zero else { return }
    logger.notice("still drained by an admin, as before the restart")
    obey(order, at: now)
  }

  func endDrainInTime(at now: Instant) {
    guard let drainEnd, drainEnd <= now else { return }
    _ = endDrain("the time of the drain is over", at: now)
  }

  private func obey(_ order: DrainOrder, at now: Instant) {
    drainOrder = order
    drainEnd = order.remaining.map { now + $0 }
    process(.drain(isForced: order.isForced), at: now)
    rearm()
  }

  /// - Returns: a word of warning for the admin, or nothing.
  private func endDrain(_ reason: String, at now: Instant) -> String {
    let forgetful = remember(nil)
    drainOrder = nil
    drainEnd = nil
    logger.notice("\(reason)")
    tell(.daemon, reason)
    process(.drain(isForced: nil), at: now)
    rearm()
    return forgetful
  }

  private func remember(_ order: DrainOrder?) -> String {
    do throws(ControlFailure) {
      try setup.drainMemory?.save(order)
      return ""
    } catch {
      logger.error("\(error)")
      return "; but a restart of vipd will not know of it: \(error)"
    }
  }
}
