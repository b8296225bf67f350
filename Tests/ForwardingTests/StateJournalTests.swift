// Why this file exists: every change is told once, in its order, whoever notes it.
import CircuitBreaking
import Primitives
import Testing

@testable import Forwarding

@Suite struct StateJournalTests {
  private let tripped = BreakerTransition(.closed, .open, .failureRate)

  private func read(_ journal: StateJournal, _ next: inout UInt64) -> [StateEvent] {
    var events: [StateEvent] = []
    _ = journal.read(from: &next) { events.append($0) }
    return events
  }

  @Test func `what is noted is told once, in its order`() {
    let journal = StateJournal.create()
    defer { journal.destroy() }
    var next: UInt64 = 0
    #expect(read(journal, &next) == [])
    let events: [StateEvent] = [
      .breaker(backend: 7, tripped),
      .breaker(backend: 1 << 24 - 1, BreakerTransition(.open, .halfOpen, .waitOver)),
      .breaker(backend: 0, BreakerTransition(.halfOpen, .closed, .trialsSucceeded)),
      .panicBegan(service: 3), .panicEnded(service: 3),
    ]
    for event in events { journal.note(event) }
    #expect(read(journal, &next) == events)
    #expect(read(journal, &next) == [])
    journal.note(.panicBegan(service: 4))
    #expect(read(journal, &next) == [.panicBegan(service: 4)])
  }

  @Test func `a reader that is too slow loses the oldest, and knows how many`() {
    let journal = StateJournal.create()
    defer { journal.destroy() }
    var next: UInt64 = 0
    for backend in 0..<StateJournal.capacity + 10 {
      journal.note(.breaker(backend: backend, tripped))
    }
    var events: [StateEvent] = []
    let result = journal.read(from: &next) { events.append($0) }
    #expect(result.lost == 10)
    #expect(result.isComplete)
    #expect(events.count == StateJournal.capacity)
    #expect(events.first == .breaker(backend: 10, tripped))
    #expect(events.last == .breaker(backend: StateJournal.capacity + 9, tripped))
  }

  @Test func `numbers go round without an event being lost`() {
    let journal = StateJournal.create()
    defer { journal.destroy() }
    var next: UInt64 = 0
    for round in 0..<200 {
      for backend in 0..<700 { journal.note(.breaker(backend: backend, tripped)) }
      let events = read(journal, &next)
      #expect(events.count == 700, "round \(round)")
    }
  }
}
