// The tracker kind `script`: the schedule of its runs. At most one run exists at a time, and a result is there at the
// timeout at the latest, whatever the script, its children or the file system that it hangs on do.
import Glibc
import NetworkTypes

struct ScriptProbe: Probe {
  /// How long a run that was just killed may take to be gone before the tracker is left without waiting for it.
  private static let farewell = Duration.seconds(1)

  private let script: TrackerDefinition.Script
  private let trackerName: String
  private let timeout: Duration
  private let descriptors: any DescriptorWaiting
  /// The run that is on, or that was killed and may still be there.
  private var run: ScriptRun?

  init(_ script: TrackerDefinition.Script, of definition: TrackerDefinition, descriptors: any DescriptorWaiting) {
    self.script = script
    trackerName = definition.name
    timeout = definition.timeout
    self.descriptors = descriptors
  }

  mutating func check() async -> CheckResult? {
    if let killed = run {
      switch await killed.ending(within: timeout) {
      case .over: run = nil
      case .timedOut:
        guard killed.collectIfForgotten() else { return CheckResult(.timeout, killed.survival) }
        run = nil
      case .cancelled: return nil
      }
    }
    let run = ScriptRun(script, trackerName: trackerName, descriptors: descriptors)
    self.run = run
    switch await run.ending(within: timeout) {
    case .over(let result):
      self.run = nil
      return result
    case .timedOut:
      run.kill()
      return CheckResult(.timeout, "timed out after \(timeout.shortText), \(run.interruption)")
    case .cancelled:
      return nil
    }
  }

  mutating func stop() async {
    guard let run else { return }
    run.kill()
    // A wait in this task, which is cancelled, would be over at once.
    await Task.detached { _ = await run.ending(within: Self.farewell) }.value
  }
}

/// One run of a script, from before its start until nothing of its process group is left.
final class ScriptRun: Sendable {
  private let progress: ScriptProgress
  private let run: Run<CheckResult>

  convenience init(_ script: TrackerDefinition.Script, trackerName: String, descriptors: any DescriptorWaiting) {
    self.init { progress in
      await ScriptExecution(
        script: script, environment: ["VIPD_TRACKER": trackerName], descriptors: descriptors, progress: progress
      ).run()
    }
  }

  init(_ execute: @escaping @Sendable (ScriptProgress) async -> CheckResult) {
    let progress = ScriptProgress()
    self.progress = progress
    run = Run { await execute(progress) }
  }

  /// What to say of a run that is killed at its timeout.
  var interruption: String {
    guard progress.pid != nil else { return "the system has not started it yet" }
    return "process group killed" + (progress.output.lastLine.map { ": \($0)" } ?? "")
  }

  /// What to say of a run that was killed and is still there.
  var survival: String {
    let age = run.age.shortText
    guard let pid = progress.pid else { return "the system has not yet started the run of \(age) ago" }
    return "the run of \(age) ago (pid \(pid)) cannot be killed: it hangs in the kernel"
  }

  /// Whether the process has long ended without anybody noticing. So it is where descriptors had run out at its start:
  /// without a pidfd of its own, Subprocess waits for ever.
  func collectIfForgotten() -> Bool {
    guard let pid = progress.pid, progress.hasEnded, ProcessTable().status(of: pid)?.state == .zombie else {
      return false
    }
    return waitpid(pid, nil, WNOHANG) == pid
  }

  func kill() { run.cancel() }

  func ending(within timeout: Duration) async -> Run<CheckResult>.Ending { await run.ending(within: timeout) }
}
