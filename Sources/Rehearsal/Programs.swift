// Where the programs are that a test bed starts.

import Glibc

public enum Programs {
  /// The path of a program that lies beside the running one, as `vipd` beside `vipctl`, and both beside the tests.
  public static func beside(_ name: String) throws(TestbedError) -> String {
    guard let own = ownPath, let directory = Files.parent(of: own) else {
      throw TestbedError("/proc/self/exe", cause: "can not be read", remedy: "mount /proc")
    }
    let path = "\(directory)/\(name)"
    guard access(path, X_OK) == 0 else {
      throw TestbedError(path, cause: systemMessage(errno), remedy: "build or install \(name) in that place")
    }
    return path
  }

  /// The running program's own path.
  static var ownPath: String? {
    guard let path = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(path) }
    return String(cString: path)
  }
}
