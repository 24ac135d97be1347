// The Unix socket that vipctl talks to. It is bound by plain system calls, in a synchronous function, since the daemon
// must do that before it drops root, and drops root before it has any thread.

import CLinux
import Glibc

/// A listening Unix socket at a path.
///
/// It is a value that names a descriptor: whoever gets it last closes it (``ControlServer`` does).
public struct ControlSocket: Sendable, Hashable {
  public let descriptor: CInt
  public let path: String
  /// Which file this is, so that a successor's at the same path is never taken for ours.
  private let device: dev_t
  private let inode: ino_t

  /// Binds and listens; the socket is for its owner and its group alone (0660).
  ///
  /// The missing last directory of the path is made (0755). A socket that nobody answers at is replaced.
  ///
  /// - Parameters:
  ///   - path: At most 107 bytes, as the kernel has it.
  ///   - owner: Who it shall belong to; nil leaves it to the process's own user and group.
  public static func bind(path: String, owner: (user: uid_t, group: gid_t)? = nil) throws(ControlSocketFailure)
    -> ControlSocket
  {
    let address = try UnixAddress(path)
    // Two daemons that start at once must not both find the same stale socket and remove it.
    let directory = try lockDirectory(of: path)
    defer { close(directory) }
    try removeStaleSocket(address)

    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | socketFlags, 0)
    guard descriptor >= 0 else { throw ControlSocketFailure(path, "cannot make a socket", errno) }
    do throws(ControlSocketFailure) {
      // The file gets the socket's own mode: there is no moment at which others may connect.
      guard fchmod(descriptor, 0o660) == 0, address.call(Glibc.bind, descriptor) == 0 else {
        throw ControlSocketFailure(path, "cannot bind", errno)
      }
      // Again, since the process's umask may have narrowed it.
      guard chmod(path, 0o660) == 0 else { throw ControlSocketFailure(path, "cannot set its mode", errno) }
      if let owner, chown(path, owner.user, owner.group) != 0 {
        throw ControlSocketFailure(path, "cannot give it to user \(owner.user), group \(owner.group)", errno)
      }
      guard Glibc.listen(descriptor, 64) == 0 else { throw ControlSocketFailure(path, "cannot listen", errno) }
      var file = stat()
      guard lstat(path, &file) == 0 else { throw ControlSocketFailure(path, "cannot look at it", errno) }
      return ControlSocket(descriptor: descriptor, path: path, device: file.st_dev, inode: file.st_ino)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Takes over a socket that a program before has bound at `path`.
  ///
  /// - Throws: where there is no such file any more; nobody would find this socket.
  public init(adopting descriptor: CInt, path: String) throws(ControlSocketFailure) {
    var file = stat()
    guard lstat(path, &file) == 0 else { throw ControlSocketFailure(path, "cannot look at it", errno) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    self.init(descriptor: descriptor, path: path, device: file.st_dev, inode: file.st_ino)
  }

  private init(descriptor: CInt, path: String, device: dev_t, inode: ino_t) {
    self.descriptor = descriptor
    self.path = path
    self.device = device
    self.inode = inode
  }

  /// Another descriptor of the same socket, which goes on listening when the first is closed; nil where there is none left.
  public func duplicated() -> ControlSocket? {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    return copy < 0 ? nil : ControlSocket(descriptor: copy, path: path, device: device, inode: inode)
  }

  /// Removes the file, if it is still this socket's. Does not close the descriptor.
  ///
  /// - Returns: False where the file stayed: it is another's now, or this process may not remove it any more. Then it
  ///   is a stale socket, which the next start replaces.
  @discardableResult
  public func removeFile() -> Bool {
    var file = stat()
    guard lstat(path, &file) == 0, file.st_dev == device, file.st_ino == inode else { return false }
    return unlink(path) == 0
  }

  /// Opens the directory of `path`, made if it is missing, and locks it until it is closed.
  private static func lockDirectory(of path: String) throws(ControlSocketFailure) -> CInt {
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    if mkdir(parent, 0o755) != 0, errno != EEXIST {
      throw ControlSocketFailure(path, "cannot make its directory", errno)
    }
    let descriptor = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ControlSocketFailure(path, "cannot open its directory", errno) }
    // Held for as long as the few calls of `bind` take. Anybody may lock a directory that he can read, so it is not
    // waited for, beyond the moment that another vipd may need.
    for _ in 0..<20 where flock(descriptor, LOCK_EX | LOCK_NB) != 0 { usleep(5_000) }
    return descriptor
  }

  /// Makes way at the address, unless somebody lives there.
  private static func removeStaleSocket(_ address: UnixAddress) throws(ControlSocketFailure) {
    var file = stat()
    guard lstat(address.path, &file) == 0 else { return }
    guard file.st_mode & S_IFMT == S_IFSOCK else {
      throw ControlSocketFailure("\(address.path): there is a file that is no socket; remove it, or name another path")
    }
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | socketFlags, 0)
    guard probe >= 0 else { throw ControlSocketFailure(address.path, "cannot make a socket", errno) }
    defer { close(probe) }
    // EAGAIN: somebody lives there, with so many callers that they queue.
    if address.call(Glibc.connect, probe) == 0 || errno == EAGAIN {
      let pid = clinux_peer_process(probe)
      throw ControlSocketFailure(
        "\(address.path): another vipd is running\(pid > 0 ? " (pid \(pid))" : ""); stop it first, or name another path with --control"
      )
    }
    guard errno == ECONNREFUSED else {
      throw ControlSocketFailure(address.path, "cannot tell whether another vipd is running", errno)
    }
    guard unlink(address.path) == 0 else {
      throw ControlSocketFailure(address.path, "cannot remove the socket of a vipd that is gone", errno)
    }
  }
}

/// Why there is no control socket: one sentence with the path, the cause and what to do.
public struct ControlSocketFailure: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }

  init(_ path: String, _ what: String, _ code: CInt) {
    let remedy =
      switch code {
      case EACCES, EPERM, EROFS: " (start vipd as root, or name a path with --control that this user may write to)"
      case ENOENT: " (its parent directory does not exist either; make it, or name another path with --control)"
      default: ""
      }
    description = "\(path): \(what): \(String(cString: strerror(code)))\(remedy)"
  }
}

/// Never inherited by a script; and never waited on.
private let socketFlags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

/// A path in the kernel's form.
private struct UnixAddress {
  let path: String
  private let raw: sockaddr_un

  init(_ path: String) throws(ControlSocketFailure) {
    var raw = sockaddr_un()
    let bytes = Array(path.utf8)
    let room = MemoryLayout.size(ofValue: raw.sun_path) - 1
    guard !bytes.isEmpty, bytes.count <= room, !bytes.contains(0) else {
      throw ControlSocketFailure("\(path): not a path for a socket: it must have 1 to \(room) bytes")
    }
    raw.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &raw.sun_path) { $0.copyBytes(from: bytes) }
    self.path = path
    self.raw = raw
  }

  /// Calls bind or connect with it.
  func call(_ function: (CInt, UnsafePointer<sockaddr>?, socklen_t) -> CInt, _ descriptor: CInt) -> CInt {
    withUnsafePointer(to: raw) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
