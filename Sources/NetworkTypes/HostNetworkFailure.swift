// What the host said when asked to change or use its network, in words for the person who has to mend it.

/// A request that the kernel turned down. Prints as
/// `eth0: cannot add 192.0.2.9/24: operation not permitted (needs CAP_NET_ADMIN)`.
public struct HostNetworkFailure: Error, Sendable, Hashable {
  /// What it is about: an interface's name, mostly.
  public var subject: String
  /// What could not be done, to be read after "cannot".
  public var operation: String
  /// The kernel's reason, lower case, no full stop.
  public var cause: String
  /// What would help, where that is known.
  public var remedy: String?
  /// The kernel's error number (`errno`), for whoever wants to tell one cause from another.
  public var code: Int32

  public init(subject: String, operation: String, cause: String, remedy: String? = nil, code: Int32) {
    self.subject = subject
    self.operation = operation
    self.cause = cause
    self.remedy = remedy
    self.code = code
  }
}

extension HostNetworkFailure: CustomStringConvertible {
  public var description: String {
    "\(subject): cannot \(operation): \(cause)" + (remedy.map { " (\($0))" } ?? "")
  }
}
