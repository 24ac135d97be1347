// Secrets that do not stand in the cluster file, which everybody may read: the service manager hands them over as files in a
// directory that only this service sees (systemd.exec(5), "Credentials").

import ClusterConfiguration
import ControlAPI
import Glibc
import VRRP

enum Credentials {
  /// Puts the passwords in that the file only names.
  ///
  /// - Throws: which one is missing or unusable, and what to do about it.
  static func fill(_ cluster: inout ClusterConfiguration) throws(ControlFailure) {
    for index in cluster.virtualRouters.indices {
      guard case .credential(let name)? = cluster.virtualRouters[index].password else { continue }
      let router = cluster.virtualRouters[index].name
      cluster.virtualRouters[index].password = .text(try password(named: name, for: router))
    }
  }

  private static func password(
    named name: String, for router: VirtualRouterName
  ) throws(ControlFailure) -> SimplePassword {
    let subject = "\(router): password: credential \(name)"
    guard let directory = getenv("CREDENTIALS_DIRECTORY").map({ String(cString: $0) }) else {
      throw ControlFailure(
        "\(subject): there are no credentials (add LoadCredential=\(name):PATH to vipd's unit, and restart vipd)")
    }
    let path = "\(directory)/\(name)"
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw ControlFailure(
        "\(subject): \(path): \(String(cString: strerror(errno)))"
          + " (add LoadCredential=\(name):PATH to vipd's unit, and restart vipd)")
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = read(descriptor, &bytes, bytes.count)
    guard count >= 0 else { throw ControlFailure("\(subject): \(path): \(String(cString: strerror(errno)))") }
    // An editor ends the line.
    let line = bytes[..<count].split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let text = line.first, let password = SimplePassword(String(decoding: text, as: UTF8.self)) else {
      throw ControlFailure("\(subject): its first line must have 1 to 8 bytes; VRRPv2 carries 8")
    }
    return password
  }
}
