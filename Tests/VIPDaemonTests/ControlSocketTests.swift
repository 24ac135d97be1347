// The Unix socket: who may connect, and who may take its place.

import Glibc
import Logging
import Testing

@testable import VIPDaemon

@Suite(.timeLimit(.minutes(1))) struct ControlSocketTests {
  private let directory = TemporaryDirectory()
  private var path: String { directory.path + "/vipd.sock" }

  @Test func isForOwnerAndGroupAlone() throws {
    let socket = try ControlSocket.bind(path: path)
    defer { close(socket.descriptor) }
    #expect(try mode(of: path) == S_IFSOCK | 0o660)
    #expect(fcntl(socket.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func makesItsDirectory() throws {
    let socket = try ControlSocket.bind(path: directory.path + "/run/vipd.sock")
    defer { close(socket.descriptor) }
    #expect(try mode(of: directory.path + "/run") & ~S_IFMT == 0o755)
  }

  @Test func isGivenToItsOwner() throws {
    let socket = try ControlSocket.bind(path: path, owner: (getuid(), getgid()))
    defer { close(socket.descriptor) }
    guard getuid() == 0 else { return }
    let other = try ControlSocket.bind(path: directory.path + "/run/vipd.sock", owner: (65534, 12))
    defer { close(other.descriptor) }
    var file = stat()
    #expect(lstat(other.path, &file) == 0)
    #expect(file.st_uid == 65534)
    #expect(file.st_gid == 12)
  }

  @Test func refusesWhileAnotherLives() throws {
    let socket = try ControlSocket.bind(path: path)
    defer { close(socket.descriptor) }
    let failure = #expect(throws: ControlSocketFailure.self) { try ControlSocket.bind(path: path) }
    #expect(failure?.description.hasPrefix("\(path): another vipd is running (pid \(getpid()))") == true)
  }

  @Test func replacesAStaleSocket() throws {
    let stale = try ControlSocket.bind(path: path)
    close(stale.descriptor)
    let socket = try ControlSocket.bind(path: path)
    defer { close(socket.descriptor) }
    #expect(try mode(of: path) == S_IFSOCK | 0o660)
  }

  @Test func removesOnlyItsOwnFile() throws {
    let old = try ControlSocket.bind(path: path)
    // The inode number may be given to the next file at once, so the old one stays open under another name.
    #expect(rename(path, directory.path + "/old") == 0)
    defer { unlink(directory.path + "/old") }
    let new = try ControlSocket.bind(path: path)
    defer {
      close(old.descriptor)
      close(new.descriptor)
    }
    #expect(!old.removeFile())
    #expect(try mode(of: path) == S_IFSOCK | 0o660)
    #expect(new.removeFile())
    #expect(access(path, F_OK) != 0)
  }

  @Test func leavesAFileThatIsNoSocketAlone() throws {
    let file = open(path, O_CREAT | O_WRONLY, 0o600)
    close(file)
    let failure = #expect(throws: ControlSocketFailure.self) { try ControlSocket.bind(path: path) }
    #expect(failure?.description.contains("no socket; remove it") == true)
    #expect(access(path, F_OK) == 0)
  }

  @Test(arguments: ["", "/proc/vipd.sock", "/nonexistent/deep/vipd.sock", "/tmp/" + String(repeating: "x", count: 110)])
  func saysWhyAPathIsNotPossible(path: String) {
    let failure = #expect(throws: ControlSocketFailure.self) { try ControlSocket.bind(path: path) }
    #expect(failure?.description.hasPrefix("\(path): ") == true)
  }

  @Test func isRemovedWhenTheServerStops() async throws {
    let socket = try ControlSocket.bind(path: path)
    let server = try ControlServer.start(
      socket: socket, listen: nil, source: FakeDaemon(), logger: Logger(label: "control"))
    #expect(server.tcpAddress == nil)
    await server.stop()
    #expect(access(path, F_OK) != 0)
  }

  private func mode(of path: String) throws -> mode_t {
    var file = stat()
    try #require(lstat(path, &file) == 0)
    return file.st_mode
  }
}
