// A stand-in for a container engine: as much of its API as trackers ask, answered by what a file says. Killed, it leaves its
// socket behind, and stopped it lets everybody wait, as the real one does.

import CLinux
import Glibc

/// What a stand-in engine says of itself; the file holds it as `key=value` lines.
public struct EngineState: Sendable, Hashable {
  public enum Quorum: String, Sendable, Hashable {
    case present
    /// Calls that need it fail at once.
    case lost
    /// Calls that need it have no answer, as during an election.
    case hangs
  }

  public var isManager = true
  /// active, pause, drain
  public var availability = "active"
  public var quorum = Quorum.present
  /// Of the one service that it has a container of: the state that it is in; nil for no container.
  public var container: String? = "running"

  public init() {}

  init(_ text: String) {
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
      switch (parts.first, parts.count == 2 ? parts[1] : "") {
      case ("manager", let value): isManager = value == "true"
      case ("availability", let value): availability = value
      case ("quorum", let value): quorum = Quorum(rawValue: value) ?? .present
      case ("container", let value): container = value.isEmpty ? nil : value
      default: break
      }
    }
  }

  var text: String {
    "manager=\(isManager)\navailability=\(availability)\nquorum=\(quorum.rawValue)\ncontainer=\(container ?? "")\n"
  }
}

extension TestbedNode {
  private static let stateFile = "rehearsal/engine"

  /// An engine that answers as one that is well, until it is told otherwise.
  @discardableResult
  public func startEngine(
    _ state: EngineState = EngineState(), named processName: String = "dockerd", socket: String = "/run/docker.sock"
  ) async throws -> NodeProcess {
    let file = try write(state.text, toRun: Self.stateFile)
    let process = try spawnStandIn(named: processName, ["engine", "--socket", socket, "--state", file])
    try await eventually("\(name)'s engine listens") {
      guard process.isRunning else {
        throw TestbedError("the stand-in engine of \(name)", cause: "it has ended: \(process.log)")
      }
      return process.log.contains("listens")
    }
    return process
  }

  /// What it says from now on.
  public func setEngine(_ state: EngineState) throws(TestbedError) { try write(state.text, toRun: Self.stateFile) }
}

struct EngineStandIn {
  private let listener: Int32
  private let stateFile: String

  init(socket path: String, stateFile: String) throws(TestbedError) {
    self.stateFile = stateFile
    unlink(path)
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard let address = SocketAddress(path: path) else { throw TestbedError(path, cause: "is too long for a socket") }
    let bound = address.withPointer { bind(listener, $0, $1) }
    guard bound == 0, listen(listener, 4096) == 0 else { throw TestbedError("cannot listen on \(path)", errno: errno) }
    // As where vipd's user is in the engine's group.
    chmod(path, 0o666)
    _ = Files.writeAll("listens\n", to: 1)
  }

  func run() -> Never {
    signal(SIGPIPE, SIG_IGN)
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { continue }
      // One after the other: nobody asks much. Whoever waits for an answer that does not come keeps its connection.
      if answer(connection) { close(connection) }
    }
  }

  /// - Returns: Whether all has been said.
  private func answer(_ connection: Int32) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(connection, &buffer, buffer.count, 0)
    guard count > 0 else { return true }
    let words = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ", maxSplits: 2)
    let target = words.count > 1 ? String(words[1]) : ""
    guard let (status, body) = reply(to: target, EngineState(Files.read(stateFile) ?? "")) else { return false }
    let head = "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
    _ = Files.writeAll(head + body, to: connection)
    return true
  }

  /// Nil for silence.
  private func reply(to target: String, _ state: EngineState) -> (Int, String)? {
    switch target.prefix(while: { $0 != "?" }) {
    case "/_ping": return (200, "OK")
    case "/info":
      let error = state.quorum == .lost ? "rpc error: The swarm does not have a leader." : ""
      return (
        200,
        #"{"Swarm":{"NodeID":"me","LocalNodeState":"active","ControlAvailable":\#(state.isManager),"Error":"\#(error)"}}"#
      )
    case "/nodes":
      switch state.quorum {
      case .hangs: return nil
      case .lost: return (500, #"{"message":"rpc error: The swarm does not have a leader."}"#)
      case .present: return (200, "[\(node("me", state.availability)),\(node("other", "active", leads: true))]")
      }
    case "/containers/json":
      let containers = state.container.map { #"{"State":"\#($0)","Status":"\#($0) for 3 minutes"}"# }
      return (200, "[\(containers ?? "")]")
    default: return (404, #"{"message":"page not found"}"#)
    }
  }

  private func node(_ id: String, _ availability: String, leads: Bool = false) -> String {
    let leader = leads ? #","Leader":true"# : ""
    return #"{"ID":"\#(id)","Spec":{"Availability":"\#(availability)"},"Description":{"Hostname":"\#(id)"},"#
      + #""ManagerStatus":{"Reachability":"reachable"\#(leader)}}"#
  }
}
