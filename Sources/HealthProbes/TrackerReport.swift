// What a tracker has to say after a check: what `vipctl status` shows of it, and what the daemon acts on.

/// The state of one tracker after its latest check.
public struct TrackerReport: Sendable, Hashable {
  public var name: String
  /// The key of the cluster file: `process`, `script`, …
  public var kind: String
  /// The judgement, after `rise` and `fall`. Nil until the first check is over.
  public var isUp: Bool?
  /// Whether this check changed `isUp`; the first check always does.
  public var hasChanged = false
  /// The latest check in one line of at most 200 characters, free of control characters: `pid 812`,
  /// `exit status 1: connection refused`, `timed out after 500ms, process group killed`.
  public var detail: String
  /// What the tracker adds to the priority in place of a weight, while it is up; nil for all but files with a number.
  public var worth: Int?
  /// The end of what a script printed, or the beginning of what a server answered, cleaned and cut like the detail but
  /// longer; nil where there was nothing.
  public var output: String?
  public var lastCheckDuration: Duration?
  /// Successful checks in a row up to now; 0 after a failure.
  public var successes = 0
  /// Failed checks in a row up to now; 0 after a success.
  public var failures = 0
  /// All checks since the tracker was started.
  public var checks = 0
  /// How many of them ran into the timeout.
  public var timeouts = 0

  /// The report of a tracker that has not checked anything yet.
  public init(pending definition: TrackerDefinition) {
    name = definition.name
    kind = definition.kind.keyword
    detail = "not checked yet"
  }
}

/// What one check found.
struct CheckResult: Sendable, Hashable {
  enum Verdict: Sendable, Hashable { case success, failure, timeout }

  let verdict: Verdict
  /// One clean line; see ``TrackerReport/detail``.
  let detail: String
  /// See ``TrackerReport/worth``.
  let worth: Int?
  /// See ``TrackerReport/output``.
  let output: String?

  init(_ verdict: Verdict, _ detail: String, worth: Int? = nil, output: String? = nil) {
    self.verdict = verdict
    self.detail = oneLine(detail)
    self.worth = worth
    self.output = output.map { oneLine($0, limit: 500) }
  }
}

/// A report that is kept up to date, with the hysteresis that decides it.
struct RunningReport: Sendable {
  private(set) var report: TrackerReport
  private var hysteresis: Hysteresis

  init(_ definition: TrackerDefinition) {
    report = TrackerReport(pending: definition)
    hysteresis = Hysteresis(rise: definition.rise, fall: definition.fall)
  }

  mutating func record(_ result: CheckResult, took duration: Duration) {
    report.hasChanged = hysteresis.record(success: result.verdict == .success)
    report.isUp = hysteresis.isUp
    report.successes = hysteresis.successes
    report.failures = hysteresis.failures
    report.detail = result.detail
    report.worth = result.worth
    report.output = result.output
    report.lastCheckDuration = duration
    report.checks += 1
    if result.verdict == .timeout { report.timeouts += 1 }
  }
}
