// Why this file exists: scenarios block, in poll(2) and in waits. The threads on which Swift
// Testing runs everything else are as few as there are cores, so scenarios bring their own.

import Glibc
import Testing

/// Runs jobs on threads that may block; there are as many as are needed at once.
final class BlockingThreads: TaskExecutor, @unchecked Sendable {
  static let shared = BlockingThreads()

  private struct State {
    var jobs: [UnownedJob] = []
    var idle = 0
  }

  private let state = Monitor(State())

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let needsThread = state.update { state in
      state.jobs.append(job)
      return state.jobs.count > state.idle
    }
    if needsThread { _ = Helper { [self] in work() } }
  }

  private func work() {
    while let job = nextJob() {
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }

  /// Nil when there was nothing to do for a while: the thread ends.
  private func nextJob() -> UnownedJob? {
    state.update { $0.idle += 1 }
    try? state.wait("a job", within: 5) { !$0.jobs.isEmpty }
    return state.update { state in
      state.idle -= 1
      return state.jobs.isEmpty ? nil : state.jobs.removeFirst()
    }
  }
}

struct OwnThread: SuiteTrait, TestTrait, TestScoping {
  var isRecursive: Bool { true }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
  }
}

// Scenarios run one after the other within an area, and the areas side by side: few gateways at a
// time, and a time limit that does not count the wait for other tests.

/// What passes between a client and a backend when both behave.
@Suite(.serialized, OwnThread(), .timeLimit(.minutes(3))) enum Traffic {}

/// What is refused or cut, and how.
@Suite(.serialized, OwnThread(), .timeLimit(.minutes(3))) enum Refusals {}

/// Pools, queues, retries and timers.
@Suite(.serialized, OwnThread(), .timeLimit(.minutes(3))) enum Connections {}

/// Which backends get requests, and which none.
@Suite(.serialized, OwnThread(), .timeLimit(.minutes(3))) enum Backends {}

/// What takes its time.
@Suite(.serialized, OwnThread(), .timeLimit(.minutes(3))) enum Endurance {}

/// Commands, life cycle, logs, metrics, administration.
@Suite(.serialized, OwnThread(), .timeLimit(.minutes(3))) enum Operations {}
