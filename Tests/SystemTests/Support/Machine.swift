// How the tests share the machine: those that only wait for something to happen run side by side, a few at a time; those
// that measure how long it took run alone.

import Dispatch
import Rehearsal
import Testing

struct Machine: TestTrait, SuiteTrait, TestScoping {
  enum Share: Sendable {
    case some
    case all
  }

  let share: Share
  /// Those that take minutes begin first, so that the last of all does not run alone for minutes.
  var isLong = false
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Turnstile.one.enter(share, first: isLong)
    do {
      try await withTaskExecutorPreference(Lane()) {
        switch share {
        case .some: try await function()
        case .all: try await ExclusiveMeasurement.run(function)
        }
      }
    } catch {
      await Turnstile.one.leave(share)
      throw error
    }
    await Turnstile.one.leave(share)
  }
}

extension Trait where Self == Machine {
  /// Beside a few others: nothing in it is measured to the millisecond.
  static var sharesTheMachine: Machine { Machine(share: .some) }
  static var sharesTheMachineForMinutes: Machine { Machine(share: .some, isLong: true) }
  /// Alone, since it measures. Comes after all that share.
  static var hasTheMachineToItself: Machine { Machine(share: .all) }
}

/// A thread for each test that runs: it waits for programs without letting go of it, and the pool's threads, of which there
/// are as many as processors, would all be waiting while another test has something to do within milliseconds.
private final class Lane: TaskExecutor {
  private let queue = DispatchQueue(label: "test")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Who may run now.
private actor Turnstile {
  static let one = Turnstile()
  private static let most = 3

  private var sharing = 0
  private var isTaken = false
  private var longWaitingToShare: [CheckedContinuation<Void, Never>] = []
  private var waitingToShare: [CheckedContinuation<Void, Never>] = []
  private var waitingAlone: [CheckedContinuation<Void, Never>] = []

  func enter(_ share: Machine.Share, first: Bool) async {
    await withCheckedContinuation { continuation in
      switch share {
      case .some where first: longWaitingToShare.append(continuation)
      case .some: waitingToShare.append(continuation)
      case .all: waitingAlone.append(continuation)
      }
      admit()
    }
  }

  func leave(_ share: Machine.Share) {
    switch share {
    case .some: sharing -= 1
    case .all: isTaken = false
    }
    admit()
  }

  private func admit() {
    while !isTaken, sharing < Self.most, !longWaitingToShare.isEmpty || !waitingToShare.isEmpty {
      sharing += 1
      (longWaitingToShare.isEmpty ? waitingToShare.removeFirst() : longWaitingToShare.removeFirst()).resume()
    }
    if !isTaken, sharing == 0, !waitingAlone.isEmpty {
      isTaken = true
      waitingAlone.removeFirst().resume()
    }
  }
}
