// Network namespaces for the tests. They have no name: a descriptor holds each, so that they are gone with the process
// whatever becomes of it.

import CLinux
import Glibc
import Testing

/// A network namespace of the test's own, removed with the last reference to it.
final class TestNamespace {
  private let descriptor: CInt

  /// - Parameter addressDetection: whether IPv6 addresses go through duplicate address detection, as is usual; without
  ///   it link-local addresses are there at once.
  init(addressDetection: Bool = false) throws {
    let home = try openCurrentNamespace()
    defer { close(home) }
    try check(clinux_enter_new_network_namespace(), "unshare")
    defer { returnTo(home) }
    descriptor = try openCurrentNamespace()
    if !addressDetection {
      for scope in ["all", "default"] {
        try writeFile("/proc/sys/net/ipv6/conf/\(scope)/accept_dad", "0")
      }
    }
    try run(["ip", "link", "set", "lo", "up"])
  }

  deinit { close(descriptor) }

  /// Runs `body` with the thread in this namespace. It must not suspend, and cannot, being synchronous.
  func inside<Result>(_ body: () throws -> Result) throws -> Result {
    let home = try openCurrentNamespace()
    defer { close(home) }
    try check(clinux_enter_network_namespace(descriptor), "setns")
    defer { returnTo(home) }
    return try body()
  }

  /// Runs `ip` in this namespace, with words separated by spaces.
  @discardableResult
  func ip(_ words: String) throws -> String {
    try inside { try run(["ip"] + words.split(separator: " ").map(String.init)) }
  }

  /// Runs many `ip` commands in one process.
  func ipBatch(_ commands: [String]) throws {
    let path = "/tmp/vipd-test-\(getpid())-\(descriptor).batch"
    defer { unlink(path) }
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    try check(file, path)
    close(file)
    try writeFile(path, commands.joined(separator: "\n") + "\n")
    try ip("-batch \(path)")
  }

  /// Joins this namespace and another with a cable: `name` here, `peerName` there, both up.
  func connect(_ name: String, to peer: TestNamespace, _ peerName: String) throws {
    let peerPath = "/proc/\(getpid())/fd/\(peer.descriptor)"
    try ip("link add name \(name) type veth peer name \(peerName) netns \(peerPath)")
    try peer.ip("link set \(peerName) up")
    try ip("link set \(name) up")
  }
}

struct SystemCallFailure: Error, CustomStringConvertible {
  let description: String
}

func check(_ status: CInt, _ call: String) throws {
  guard status >= 0 else { throw SystemCallFailure(description: "\(call): \(String(cString: strerror(errno)))") }
}

func writeFile(_ path: String, _ text: String) throws {
  let file = open(path, O_WRONLY | O_CLOEXEC)
  try check(file, path)
  defer { close(file) }
  try check(CInt(write(file, text, text.utf8.count)), path)
}

/// Runs a program to its end and returns what it printed.
@discardableResult
func run(_ words: [String]) throws -> String {
  var ends: [CInt] = [0, 0]
  let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
  try check(socketpair(AF_UNIX, kind, 0, &ends), "socketpair")
  defer { close(ends[0]) }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  defer { arguments.forEach { free($0) } }
  var child = pid_t()
  let code = posix_spawnp(&child, words[0], &actions, nil, &arguments, environ)
  close(ends[1])
  guard code == 0 else { throw SystemCallFailure(description: "\(words[0]): \(String(cString: strerror(code)))") }
  var output: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 4096)
  while case let count = read(ends[0], &chunk, chunk.count), count > 0 { output += chunk[..<count] }
  var status: CInt = 0
  try check(waitpid(child, &status, 0), "waitpid")
  let text = String(decoding: output, as: UTF8.self)
  guard status == 0 else {
    throw SystemCallFailure(description: "\(words.joined(separator: " ")): status \(status): \(text)")
  }
  return text
}

/// Waits until one of the descriptors is readable; false when `seconds` have passed.
func waitUntilReadable(_ descriptors: [CInt], seconds: Int = 10) -> Bool {
  var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  return poll(&entries, nfds_t(entries.count), CInt(seconds * 1000)) > 0
}

/// Looks again and again until `condition` holds; false when `seconds` have passed. Runs the condition on the caller's
/// thread, which it gives back in between.
func eventually(seconds: Int = 10, _ condition: () throws -> Bool) async throws -> Bool {
  let clock = ContinuousClock()
  let limit = clock.now + .seconds(seconds)
  while clock.now < limit {
    if try condition() { return true }
    try await Task.sleep(for: .milliseconds(2))
  }
  return try condition()
}

private func openCurrentNamespace() throws -> CInt {
  let descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
  try check(descriptor, "/proc/thread-self/ns/net")
  return descriptor
}

private func returnTo(_ home: CInt) {
  // A thread that stayed would carry other tests into the wrong network.
  guard clinux_enter_network_namespace(home) == 0 else { fatalError("setns: \(String(cString: strerror(errno)))") }
}
