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

  /// Where the daemon tells what happens.
  var events: EventBroadcaster { get }
}
