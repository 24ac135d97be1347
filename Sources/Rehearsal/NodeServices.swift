// What runs in a node beside the daemon: the stand-ins, started from the `vipctl` that lies beside the running program.

import Glibc

extension TestbedNode {
  /// An HTTP service on all of the node's addresses that answers with the node's name.
  @discardableResult
  public func startHTTPService(port: UInt16 = 80) async throws -> NodeProcess {
    let service = try spawn(Programs.beside("vipctl"), ["stand-in", "http", "--port", "\(port)", "--name", name])
    try await eventually("\(name) listens on port \(port)") {
      guard service.isRunning else {
        throw TestbedError("the HTTP service of \(name)", cause: "it has ended: \(service.log)")
      }
      return try listens(on: port)
    }
    return service
  }

  /// Processes that want every processor all the time, and one that wants so much memory, again and again.
  public func startHogs(memory: String) throws(TestbedError) {
    for _ in 0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)) { try spawn("sh", ["-c", "while :; do :; done"]) }
    // What has no line's end tail keeps whole.
    try spawn("sh", ["-c", "while :; do head -c \(memory) /dev/zero | tail >/dev/null; done"])
  }

  /// A process that does nothing but bear a name.
  @discardableResult
  public func startProcess(named processName: String) throws(TestbedError) -> NodeProcess {
    try spawnStandIn(named: processName, ["process"])
  }

  /// Starts a stand-in as a process of that name.
  func spawnStandIn(named processName: String, _ arguments: [String]) throws(TestbedError) -> NodeProcess {
    let link = "\(runDirectory)/rehearsal/\(processName)"
    if !Files.exists(link) {
      try Files.makeDirectory("\(runDirectory)/rehearsal")
      try Files.link(Programs.beside("vipctl"), at: link)
    }
    return try spawn("/run/rehearsal/\(processName)", ["stand-in"] + arguments)
  }

  /// Whether something in the node listens on a TCP port.
  private func listens(on port: UInt16) throws(TestbedError) -> Bool {
    let holder = try living()
    let hex = String(port, radix: 16, uppercase: true)
    let padded = String(repeating: "0", count: 4 - hex.count) + hex
    return try holder.inNetwork {
      // The local address, and state 0A, which is LISTEN. Only a thread's own view leads into the namespace.
      (Files.read("/proc/thread-self/net/tcp") ?? "").contains(":\(padded) 00000000:0000 0A")
    }
  }
}

// A check script that is not on this machine.
extension TestbedNode {
  /// Puts a stand-in where a check script would be: it asks the HTTP service of its own node.
  ///
  /// The directory above appears changed in this node alone: an overlay whose upper part lies in the node's `/run`.
  func placeCheck(at path: String) throws(TestbedError) {
    let program = try Programs.beside("vipctl")
    // A bind mount, since the way to the real one may be closed to the unprivileged user that checks run as.
    let interpreter = try write("", toRun: "rehearsal/vipctl")
    if try run("mountpoint", ["-q", interpreter]).status != .exited(0) {
      try mount(["--bind", program, interpreter])
    }
    guard let directory = Files.parent(of: path) else { throw TestbedError(path, cause: "is no path of a script") }
    var existing = directory
    while !Files.exists(existing), let parent = Files.parent(of: existing) { existing = parent }
    let layers = "/run/rehearsal/overlay\(path)"
    for layer in ["upper", "work"] { try Files.makeDirectory("\(runDirectory)/rehearsal/overlay\(path)/\(layer)") }
    try mount([
      "-t", "overlay", "overlay", "-o", "lowerdir=\(existing),upperdir=\(layers)/upper,workdir=\(layers)/work",
      existing,
    ])
    let script = "#!\(interpreter) stand-in\n"
    let result = try run(
      "sh", ["-c", "mkdir -p \"$1\" && cat > \"$2\" && chmod 755 \"$2\"", "sh", directory, path], input: script)
    guard result.status.isSuccess else {
      throw TestbedError("cannot place a stand-in for \(path) on \(name)", cause: result.output)
    }
  }

  private func mount(_ arguments: [String]) throws(TestbedError) {
    let result = try run("mount", arguments)
    guard result.status.isSuccess else {
      throw TestbedError("mount \(arguments.joined(separator: " ")) on \(name)", cause: result.output)
    }
  }
}
