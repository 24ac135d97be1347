// Who gives a command, and whether he may. The socket's file mode says who may ask; what changes something is root's and the
// admins' to give.

import CLinux
import Glibc
import NIOCore

/// Who made a connection over the Unix socket, as the kernel noted it at that time.
struct ControlCaller: Sendable, Hashable {
  var user: uid_t
  /// All that it is in.
  var groups: Set<gid_t>

  init(user: uid_t, groups: Set<gid_t>) {
    self.user = user
    self.groups = groups
  }

  /// Nil where the kernel does not say.
  init?(of channel: any Channel) {
    let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
      of: NIOBSDSocket.Handle.self, { $0 })
    guard let descriptor else { return nil }
    var user = uid_t.max
    var group = gid_t.max
    // More than the kernel's standard limit for NFS, and than people are in; beyond it, who is an admin needs fewer groups.
    var groups = [gid_t](repeating: gid_t.max, count: 1024)
    let count = clinux_peer_identity(descriptor, &user, &group, &groups, CInt(groups.count))
    guard count >= 0 else { return nil }
    self.init(user: user, groups: Set(groups.prefix(Int(count)) + [group]))
  }

  /// `alice`, or `user 1000` of whom this host knows no name.
  var name: String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return "user \(user)" }
    return String(cString: entry.pw_name)
  }
}

/// Who may give commands: root, the members of a group, and who started the daemon for himself.
public struct ControlAuthority: Sendable {
  public static let adminGroup = "vipd-admin"

  /// The person whose daemon it is; nil where it is the host's.
  private let owner: uid_t?
  /// The number of the group, which may be made while the daemon runs; nil where there is none.
  private let adminGroup: @Sendable () -> gid_t?

  /// - Parameter owner: the person who has started the daemon without being root; nil for a service.
  public init(owner: uid_t? = nil) {
    self.init(owner: owner) { Self.number(ofGroup: Self.adminGroup) }
  }

  init(owner: uid_t? = nil, adminGroup: @escaping @Sendable () -> gid_t?) {
    self.owner = owner
    self.adminGroup = adminGroup
  }

  func allows(_ caller: ControlCaller) -> Bool {
    if caller.user == 0 || caller.user == owner { return true }
    return adminGroup().map(caller.groups.contains) ?? false
  }

  /// A sentence with the remedy.
  static func refusal(of caller: ControlCaller, to verb: String) -> String {
    "\(caller.name) may not \(verb): that is for root and the members of the group \(adminGroup)"
      + " (usermod -aG \(adminGroup) NAME, then log in again)"
  }

  private static func number(ofGroup name: String) -> gid_t? {
    var entry = group()
    var found: UnsafeMutablePointer<group>?
    var buffer = [CChar](repeating: 0, count: 64 << 10)
    guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    return entry.gr_gid
  }
}
