// What runs in a node beside the daemon: the stand-ins, started from the `vipctl` that lies beside the running program.

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

  /// A process that does nothing but bear a name.
  @discardableResult
  public func startProcess(named processName: String) throws(TestbedError) -> NodeProcess {
    let link = "\(runDirectory)/rehearsal/\(processName)"
    if !Files.exists(link) {
      try Files.makeDirectory("\(runDirectory)/rehearsal")
      try Files.link(Programs.beside("vipctl"), at: link)
    }
    return try spawn("/run/rehearsal/\(processName)", ["stand-in", "process"])
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
