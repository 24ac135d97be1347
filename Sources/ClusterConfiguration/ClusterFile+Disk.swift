// The one place of this module that touches the host: a file's bytes, bounded, with every failure in words.

import Glibc

extension ClusterFile {
  /// Reads a file from disk; `-` is standard input.
  /// - Throws: `UnreadableFile` where there is nothing to read; what is wrong with the contents is in the outcome.
  public static func load(path: String) throws(UnreadableFile) -> Outcome {
    parse(bytes: try bytes(ofFileAt: path), fileName: path == "-" ? "<stdin>" : path)
  }

  /// A file's text, for whoever has to show or change lines of it.
  public static func text(ofFileAt path: String) throws(UnreadableFile) -> String {
    String(decoding: try bytes(ofFileAt: path), as: UTF8.self)
  }

  private static func bytes(ofFileAt path: String) throws(UnreadableFile) -> [UInt8] {
    // Without O_NONBLOCK the opening of a FIFO would wait for a writer for ever.
    let descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw UnreadableFile(path: path, doing: "open", errno) }
    defer { close(descriptor) }
    if path != "-" { try requireRegularFile(descriptor, path) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    // One byte more than allowed is enough to tell that there is too much.
    while bytes.count <= YAMLParser.maximumBytes {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw UnreadableFile(path: path, doing: "read", errno)
      }
      bytes += chunk[..<count]
    }
    return bytes
  }

  private static func requireRegularFile(_ descriptor: Int32, _ path: String) throws(UnreadableFile) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw UnreadableFile(path: path, doing: "examine", errno) }
    // A pipe is what a shell's <(…) gives.
    switch status.st_mode & S_IFMT {
    case S_IFREG, S_IFIFO: _ = fcntl(descriptor, F_SETFL, 0)
    case S_IFDIR: throw UnreadableFile(path: path, reason: "is a directory; name the cluster file in it")
    default: throw UnreadableFile(path: path, reason: "is not a file")
    }
  }
}

/// A file that could not be read at all.
public struct UnreadableFile: Error, Sendable, Hashable, CustomStringConvertible {
  public let path: String
  /// In words, with the remedy where there is one.
  public let reason: String

  public var description: String { "\(path): \(reason)" }

  init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  fileprivate init(path: String, doing verb: String, _ code: Int32) {
    let remedy =
      switch code {
      case EACCES: " (it must be readable for the user that runs this)"
      default: ""
      }
    self.init(path: path, reason: "cannot \(verb): \(String(cString: strerror(code)).lowercased())\(remedy)")
  }
}
