// What a client may use up. The control interface must not be a way to starve the daemon, or to lock its admin out.

import NIOCore

struct ControlLimits: Sendable {
  /// Open at the same time on one listener; a further one is answered 503. Each listener has its own, so that whatever
  /// happens on TCP, vipctl gets through.
  var connections = 64
  /// Of these, how many may be event streams.
  var eventStreams = 32
  /// A connection's first request must be whole within this time; a body counts.
  var requestTime = TimeAmount.seconds(10)
  /// The same for each further one, from the answer before.
  var idleTime = TimeAmount.seconds(30)
  /// A client must take an answer within this time.
  var writeTime = TimeAmount.seconds(10)
  /// A silent event stream gets a comment this often.
  var keepAlive = TimeAmount.seconds(15)
  /// The VRRP thread's time to say its status. If it takes longer it is in trouble, and whoever asks must hear that.
  var statusTime = TimeAmount.seconds(2)
  /// For how long one status serves all who ask.
  var statusFreshness = TimeAmount.milliseconds(20)
  /// Of a request's header fields together, in bytes.
  var headerSize = 16 << 10
  /// Of a request's body, in bytes. No command has one yet.
  var bodySize = 16 << 10
}

extension ControlLimits {
  /// Those that leave the daemon what it needs.
  /// - Parameter descriptors: how many clients may take, on both listeners together; nil for as many as they like.
  init(descriptors: Int?) {
    self.init()
    guard let descriptors else { return }
    connections = min(connections, max(2, descriptors / 2))
    eventStreams = min(eventStreams, connections / 2)
  }
}
