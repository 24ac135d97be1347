// What the control server needs of the daemon, and nothing more: it can be asked, and it is never waited for.

import ControlAPI

/// The daemon, as the control server sees it.
public protocol ControlSource: Sendable {
  /// The node's status now. Asked for at most once at a time and at most every 20 ms, whatever clients do.
  func status() async -> NodeStatus

  /// Reads the cluster file again and puts it in force.
  ///
  /// - Returns: One sentence that says what changed; or why the file was refused, with the old one still in force.
  func reload() async -> Result<String, ControlFailure>

  /// Has the node stay away from all virtual routers.
  ///
  /// - Returns: One sentence that says who has taken over; or who has not, and that this node goes on there.
  func drain(_ request: DrainRequest) async -> Result<String, ControlFailure>

  /// Ends a drain.
  func resume() async -> Result<String, ControlFailure>

  /// Has the installed program take the running one's place.
  func upgrade() async -> Result<String, ControlFailure>

  /// What this node remembers of its transitions.
  var history: TransitionHistory { get }

  /// Where the daemon tells what happens.
  var events: EventBroadcaster { get }
}

/// How an admin wants a node to stay away.
public struct DrainRequest: Sendable, Hashable {
  /// For so long; nil until it is resumed.
  public var duration: Duration?
  /// Lets go even where no other node takes over.
  public var isForced: Bool

  public init(duration: Duration? = nil, isForced: Bool = false) {
    self.duration = duration
    self.isForced = isForced
  }

  /// From a request's query: `for=1800&force=true`, both optional.
  init(query: Substring) throws(ControlFailure) {
    self.init()
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      switch (parts.first, parts.count == 2 ? parts[1] : nil) {
      case ("for", let value?):
        guard let seconds = Int(value), (1...Self.longest).contains(seconds) else {
          throw ControlFailure("for=\(value.prefix(40)): must be a whole number of seconds, 1 to \(Self.longest)")
        }
        duration = .seconds(seconds)
      case ("force", "true"?): isForced = true
      case ("force", "false"?): isForced = false
      default: throw ControlFailure("\(pair.prefix(40)): only for=SECONDS and force=true mean something to a drain")
      }
    }
  }

  /// A year.
  private static let longest = 365 * 24 * 3600
}
