// Why this file exists: a worker hands its traces to the control loop without waiting for it, and
// without more memory than was planned.
import Primitives

/// Records of traces on their way from one worker to the control loop. One thread puts, one takes.
/// A pointer; who made it frees it.
package struct TraceRing: Sendable {
  /// Records that may wait. Every page is touched only once it is used.
  package static let capacity = 1_024

  /// What they share, each word on a line of its own: records put, records taken, spans that found
  /// no room.
  private let words: SharedWords
  private let memory: SharedWords

  private static let line = 8
  private static let recordWords = TraceRecord.size / 8

  /// Start-up only. Address space for 2 MiB, which is memory as far as it was used.
  package static func create() -> TraceRing {
    TraceRing(
      words: .allocate(count: 3 * line), memory: .reserve(count: (capacity + 1) * recordWords))
  }

  package func destroy() {
    words.deallocate()
    memory.release()
  }

  private var put: SharedWord { words[0] }
  private var taken: SharedWord { words[TraceRing.line] }
  private var dropped: SharedCounter { words.counter(2 * TraceRing.line) }

  private func record(_ place: UInt64) -> TraceRecord {
    TraceRecord(memory.base + Int(place) * TraceRing.recordWords)
  }

  // MARK: The worker's side

  /// Where the next record is to be filled in. Also while there is no room: it is lost then.
  package var next: TraceRecord {
    let count = put.load()
    let isFull = count &- taken.loadAcquiring() == UInt64(TraceRing.capacity)
    return record(isFull ? UInt64(TraceRing.capacity) : count % UInt64(TraceRing.capacity))
  }

  /// Hands over what was filled in, or counts its spans when there was no room. True when the
  /// control loop should come and look: half of the room is taken.
  package func publish(_ filled: TraceRecord) -> Bool {
    let count = put.load()
    if filled.base == record(UInt64(TraceRing.capacity)).base {
      dropped.add(UInt64(filled.spanCount))
      return false
    }
    put.storeReleasing(count &+ 1)  // only differences count
    return count &+ 1 &- taken.load() == UInt64(TraceRing.capacity / 2)
  }

  // MARK: The control loop's side

  /// Records that wait.
  package var waiting: Int { Int(put.loadAcquiring() &- taken.load()) }

  /// The record that waits longest; valid until `drop`.
  package var first: TraceRecord? {
    waiting == 0 ? nil : record(taken.load() % UInt64(TraceRing.capacity))
  }

  /// Gives the room of the first one back.
  package func drop() { taken.storeReleasing(taken.load() &+ 1) }

  /// Spans that found no room.
  package var droppedSpans: UInt64 { dropped.value }
}
