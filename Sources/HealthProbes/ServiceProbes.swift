// The tracker kinds `http` and `tcp`: does a service answer, and as it should?

import Glibc

/// What a web server is asked, and what it must answer.
public struct HTTPCheck: Sendable, Hashable {
  public var endpoint: ServiceEndpoint
  /// Nil for plain HTTP.
  public var tls: TLS?
  public var method: String
  /// Path and query.
  public var target: String
  /// The Host header, and whom a certificate must be for.
  public var host: String?
  /// The answers that are good.
  public var statuses: [ClosedRange<Int>]
  /// What the beginning of the body must contain; nil for anything.
  public var body: String?

  public enum TLS: Sendable, Hashable {
    case verified
    /// Whoever has whatever certificate: for a service on this host that has the certificate of a public name.
    case unverified
  }

  public static let goodStatuses = [200...399]

  public init(
    _ endpoint: ServiceEndpoint, tls: TLS? = nil, method: String = "GET", target: String = "/", host: String? = nil,
    statuses: [ClosedRange<Int>] = Self.goodStatuses, body: String? = nil
  ) {
    self.endpoint = endpoint
    self.tls = tls
    self.method = method
    self.target = target
    self.host = host
    self.statuses = statuses
    self.body = body
  }
}

extension QuestionProbe {
  static func http(_ check: HTTPCheck, timeout: Duration) -> QuestionProbe {
    let verifier = check.tls.map { TLSVerifier(verifies: $0 == .verified, name: check.host) }
    let question = HTTPQuestion(
      endpoint: check.endpoint, tls: verifier, method: check.method, target: check.target,
      host: check.host ?? check.endpoint.hostHeader)
    return QuestionProbe(timeout: timeout) {
      do throws(ConversationFailure) {
        return check.judge(try await question.ask(patience: timeout))
      } catch {
        return CheckResult(.failure, "\(check.endpoint): \(error.reason)")
      }
    }
  }

  static func tcp(_ endpoint: ServiceEndpoint, timeout: Duration) -> QuestionProbe {
    QuestionProbe(timeout: timeout) {
      do throws(ConversationFailure) {
        let channel = try await endpoint.connect(patience: timeout) { _ in }
        channel.close(promise: nil)
        return CheckResult(.success, "\(endpoint) accepts connections")
      } catch {
        return CheckResult(error.code == ETIMEDOUT ? .timeout : .failure, "\(endpoint): \(error.reason)")
      }
    }
  }
}

extension HTTPCheck {
  /// What an answer is worth.
  func judge(_ answer: HTTPAnswer) -> CheckResult {
    let status = "HTTP status \(answer.status)"
    guard statuses.contains(where: { $0.contains(answer.status) }) else {
      let words = lastLine(of: answer.body.prefix(200)).map { ": \($0)" } ?? ""
      return CheckResult(.failure, status + (answer.status < 400 ? "" : words))
    }
    if let body, !answer.body.contains(Array(body.utf8)) {
      return CheckResult(.failure, "\(status), but the answer does not contain \"\(body)\"")
    }
    return CheckResult(.success, status)
  }
}

extension ServiceEndpoint: CustomStringConvertible {
  /// As in a URL; of a Unix socket its path.
  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  fileprivate var hostHeader: String {
    switch self {
    case .tcp: description
    case .unix: "localhost"
    }
  }
}
