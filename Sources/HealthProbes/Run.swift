// Something that may hang: whoever waits for it loses patience at the timeout, and it does not hold them up.
import NetworkTypes

/// One run, from its start to its end.
final class Run<Outcome: Sendable>: Sendable {
  enum Ending: Sendable {
    case over(Outcome)
    case timedOut
    /// The waiting task was cancelled; the run is still on.
    case cancelled
  }

  private let outcome = OneShot<Outcome>()
  private let task: Task<Void, Never>
  private let started = Instant.now()

  init(_ body: @escaping @Sendable () async -> Outcome) {
    // Not a child task: a run that nothing can end must not hold up the one who waits for it.
    task = Task { [outcome] in outcome.set(await body()) }
  }

  var age: Duration { started.duration(to: .now()) }

  func cancel() { task.cancel() }

  /// Returns when the run is over, when `timeout` is, or when the task is cancelled. The timeout does not run while
  /// the host is suspended: what is checked does not, either.
  func ending(within timeout: Duration) async -> Ending {
    await withTaskGroup(of: Ending?.self) { [outcome] group in
      group.addTask { await outcome.wait().map(Ending.over) }
      group.addTask {
        do {
          try await Task.sleep(for: timeout, clock: .suspending)
          return .timedOut
        } catch {
          return nil
        }
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      // Over at the very last moment is over.
      return first ?? outcome.value.map(Ending.over) ?? .cancelled
    }
  }
}

/// A question to somebody who may never answer: at most one is open at a time.
struct Question<Answer: Sendable>: Sendable {
  /// What becomes of a question that has had no answer in time.
  enum Patience: Sendable {
    /// It is taken back, and asked anew.
    case takeBack
    /// It stays open, and its answer counts when it comes. For somebody who would have to work on every question that was
    /// ever asked, once it wakes up.
    case leaveOpen
  }

  enum Outcome: Sendable {
    case answer(Answer)
    /// For so long by now.
    case silence(Duration)
    /// The task was cancelled.
    case cancelled
  }

  let timeout: Duration
  let patience: Patience
  let body: @Sendable () async -> Answer
  private var open: Run<Answer>?

  init(timeout: Duration, patience: Patience = .takeBack, _ body: @escaping @Sendable () async -> Answer) {
    self.timeout = timeout
    self.patience = patience
    self.body = body
  }

  /// Asks, or goes on waiting for the answer to a question that is open.
  mutating func ask() async -> Outcome {
    let run = open ?? Run(body)
    open = run
    switch await run.ending(within: timeout) {
    case .over(let answer):
      open = nil
      return .answer(answer)
    case .timedOut:
      if case .takeBack = patience { run.cancel() }
      return .silence(run.age)
    case .cancelled:
      return .cancelled
    }
  }

  func takeBack() { open?.cancel() }
}
