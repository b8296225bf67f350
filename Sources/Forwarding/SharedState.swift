// Why this file exists: what all workers must agree on about a backend and a service is one set of
// words for the whole process (design: one truth per process). The words outlive a configuration:
// they belong to a service name and an address.
public import CircuitBreaking
public import Health
public import Primitives

/// One backend, as every worker sees it.
@frozen @usableFromInline
package struct BackendShared: Sendable {
  /// Number of the backend in the process; indexes each worker's pools.
  @usableFromInline package let poolIndex: Int
  @usableFromInline let words: SharedWords
  /// The first of them.
  @usableFromInline let first: SharedWord

  // Parts that are written by different occasions lie on different cache lines.
  @usableFromInline static var breakerStart: Int { 8 }
  @usableFromInline static var healthStart: Int { breakerStart + Breaker.wordCount }
  @usableFromInline static var idleStart: Int { healthStart + BackendHealth.wordCount }

  package static func create(poolIndex: Int, workers: Int) -> BackendShared {
    BackendShared(poolIndex: poolIndex, words: .allocate(count: idleStart + workers))
  }

  private init(poolIndex: Int, words: SharedWords) {
    self.poolIndex = poolIndex
    self.words = words
    first = words[0]
  }

  package func destroy() { words.deallocate() }

  /// Requests in flight, from the pick to the last byte or the end of the attempt.
  @inlinable package var active: SharedWord { first }
  /// Connections that are open or being made, pooled ones included.
  @inlinable package var open: SharedWord { first.next(1) }
  /// How long its answers take of late, as a `PeakLatency`; kept up where a balancer reads it.
  @inlinable package var latency: SharedWord { first.next(2) }
  /// How often its breaker went into this phase.
  @inlinable package func transitions(to phase: BreakerPhase) -> SharedWord {
    first.next(3 + Int(phase.rawValue))
  }
  @inlinable package var breaker: Breaker { Breaker(words: first.next(BackendShared.breakerStart)) }
  @inlinable package var health: BackendHealth {
    BackendHealth(words: first.next(BackendShared.healthStart))
  }
  /// It takes no new requests, and its idle connections go.
  @inlinable package var isDraining: Bool { health.gate.isDraining }
  /// Pooled connections of one worker. Written by that worker only.
  @inlinable package func idle(worker: Int) -> SharedCounter {
    words.counter(BackendShared.idleStart + worker)
  }

  package func idleTotal(workers: Int) -> UInt64 {
    (0..<workers).reduce(0) { $0 + idle(worker: $1).value }
  }

  /// Takes one of the `maximum` places for connections; 0 = no maximum.
  @inlinable package func reserve(maximum: UInt32) -> Bool {
    if maximum == 0 {
      open.add(1)
      return true
    }
    var current = open.load()
    while current < UInt64(maximum) {
      let found = open.compareExchange(expected: current, desired: current + 1)
      if found == current { return true }
      current = found
    }
    return false
  }

  @inlinable package func unreserve() {
    let left = open.subtract(1)
    precondition(left != .max, "a connection was given back twice")
  }
}

/// One service, as every worker sees it.
@frozen @usableFromInline
package struct ServiceShared: Sendable {
  /// Number of the service in the process; indexes each worker's queues.
  @usableFromInline package let queueIndex: Int
  @usableFromInline let workers: Int
  @usableFromInline let words: SharedWords
  @usableFromInline package let budget: RetryBudget

  /// Words that belong to one worker each stand behind the others.
  @usableFromInline static var workersStart: Int { 16 }

  package static func create(queueIndex: Int, workers: Int) -> ServiceShared {
    ServiceShared(
      queueIndex: queueIndex, workers: workers,
      words: .allocate(count: workersStart + 2 * workers), budget: .create())
  }

  private init(queueIndex: Int, workers: Int, words: SharedWords, budget: RetryBudget) {
    self.queueIndex = queueIndex
    self.workers = workers
    self.words = words
    self.budget = budget
  }

  package func destroy() {
    words.deallocate()
    budget.destroy()
  }

  // A cache line that every request writes.

  /// The turn of balancers that go round.
  @inlinable package var sequence: SharedWord { words[0] }
  /// Requests in flight at all backends together; kept up where a balancer bounds parts of it.
  @inlinable package var total: SharedWord { words[1] }

  // A cache line that every request reads, and few write.

  /// Requests that wait for a connection, all workers together.
  @inlinable package var waiting: SharedWord { words[8] }
  /// Counts changes of the backends' states; see `noteChange`.
  @inlinable package var version: SharedWord { words[9] }
  /// Whose turn it is to eject a backend: see `BackendHealth.eject`.
  @inlinable package var ejectionTurn: SharedWord { words[10] }
  /// Whether health is ignored: see `Panic`.
  @inlinable package var panic: SharedWord { words[11] }
  /// How often that has begun.
  @inlinable package var panics: SharedWord { words[13] }
  /// 1 while a worker looks at all backends: see `BackendPool`.
  var sweeping: SharedWord { words[12] }

  /// Some backend may, or may not, be sent requests any more: whoever picks next looks at all of
  /// them. To be called after the state has been written.
  @inlinable package func noteChange() { version.addReleasing(1) }

  /// Since when the first in a worker's queue waits, in nanoseconds; 0 = nobody does. Written by
  /// that worker only.
  @inlinable package func waitingSince(worker: Int) -> SharedWord {
    words[ServiceShared.workersStart + worker]
  }

  /// Not 0: the worker is to look at its queue and its idle connections. Set by anybody, cleared by
  /// the worker.
  @inlinable package func needsAttention(worker: Int) -> SharedWord {
    words[ServiceShared.workersStart + workers + worker]
  }

  @inlinable package var hasWaiting: Bool { waiting.load() != 0 }

  /// The worker whose first in the queue has waited longest.
  package func longestWaiting(workers: Int) -> Int? {
    var longest: Int?
    var since = UInt64.max
    for worker in 0..<workers {
      let candidate = waitingSince(worker: worker).load()
      if candidate != 0 && candidate < since {
        since = candidate
        longest = worker
      }
    }
    return longest
  }

  /// Takes one of the `bound` places in the queue.
  @inlinable package func enter(bound: UInt32) -> Bool {
    if waiting.add(1) <= UInt64(bound) { return true }
    waiting.subtract(1)
    return false
  }

  @inlinable package func leave() {
    let left = waiting.subtract(1)
    precondition(left != .max, "a place in the queue was given back twice")
  }
}
