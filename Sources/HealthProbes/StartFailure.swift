// Why a script could not be started, in words that say what to do. The system's answer is one of a few numbers that do
// not tell a missing script from a missing interpreter, so the file itself is looked at.
import CLinux
import Glibc
import Subprocess

struct StartFailure: Sendable {
  /// One sentence that begins with the program's path.
  let reason: String

  init(of program: String, as account: TrackerDefinition.Account?, _ error: SubprocessError) {
    let accessor = Accessor(account: account)
    guard let code = error.underlyingError?.rawValue else {
      reason = "\(program): \(error)"
      return
    }
    let words = systemError(code)
    reason =
      switch code {
      case ENOENT, EACCES, ENOTDIR, ENOEXEC, ELOOP, ENAMETOOLONG, EISDIR, ELIBBAD:
        Self.fileProblem(program, accessor) ?? "\(program): cannot be executed: \(words)"
      case EPERM where account != nil:
        "\(program): cannot become \(accessor.name): \(words) (takes root)"
      case EAGAIN:
        "\(program): \(words) (too many processes of \(accessor.name)?)"
      case EMFILE, ENFILE:
        "\(program): \(words) (raise LimitNOFILE)"
      case ETXTBSY:
        "\(program): \(words) (it is open for writing)"
      default:
        "\(program): \(words)"
      }
  }

  /// What is wrong with the file, or nil where nothing can be found.
  private static func fileProblem(_ program: String, _ accessor: Accessor) -> String? {
    if let problem = accessor.problem(with: program) { return "\(program): \(problem)" }
    guard let head = head(of: program) else { return nil }
    guard head.starts(with: Array("#!".utf8)) else {
      if head.isEmpty { return "\(program): the file is empty" }
      let isELF = head.starts(with: [0x7F] + Array("ELF".utf8))
      return isELF
        ? "\(program): built for another kind of system (or its loader is missing)"
        : "\(program): not a program: its first line is not of the form #!/bin/sh"
    }
    let line = head.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
    let isBlank: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    let path = line.drop(while: isBlank).prefix { !isBlank($0) }
    if path.last == UInt8(ascii: "\r") {
      return "\(program): bad interpreter: its first line ends in a carriage return (saved with Windows line ends)"
    }
    if path.isEmpty { return "\(program): bad interpreter: no program after #!" }
    let interpreter = String(decoding: path, as: UTF8.self)
    return accessor.problem(with: interpreter).map { "\(program): bad interpreter \(interpreter): \($0)" }
  }

  /// As much of a file as the kernel looks at. Nil where it may not be read.
  private static func head(of path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let length = read(file, &bytes, bytes.count)
    return length < 0 ? nil : Array(bytes.prefix(length))
  }
}

/// Somebody who wants to execute a file.
private struct Accessor {
  /// Nil: this process itself.
  let account: TrackerDefinition.Account?

  var name: String { userName(account?.userID ?? geteuid()) }

  /// What keeps it from executing `path`, or nil.
  func problem(with path: String) -> String? {
    if let problem = problemOnTheWay(to: path) { return problem }
    var link = stat()
    guard lstat(path, &link) == 0 else { return systemError(errno) }
    var file = stat()
    guard stat(path, &file) == 0 else {
      let code = errno
      return isKind(link, S_IFLNK) && code == ENOENT ? "a symbolic link to nothing" : systemError(code)
    }
    if isKind(file, S_IFDIR) { return "is a directory" }
    if !isKind(file, S_IFREG) { return "not a regular file" }
    if clinux_is_mounted_noexec(path) { return "permission denied (on a file system that is mounted noexec)" }
    return mayExecute(path, file) ? nil : "permission denied (not executable by \(name))"
  }

  /// Looks at the directories above `path`, the topmost first.
  private func problemOnTheWay(to path: String) -> String? {
    var directory = ""
    for component in path.split(separator: "/").dropLast() {
      directory += "/\(component)"
      var status = stat()
      guard stat(directory, &status) == 0 else {
        let code = errno
        return code == ENOENT ? "\(systemError(code)) (there is no \(directory))" : systemError(code)
      }
      if !isKind(status, S_IFDIR) { return "\(directory) is not a directory" }
      if !mayExecute(directory, status) { return "permission denied (\(name) may not enter \(directory))" }
    }
    return nil
  }

  private func isKind(_ status: stat, _ kind: mode_t) -> Bool { status.st_mode & S_IFMT == kind }

  private func mayExecute(_ path: String, _ status: stat) -> Bool {
    guard let account else { return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 }
    // Nobody can be asked on another's behalf, so the mode has to do.
    let mode = status.st_mode
    if account.userID == 0 { return mode & (isKind(status, S_IFDIR) ? ~0 : 0o111) != 0 }
    if account.userID == status.st_uid { return mode & 0o100 != 0 }
    if account.groupID == status.st_gid { return mode & 0o010 != 0 }
    return mode & 0o001 != 0
  }
}
