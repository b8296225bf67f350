// Why this file exists: a worker that changes a state must not write a log, and the control loop,
// which does, would miss a change that is over before it looks. So workers note changes here, and
// each is told once, with its cause.
package import CircuitBreaking
import Primitives

/// One change of a state that workers cause.
package enum StateEvent: Equatable, Sendable {
  /// - Parameter backend: its number in the process.
  case breaker(backend: Int, BreakerTransition)
  /// - Parameter service: its number in the process.
  case panicBegan(service: Int)
  case panicEnded(service: Int)
}

/// The last changes, in a ring of words: any number of writers that never wait, one reader. A
/// reader that is too slow loses the oldest ones, and knows how many.
///
/// A word holds 16 bits of its number in the row, by which the reader sees that it has been
/// written, 8 of the kind, 16 of the change and 24 of who has changed.
@frozen
package struct StateJournal: Sendable {
  /// As many changes as a thousand backends make at once.
  package static let capacity = 1_024
  /// Numbers of backends and services fit.
  private static let numberMask: UInt64 = 0xFF_FFFF
  private let words: SharedWords

  package static func create() -> StateJournal {
    StateJournal(words: .allocate(count: 8 + capacity))
  }
  private init(words: SharedWords) { self.words = words }

  package func destroy() { words.deallocate() }

  /// Changes noted so far.
  private var count: SharedWord { words[0] }

  package func note(_ event: StateEvent) {
    let number = count.add(1)
    let word = words[8 + Int(number % UInt64(StateJournal.capacity))]
    word.storeReleasing(number << 48 | StateJournal.encode(event))
  }

  /// The changes since `next`, which is moved on; and how many were lost. One thread.
  package func read(
    from next: inout UInt64, _ tell: (StateEvent) -> Void
  ) -> (lost: Int, isComplete: Bool) {
    let last = count.load()
    var lost = 0
    if last - next > UInt64(StateJournal.capacity) {
      lost = Int(last - next) - StateJournal.capacity
      next = last - UInt64(StateJournal.capacity)
    }
    while next < last {
      let number = next + 1
      let word = words[8 + Int(number % UInt64(StateJournal.capacity))].loadAcquiring()
      // Behind: its writer has counted but not written yet. Ahead: it has been written over.
      let ahead = (word >> 48 &- number) & 0xFFFF
      if ahead >= 0x8000 { return (lost, false) }
      if ahead == 0, let event = StateJournal.decode(word) { tell(event) } else { lost += 1 }
      next = number
    }
    return (lost, true)
  }

  private static func encode(_ event: StateEvent) -> UInt64 {
    switch event {
    case .breaker(let backend, let change):
      let detail =
        UInt64(change.from.rawValue) << 12 | UInt64(change.to.rawValue) << 8
        | UInt64(change.cause.rawValue)
      return 1 << 40 | detail << 24 | UInt64(backend) & numberMask
    case .panicBegan(let service): return 2 << 40 | UInt64(service) & numberMask
    case .panicEnded(let service): return 3 << 40 | UInt64(service) & numberMask
    }
  }

  private static func decode(_ word: UInt64) -> StateEvent? {
    let number = Int(word & numberMask)
    switch word >> 40 & 0xFF {
    case 1:
      guard let from = BreakerPhase(rawValue: UInt8(word >> 36 & 0xF)),
        let to = BreakerPhase(rawValue: UInt8(word >> 32 & 0xF)),
        let cause = BreakerCause(rawValue: UInt8(word >> 24 & 0xFF))
      else { return nil }
      return .breaker(backend: number, BreakerTransition(from, to, cause))
    case 2: return .panicBegan(service: number)
    case 3: return .panicEnded(service: number)
    default: return nil
    }
  }
}
