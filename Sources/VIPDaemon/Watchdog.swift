// The service manager's watchdog, which the VRRP thread feeds: when it no longer comes round, whoever started the daemon ends
// it and starts it anew.

import NetworkTypes

/// Somebody who wants to hear from the daemon again and again.
public struct Watchdog: Sendable {
  /// From one word to the next: half of what he has the patience for.
  let period: Duration
  let feed: @Sendable () -> Void

  /// - Parameters:
  ///   - patience: after so long a silence he acts.
  ///   - feed: tells him. Called on the VRRP thread, and must not wait.
  public init(patience: Duration, feed: @escaping @Sendable () -> Void) {
    period = patience / 2
    self.feed = feed
  }
}

extension FailoverAgent {
  func feedWatchdog(at now: Instant) {
    guard let watchdog = setup.watchdog, nextFeed.map({ $0 <= now }) ?? true else { return }
    watchdog.feed()
    nextFeed = now + watchdog.period
  }
}
