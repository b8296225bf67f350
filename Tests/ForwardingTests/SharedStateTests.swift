// Why this file exists: many parts keep words in one block; two of them meaning the same word would
// be a fault that shows far away.
import CircuitBreaking
import Health
import Primitives
import Testing

@testable import Forwarding

@Suite struct SharedStateTests {
  @Test func `no two parts of a backend share a word, and none ends outside`() {
    let shared = BackendShared.create(poolIndex: 0, workers: 3)
    defer { shared.destroy() }
    var cells = [shared.active, shared.open, shared.latency].map(\.cell)
    cells += [BreakerPhase.closed, .open, .halfOpen].map { shared.transitions(to: $0).cell }
    cells += (0..<3).map { shared.idle(worker: $0).cell }
    let first = shared.words[0]
    cells += (0..<Breaker.wordCount).map { first.next(BackendShared.breakerStart + $0).cell }
    cells += (0..<BackendHealth.wordCount).map { first.next(BackendShared.healthStart + $0).cell }
    #expect(Set(cells).count == cells.count)
    let last = shared.words[shared.words.count - 1].cell
    #expect(cells.allSatisfy { $0 >= first.cell && $0 <= last })
    // Each on a cache line of its own.
    #expect(BackendShared.breakerStart % 8 == 0 && BackendShared.healthStart % 8 == 0)
  }

  @Test func `no two parts of a service share a word`() {
    let shared = ServiceShared.create(queueIndex: 0, workers: 3)
    defer { shared.destroy() }
    var cells = [
      shared.sequence, shared.total, shared.waiting, shared.version, shared.ejectionTurn,
      shared.panic, shared.panics, shared.sweeping,
    ].map(\.cell)
    for worker in 0..<3 {
      cells.append(shared.waitingSince(worker: worker).cell)
      cells.append(shared.needsAttention(worker: worker).cell)
    }
    #expect(Set(cells).count == cells.count)
    // What every request writes is not on the line that every request reads.
    #expect(UInt(bitPattern: shared.total.cell) / 64 != UInt(bitPattern: shared.version.cell) / 64)
  }

  @Test func `a new backend may be sent requests, and its breaker is closed`() {
    let shared = BackendShared.create(poolIndex: 0, workers: 1)
    defer { shared.destroy() }
    let now = Instant(nanoseconds: 5_000_000_000)
    #expect(shared.health.admits(now: now))
    #expect(shared.breaker.gate(now: now, BreakerSettings()) == .admits)
    for index in 0..<BackendHealth.wordCount {
      shared.words[BackendShared.healthStart + index].store(.max)
    }
    #expect(shared.breaker.gate(now: now, BreakerSettings()) == .admits)
    #expect(shared.idle(worker: 0).value == 0)
  }
}
