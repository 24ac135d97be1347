// The files that a rehearsal reads and writes for people.

import Glibc

public enum RehearsalFiles {
  /// A text file's contents.
  public static func read(_ path: String) throws(TestbedError) -> String {
    guard let text = Files.read(path) else { throw TestbedError("cannot read \(path)", errno: errno) }
    return text
  }

  /// Makes the file, or replaces what is in it.
  public static func write(_ text: String, to path: String) throws(TestbedError) { try Files.write(text, to: path) }

  /// A program's path, which must be absolute since nodes work in another directory.
  public static func absolutePath(_ path: String) throws(TestbedError) -> String {
    guard let resolved = realpath(path, nil) else { throw TestbedError(path, errno: errno) }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
