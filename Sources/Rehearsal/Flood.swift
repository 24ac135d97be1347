// As many frames as a forger can send: any bytes, from a thread of its own, without a pause.

import CLinux
import Glibc
import Synchronization

/// Frames that a node sends over and over, as fast as its kernel takes them.
public final class Flood: Sendable {
  private let begin = Moment.now()
  private let shared = Mutex(Shared())

  private struct Shared {
    var isStopping = false
    var hasEnded = false
    var sent = 0
    var failure: Int32 = 0
    var end: Moment?
  }

  /// What a flood came to.
  public struct Record: Sendable, Hashable {
    /// Frames that the kernel took.
    public var sent: Int
    public var duration: Duration

    public var perSecond: Int { Int(Double(sent) / max(duration / .seconds(1), 0.001)) }
  }

  /// Begins at once.
  ///
  /// - Parameter frames: whole Ethernet frames, sent in turn.
  public init(from node: TestbedNode, interface: String = "eth0", _ frames: [[UInt8]]) throws(TestbedError) {
    precondition(!frames.isEmpty, "a flood of nothing")
    let descriptor = try node.living().inNetwork { vipd_open_frame_socket(interface) }
    guard descriptor >= 0 else { throw TestbedError("\(node.name): cannot send frames on \(interface)", errno: errno) }
    node.beforePowerOff { [weak self] in _ = try? self?.stop() }
    do throws(TestbedError) {
      // Not one of the few threads that Swift's tasks share.
      _ = try OwnThread(named: "vipd-flood") { [self] in run(descriptor, frames) }
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// - Returns: How much was sent, after the last frame has left.
  @discardableResult
  public func stop() throws(TestbedError) -> Record {
    shared.withLock { $0.isStopping = true }
    while !shared.withLock({ $0.hasEnded }) { usleep(1000) }
    let (sent, failure, end) = shared.withLock { ($0.sent, $0.failure, $0.end ?? Moment.now()) }
    guard failure == 0 else { throw TestbedError("cannot send a flood", errno: failure) }
    return Record(sent: sent, duration: end - begin)
  }

  private func run(_ descriptor: Int32, _ frames: [[UInt8]]) {
    defer { close(descriptor) }
    let lengths = frames.map { UInt32($0.count) }
    let bytes = frames.flatMap(\.self)
    while true {
      let count = vipd_send_frames(descriptor, bytes, lengths, UInt(lengths.count))
      let code = errno
      let goesOn = shared.withLock { shared in
        if count > 0 { shared.sent += count }
        // A full queue is no failure: it is what a flood fills.
        if count < 0, code != ENOBUFS, code != EAGAIN, code != EINTR { shared.failure = code }
        shared.hasEnded = shared.isStopping || shared.failure != 0
        if shared.hasEnded { shared.end = Moment.now() }
        return !shared.hasEnded
      }
      guard goesOn else { return }
    }
  }
}
