// The few things that the test bed does with files and descriptors.

import Glibc

enum Files {
  /// A file's whole contents as text; nil where it can not be read.
  static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { Glibc.close(descriptor) }
    return String(decoding: drain(descriptor), as: UTF8.self)
  }

  /// Everything up to the end of the file, or up to the point where reading would block.
  static func drain(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }

  static func write(_ text: String, to path: String, flags: Int32 = O_CREAT | O_TRUNC, mode: mode_t = 0o644)
    throws(TestbedError)
  {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, mode)
    guard descriptor >= 0 else { throw TestbedError("cannot write \(path)", errno: errno) }
    defer { Glibc.close(descriptor) }
    let failure = writeAll(text, to: descriptor)
    if failure != 0 { throw TestbedError("cannot write \(path)", errno: failure) }
  }

  /// Returns 0 or the errno.
  static func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return errno }
      rest = rest.dropFirst(count)
    }
    return 0
  }

  /// Makes a directory and what is missing above it.
  static func makeDirectory(_ path: String) throws(TestbedError) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let parent = parent(of: path) else {
      throw TestbedError("cannot make the directory \(path)", errno: errno)
    }
    try makeDirectory(parent)
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw TestbedError("cannot make the directory \(path)", errno: errno)
    }
  }

  static func link(_ target: String, at path: String) throws(TestbedError) {
    guard symlink(target, path) == 0 else { throw TestbedError("cannot make the link \(path)", errno: errno) }
  }

  /// Nil for the root.
  static func parent(of path: String) -> String? {
    guard let slash = path.lastIndex(of: "/"), path.count > 1 else { return nil }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The names in a directory, sorted; none where it can not be read.
  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = Glibc.readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a directory with all that is in it, following no link. What can not be removed stays.
  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      unlink(path)
      return
    }
    for name in names(in: path) { removeTree("\(path)/\(name)") }
    rmdir(path)
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether there is a directory of that name; a link to one is none.
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

/// Calls `body` with a null-terminated array of C strings.
func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
  var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
  pointers.append(nil)
  defer { for pointer in pointers { free(pointer) } }
  return pointers.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("the terminating null is always there") }
    return body(base)
  }
}
