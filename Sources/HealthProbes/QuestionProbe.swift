// What the kinds `http`, `tcp` and `docker` have in common: they ask once an interval, and a result is there at the timeout
// at the latest.

struct QuestionProbe: Probe {
  private var question: Question<CheckResult>
  /// What it means that there has been no answer for so long.
  private let silence: @Sendable (Duration) -> String

  init(
    timeout: Duration, patience: Question<CheckResult>.Patience = .takeBack,
    silence: @escaping @Sendable (Duration) -> String = { "no answer within \($0.roughText)" },
    ask: @escaping @Sendable () async -> CheckResult
  ) {
    question = Question(timeout: timeout, patience: patience, ask)
    self.silence = silence
  }

  mutating func check() async -> CheckResult? {
    switch await question.ask() {
    case .answer(let result): result
    case .silence(let age): CheckResult(.timeout, silence(age))
    case .cancelled: nil
    }
  }

  mutating func stop() async { question.takeBack() }
}

extension Duration {
  /// For a length of time that was measured: in tenths of a second from a second on.
  var roughText: String {
    guard self >= .seconds(1) else { return Duration.milliseconds(Int(self / .milliseconds(1))).shortText }
    let tenths = Int((self / .milliseconds(100)).rounded())
    return tenths.isMultiple(of: 10) ? "\(tenths / 10)s" : "\(tenths / 10).\(tenths % 10)s"
  }
}
