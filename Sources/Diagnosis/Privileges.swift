// The two capabilities that vipd needs: whether this host, or this container, has them to give.

import Glibc

/// What a process may do.
struct Privileges: Sendable, Hashable {
  /// CapEff and CapBnd. capabilities(7)
  var effective: UInt64
  var bounding: UInt64

  private static let needed: [(bit: UInt64, name: String)] = [(12, "NET_ADMIN"), (13, "NET_RAW")]

  /// Of this process.
  static func ofThisProcess() -> Privileges? { SmallFile.text("/proc/self/status").flatMap { Privileges(status: $0) } }

  /// - Parameter status: the text of /proc/PID/status.
  init?(status: String) {
    func value(_ key: String) -> UInt64? {
      status.split(separator: "\n").first { $0.hasPrefix(key + ":") }
        .flatMap { UInt64($0.dropFirst(key.count + 1).filter { !$0.isWhitespace }, radix: 16) }
    }
    guard let effective = value("CapEff"), let bounding = value("CapBnd") else { return nil }
    self.effective = effective
    self.bounding = bounding
  }

  var mayListen: Bool { effective & (1 << 13) != 0 }

  var findings: [Finding] {
    let withheld = Self.needed.filter { bounding & (1 << $0.bit) == 0 }.map(\.name)
    if !withheld.isEmpty {
      return [
        Finding(
          .capabilities, .error, "capabilities",
          seen: "CAP_\(withheld.joined(separator: " and CAP_")) cannot be had here, not even by root",
          why:
            "without NET_RAW vipd cannot speak VRRP, without NET_ADMIN it cannot add an address; a container is given them "
            + "when it is started",
          mend: ["docker run --network host \(withheld.map { "--cap-add \($0)" }.joined(separator: " ")) …"])
      ]
    }
    let missing = Self.needed.filter { effective & (1 << $0.bit) == 0 }.map(\.name)
    guard !missing.isEmpty else { return [] }
    return [
      Finding(
        .capabilities, .note, "capabilities",
        seen:
          "this examination has no CAP_\(missing.joined(separator: " and no CAP_")): what is on the wire and in the firewall "
          + "was not looked at, or not all of it",
        why: "what is wrong there goes unnoticed; vipd itself gets both from its service", mend: ["sudo vipctl doctor"])
    ]
  }
}

/// A tracker's script, as far as its file tells.
enum ScriptFile {
  case good
  case missing
  case notExecutable

  /// vipd's scripts run as a user without privileges: others must be allowed to read and execute.
  static func state(of path: String) -> ScriptFile {
    var information = stat()
    guard stat(path, &information) == 0 else { return errno == ENOENT ? .missing : .good }
    // Whose file it is does not help: vipd's user is nobody's.
    return information.st_mode & 0o001 == 0 ? .notExecutable : .good
  }
}
