// From root to a user with two capabilities, before any thread exists: the kernel keeps capabilities for each thread, and
// libcap changes the calling one alone.

import CLibcap
import CLinux
import Glibc
import Logging

enum Privileges {
  /// Who the daemon runs as.
  struct Identity {
    var name: String
    var user: uid_t
    var group: gid_t
    /// Whether the process must change to it.
    var isChange: Bool
    /// Whether that is a service's user, and no person.
    var isService: Bool
  }

  /// Who the daemon runs as where there is such a user, and else.
  private static let services = ["vipd", "nobody"]

  /// What the kernel demands for addresses and links, and for raw sockets and frames.
  private static let needed: [cap_value_t] = [cap_value_t(CAP_NET_ADMIN), cap_value_t(CAP_NET_RAW)]

  /// Root becomes the user `vipd`, or `nobody` where there is none; anybody else stays who they are.
  static func identity() throws(StartFailure) -> Identity {
    guard geteuid() == 0 else {
      let name = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "user \(geteuid())"
      return Identity(
        name: name, user: geteuid(), group: getegid(), isChange: false, isService: services.contains(name))
    }
    for name in services {
      if let entry = getpwnam(name) {
        return Identity(
          name: name, user: entry.pointee.pw_uid, group: entry.pointee.pw_gid, isChange: true, isService: true)
      }
    }
    throw .host("there is neither a user vipd nor a user nobody to run as (adduser --system --group vipd)")
  }

  /// Gives up everything but the two capabilities, for good.
  ///
  /// The bounding set keeps those two: with none at all, exec of a program with file capabilities (ping, say, in a check
  /// script) would fail outright. no_new_privs sees to it that nothing started from here gains any.
  ///
  /// - Parameter groups: those that it stays in beside the user's own.
  static func drop(to identity: Identity, keeping groups: [gid_t] = []) throws(StartFailure) {
    if identity.isChange {
      try dropBounding()
      try attempt("keep capabilities", prctl_int(PR_SET_KEEPCAPS, 1))
      let kept = Array(Set(groups + supplementaryGroups(of: identity)).subtracting([0])).sorted()
      try attempt("leave root's groups", setgroups(kept.count, kept))
      try attempt("become user \(identity.name)", become(identity.user, identity.group))
    }
    try keepNeeded()
    try attempt("clear the ambient set", prctl_int(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL)))
    try attempt("refuse new privileges", prctl_int(PR_SET_NO_NEW_PRIVS, 1))
  }

  /// Those that /etc/group has the user in beside its own, such as docker.
  private static func supplementaryGroups(of identity: Identity) -> [gid_t] {
    var groups = [gid_t](repeating: 0, count: 64)
    var count = CInt(groups.count)
    guard getgrouplist(identity.name, identity.group, &groups, &count) >= 0 else { return [] }
    return groups.prefix(Int(count)).filter { $0 != identity.group }
  }

  private static func dropBounding() throws(StartFailure) {
    var capability: cap_value_t = 0
    while cap_get_bound(capability) >= 0 {
      if !needed.contains(capability), cap_get_bound(capability) == 1 {
        try attempt("bound capability \(capability)", cap_drop_bound(capability))
      }
      capability += 1
    }
  }

  private static func keepNeeded() throws(StartFailure) {
    guard let empty = cap_init() else { throw .host("cannot set capabilities: out of memory") }
    defer { cap_free(UnsafeMutableRawPointer(empty)) }
    var values = needed
    for set in [CAP_PERMITTED, CAP_EFFECTIVE] {
      try attempt("choose capabilities", cap_set_flag(empty, set, CInt(values.count), &values, CAP_SET))
    }
    let result = cap_set_proc(empty)
    // A unit may give exactly these, and forbid to ask for any change.
    if result != 0, hasNeededAlone { return }
    try attempt("keep CAP_NET_ADMIN and CAP_NET_RAW", result)
  }

  private static var hasNeededAlone: Bool {
    guard let current = cap_get_proc() else { return false }
    defer { cap_free(UnsafeMutableRawPointer(current)) }
    let all = (0...cap_value_t(CAP_LAST_CAP))
    return [CAP_PERMITTED, CAP_EFFECTIVE].allSatisfy { set in
      all.allSatisfy { isSet($0, set, in: current) == needed.contains($0) }
    }
  }

  private static func isSet(_ capability: cap_value_t, _ set: cap_flag_t, in state: cap_t) -> Bool {
    var value = CAP_CLEAR
    return cap_get_flag(state, capability, set, &value) == 0 && value == CAP_SET
  }

  /// Has the two capabilities outlive the next exec, which takes all but ambient ones from anybody who is not root. The
  /// next `drop` ends that, so that scripts get none.
  ///
  /// - Returns: False with errno.
  static func keepAcrossExec() -> Bool {
    guard let current = cap_get_proc() else { return false }
    defer { cap_free(UnsafeMutableRawPointer(current)) }
    var values = needed
    if !needed.allSatisfy({ isSet($0, CAP_INHERITABLE, in: current) }) {
      guard cap_set_flag(current, CAP_INHERITABLE, CInt(values.count), &values, CAP_SET) == 0,
        cap_set_proc(current) == 0
      else { return false }
    }
    return values.allSatisfy { cap_set_ambient($0, CAP_SET) == 0 }
  }

  private static func attempt(_ what: String, _ result: CInt) throws(StartFailure) {
    guard result != 0 else { return }
    throw .host("cannot \(what): \(String(cString: strerror(errno)))")
  }
}

/// The VRRP thread runs before everything else, and waits for no page to be read back, so that a busy host does not look
/// like a dead one.
enum RealTime {
  /// Asks for SCHED_RR for the calling thread, and for the process's memory to stay where it is. Threads and processes that
  /// it makes are ordinary ones again.
  static func request(_ logger: Logger) {
    // The program before may have left it to this one.
    if !is_real_time(), become_real_time(10) != 0 {
      let cause = String(cString: strerror(errno))
      logger.notice("no real-time scheduling: \(cause) (needs CAP_SYS_NICE or LimitRTPRIO); going on without")
    }
    if lock_memory() != 0 {
      let cause = String(cString: strerror(errno))
      logger.notice(
        "memory is not locked: \(cause) (needs CAP_SYS_RESOURCE or LimitMEMLOCK=infinity); going on without")
    }
  }
}
