// A monitoring plugin's answer: one line with performance data, and an exit code. Pure.

import ControlAPI

struct ProbeResult: Sendable, Hashable {
  /// The exit codes that monitoring plugins have agreed on.
  enum Verdict: Int32, Sendable {
    case ok = 0
    case warning = 1
    case critical = 2
    case unknown = 3

    var name: String {
      switch self {
      case .ok: "OK"
      case .warning: "WARNING"
      case .critical: "CRITICAL"
      case .unknown: "UNKNOWN"
      }
    }
  }

  let verdict: Verdict
  /// `VIPD OK - swarm1: OK, holds ingress | active=1;;;0;1 …`
  let line: String

  init(_ status: NodeStatus) {
    let judged = NodeVerdict(status)
    verdict =
      switch judged.level {
      case .good: .ok
      case .warning: .warning
      case .critical: .critical
      }
    let problems = judged.problems.isEmpty ? "" : ": " + judged.problems.joined(separator: "; ")
    line = Self.line(verdict, "\(status.node): \(judged.headline)\(problems)", Self.performanceData(status))
  }

  /// No answer from the daemon is the worst there is; not being allowed to ask says nothing about it.
  init(_ failure: ClientFailure) {
    verdict = failure.saysThatVipdIsDown ? .critical : .unknown
    line = Self.line(verdict, failure.description, [])
  }

  private static func line(_ verdict: Verdict, _ text: String, _ data: [String]) -> String {
    // The bar is what separates the text from the data.
    let text = String(printable(text).map { $0 == "|" ? "/" : $0 })
    return "VIPD \(verdict.name) - \(text)" + (data.isEmpty ? "" : " | " + data.joined(separator: " "))
  }

  private static func performanceData(_ status: NodeStatus) -> [String] {
    var data: [String] = []
    for router in status.virtualRouters {
      let name = "\(router.name)_\(router.family.rawValue)"
      data.append("\(label(name + "_active"))=\(router.state == .active ? 1 : 0);;;0;1")
      data.append("\(label(name + "_priority"))=\(router.effectivePriority);;;0;255")
      data.append("\(label(name + "_transitions"))=\(router.transitions)c")
    }
    data.append("trackers_down=\(status.trackers.count { !$0.up });;;0;\(status.trackers.count)")
    return data
  }

  /// Quoted, and without the characters that mean something in performance data.
  private static func label(_ name: String) -> String {
    "'" + String(printable(name).map { "'=|".contains($0) ? "_" : $0 }) + "'"
  }
}
