// One measurement at a time on this machine: two that run side by side measure each other.

import Glibc

public enum ExclusiveMeasurement {
  /// Runs `body` while no other process or task on this machine is inside here; waits for its turn as long as it takes.
  /// Not to be nested.
  @discardableResult
  public static func run<Result>(_ body: () async throws -> Result) async throws -> Result {
    let path = "\(try Journal.base())/measuring.lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw TestbedError("cannot use \(path)", errno: errno) }
    // The kernel gives the lock back when the descriptor is closed, so also when this process dies.
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 { try await Task.sleep(for: .milliseconds(5)) }
    return try await body()
  }
}
