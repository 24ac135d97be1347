// What `Packaging/deb` and `Packaging/rpm` have built, and the system that hosts are booted from: `Packaging/test` makes them
// before it runs these tests.

import Glibc
import Testing

enum Packages {
  /// Of the repository.
  static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  static let directory = "\(root)/.build/packages"

  /// The newest file there with this ending.
  static func find(_ ending: String) throws -> String {
    try #require(
      names(in: directory).last { $0.hasSuffix(ending) }.map { "\(directory)/\($0)" }, "no \(ending) in \(directory)")
  }

  /// The system to boot.
  static func image() throws -> String {
    let hosts = "\(root)/.build/hosts"
    let complete = try #require(names(in: hosts).first { $0.hasSuffix(".complete") }, "no system in \(hosts)")
    return "\(hosts)/\(complete.dropLast(".complete".count))"
  }

  private static func names(in path: String) -> [String] {
    guard let listing = opendir(path) else { return [] }
    defer { closedir(listing) }
    var names: [String] = []
    while let entry = readdir(listing) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { name in
          name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names.sorted()
  }
}
