// Why this file exists: what all workers must agree on about a backend and a service is one set of
// words for the whole process (design: one truth per process). The words outlive a configuration:
// they belong to a service name and an address.
public import Primitives

/// One backend, as every worker sees it.
@frozen @usableFromInline
package struct BackendShared: Sendable {
  /// Number of the backend in the process; indexes each worker's pools.
  @usableFromInline package let poolIndex: Int
  @usableFromInline let words: SharedWords

  package static func create(poolIndex: Int, workers: Int) -> BackendShared {
    BackendShared(poolIndex: poolIndex, words: .allocate(count: 2 + workers))
  }

  private init(poolIndex: Int, words: SharedWords) {
    self.poolIndex = poolIndex
    self.words = words
  }

  package func destroy() { words.deallocate() }

  /// Requests in flight, from the pick to the last byte or the end of the attempt.
  @inlinable package var active: SharedWord { words[0] }
  /// Connections that are open or being made, pooled ones included.
  @inlinable package var open: SharedWord { words[1] }
  /// Pooled connections of one worker. Written by that worker only.
  @inlinable package func idle(worker: Int) -> SharedCounter { words.counter(2 + worker) }

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

  package static func create(queueIndex: Int, workers: Int) -> ServiceShared {
    ServiceShared(
      queueIndex: queueIndex, workers: workers, words: .allocate(count: 2 + 2 * workers),
      budget: .create())
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

  /// The turn of round robin.
  @inlinable package var sequence: SharedWord { words[0] }
  /// Requests that wait for a connection, all workers together.
  @inlinable package var waiting: SharedWord { words[1] }
  /// Since when the first in a worker's queue waits, in nanoseconds; 0 = nobody does. Written by
  /// that worker only.
  @inlinable package func waitingSince(worker: Int) -> SharedWord { words[2 + worker] }

  /// Not 0: the worker is to look at its queue and its idle connections. Set by anybody, cleared by
  /// the worker.
  @inlinable package func needsAttention(worker: Int) -> SharedWord { words[2 + workers + worker] }

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
