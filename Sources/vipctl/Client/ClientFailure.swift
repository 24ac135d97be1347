// Why the daemon could not be asked, or would not do it: one sentence with what to do.

import Glibc
import NIOCore

enum ControlEndpoint: Sendable, Hashable, CustomStringConvertible {
  case unix(String)
  case tcp(HTTPURL)

  var description: String {
    switch self {
    case .unix(let path): path
    case .tcp(let url): url.description
    }
  }
}

enum ClientFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// There is nobody to connect to: the code of errno.
  case unreachable(ControlEndpoint, code: CInt)
  /// As `unreachable`, but without a code: a name that cannot be looked up.
  case failed(ControlEndpoint, String)
  case timeout(ControlEndpoint, seconds: String)
  case disconnected(ControlEndpoint)
  /// Something answers, but not as vipd does.
  case notVipd(ControlEndpoint, String)
  /// The daemon says no.
  case refused(status: Int, String)

  var description: String {
    switch self {
    case .unreachable(let endpoint, let code):
      "cannot reach vipd at \(endpoint): \(String(cString: strerror(code)).lowercasedFirst)\(Self.remedy(endpoint, code))"
    case .failed(let endpoint, let reason): "cannot reach vipd at \(endpoint): \(reason)"
    case .timeout(let endpoint, let seconds):
      "vipd at \(endpoint): no answer within \(seconds) s (it is frozen or overloaded: systemctl status vipd)"
    case .disconnected(let endpoint): "vipd at \(endpoint) closed the connection (it stops or restarts)"
    case .notVipd(let endpoint, let reason): "\(endpoint) does not answer as vipd does: \(reason)"
    case .refused(_, let reason): printable(reason)
    }
  }

  private static func remedy(_ endpoint: ControlEndpoint, _ code: CInt) -> String {
    switch (endpoint, code) {
    case (_, EACCES), (_, EPERM): " (use sudo, or become a member of the group that the socket belongs to)"
    case (.unix, _): " (is vipd running? systemctl status vipd)"
    case (.tcp, _): " (is vipd running, and is control.listen set to that address?)"
    }
  }

  /// Whether it may be otherwise in a second.
  var mayPass: Bool {
    switch self {
    case .unreachable(_, let code): code != EACCES && code != EPERM
    case .failed, .notVipd: false
    case .timeout, .disconnected: true
    case .refused(let status, _): status == 503
    }
  }

  /// Whether this is about vipd, rather than about who asks, and how.
  var saysThatVipdIsDown: Bool {
    switch self {
    case .unreachable(_, let code): code != EACCES && code != EPERM
    case .failed, .notVipd: false
    case .timeout, .disconnected, .refused: true
    }
  }
}

extension String {
  /// The C library's messages begin with a capital; ours go on after a colon.
  fileprivate var lowercasedFirst: String {
    prefix(1).lowercased() + dropFirst()
  }
}
