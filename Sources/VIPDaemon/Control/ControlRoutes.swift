// Which request gets which answer. Pure: a request line in, a decision out.

import ControlAPI
import NIOHTTP1

/// What a request asks for.
enum ControlRoute: String, CaseIterable, Sendable {
  case index = "/"
  case health = "/healthz"
  case metrics = "/metrics"
  case status = "/v1/status"
  case events = "/v1/events"
  case history = "/v1/history"
  case reload = "/v1/reload"
  case drain = "/v1/drain"
  case resume = "/v1/resume"
  case upgrade = "/v1/upgrade"

  /// Whether it changes something. Then it is a POST, over the Unix socket alone, which tells who asks.
  var isCommand: Bool {
    switch self {
    case .index, .health, .metrics, .status, .events, .history: false
    case .reload, .drain, .resume, .upgrade: true
    }
  }

  var allowedMethods: String { isCommand ? "POST" : "GET, HEAD" }

  var summary: String {
    switch self {
    case .index: "this list"
    case .health: "200 while this node is fit to hold its addresses; otherwise 503 and what is wrong"
    case .metrics: "Prometheus metrics"
    case .status: "everything that this node knows, as JSON"
    case .events: "what happens, while it happens, as server-sent events"
    case .history: "the last 1,000 transitions, as JSON"
    case .reload: "read the cluster file again (Unix socket only)"
    case .drain: "hand over and stay away; ?for=SECONDS&force=true (Unix socket only)"
    case .resume: "take part again (Unix socket only)"
    case .upgrade: "go on as the program that is installed now (Unix socket only)"
    }
  }

  /// What the request line asks for, or the answer that refuses it.
  static func find(_ method: HTTPMethod, _ uri: String, over transport: ControlTransport)
    -> Result<ControlRoute, ControlResponse>
  {
    let path = String(uri.prefix { $0 != "?" && $0 != "#" })
    guard let route = ControlRoute(rawValue: path) else {
      let known = allCases.map(\.rawValue).joined(separator: ", ")
      return .failure(.refusal(.notFound, "\(readable(path)): no such path; known are \(known)"))
    }
    if method == .POST, transport == .tcp {
      return .failure(
        .refusal(
          .forbidden, "\(path): commands are taken on the Unix socket only, where the kernel says who gives them")
      )
    }
    let isAllowed = route.isCommand ? method == .POST : method == .GET || method == .HEAD
    guard isAllowed else {
      var response = ControlResponse.refusal(
        .methodNotAllowed, "\(path): \(method.rawValue) is not possible here; use \(route.allowedMethods)")
      response.headers.append(("Allow", route.allowedMethods))
      return .failure(response)
    }
    return .success(route)
  }

  /// A stranger's text for an answer: short.
  private static func readable(_ path: String) -> String { path.count <= 80 ? path : path.prefix(80) + "…" }
}

/// What a connection came over.
enum ControlTransport: Sendable {
  case unix
  case tcp
}

/// A whole answer.
struct ControlResponse: Sendable, Error {
  var status: HTTPResponseStatus
  var contentType: String
  var body: [UInt8]
  /// More header fields than each answer has.
  var headers: [(String, String)] = []

  static func text(_ status: HTTPResponseStatus, _ text: String) -> ControlResponse {
    ControlResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
  }

  static func json(_ status: HTTPResponseStatus, _ value: some Encodable) -> ControlResponse {
    do {
      return try ControlResponse(
        status: status, contentType: "application/json", body: ControlJSON.pretty(value) + [UInt8(ascii: "\n")])
    } catch {
      // Of all our values, only a number that is no number cannot be written as JSON.
      return text(.internalServerError, "the answer cannot be written as JSON: \(error)\n")
    }
  }

  /// `{"error": "…"}`
  static func refusal(_ status: HTTPResponseStatus, _ sentence: String) -> ControlResponse {
    json(status, ControlFailure(sentence))
  }

  static let index = text(
    .ok,
    "vipd's control interface\n\n"
      + ControlRoute.allCases.map { route in
        let methodAndPath = "\(route.isCommand ? "POST" : "GET ") \(route.rawValue)"
        return methodAndPath + String(repeating: " ", count: max(1, 20 - methodAndPath.count)) + route.summary + "\n"
      }.joined())

  /// 200 while the node is fit; otherwise 503. A line for each problem either way.
  static func health(_ status: NodeStatus) -> ControlResponse {
    let health = status.assessedHealth
    let lines = [health.fit ? "fit" : "not fit"] + health.problems
    return text(health.fit ? .ok : .serviceUnavailable, lines.joined(separator: "\n") + "\n")
  }

  static func metrics(_ status: NodeStatus) -> ControlResponse {
    ControlResponse(
      status: .ok, contentType: "text/plain; version=0.0.4; charset=utf-8",
      body: Array(PrometheusMetrics.text(for: status).utf8))
  }
}
