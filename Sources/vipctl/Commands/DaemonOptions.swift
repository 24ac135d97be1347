// The options by which a command finds its daemon.

import ArgumentParser
import Glibc

struct DaemonOptions: ParsableArguments {
  /// Where vipd listens unless it is told otherwise.
  static let standardSocket = "/run/vipd/vipd.sock"

  @Option(
    help: ArgumentHelp(
      "The daemon's Unix socket.",
      discussion: "Left out: the environment's VIPD_SOCKET, or \(DaemonOptions.standardSocket).", valueName: "path"))
  var socket: String?

  @Option(
    help: ArgumentHelp(
      "Ask over TCP instead, read-only: http://127.0.0.1:9112.",
      discussion: "The daemon listens there if control.listen is set.", valueName: "url"))
  var url: HTTPURL?

  @Option(help: ArgumentHelp("Give up when no answer has come within this many seconds.", valueName: "seconds"))
  var timeout: Double = 2

  mutating func validate() throws {
    guard socket == nil || url == nil else { throw ValidationError("give either --socket or --url, not both") }
    guard (0.001...86_400).contains(timeout) else {
      throw ValidationError("--timeout \(timeout): give a number of seconds above 0, such as 2 or 0.5")
    }
  }

  var client: ControlClient { ControlClient(endpoint, timeout: .milliseconds(Int64(timeout * 1000))) }

  private var endpoint: ControlEndpoint {
    if let url { return .tcp(url) }
    if let socket { return .unix(socket) }
    if let variable = getenv("VIPD_SOCKET"), variable.pointee != 0 { return .unix(String(cString: variable)) }
    return .unix(Self.standardSocket)
  }
}

/// The part of `http://host:port` that matters: which machine, which port.
struct HTTPURL: ExpressibleByArgument, Sendable, Hashable, CustomStringConvertible {
  let host: String
  let port: Int

  /// Reads `http://host`, `http://host:port`, with or without a slash at the end; IPv6 addresses in brackets.
  init?(argument: String) {
    guard argument.hasPrefix("http://") else { return nil }
    var rest = argument.dropFirst("http://".count)
    if rest.last == "/" { rest = rest.dropLast() }
    let bracket = rest.lastIndex(of: "]")
    let colon = rest.lastIndex(of: ":").flatMap { colon in bracket.map { colon > $0 } ?? true ? colon : nil }
    var host = colon.map { rest[..<$0] } ?? rest
    let port = colon.map { Int(rest[rest.index(after: $0)...]) } ?? 9112
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    guard let port, (1...65_535).contains(port), !host.isEmpty, !host.contains(where: { "/?#@".contains($0) })
    else { return nil }
    self.host = String(host)
    self.port = port
  }

  var description: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }
}
