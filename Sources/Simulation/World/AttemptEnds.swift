// Why this file exists: what an attempt says of its backend, as far as the world can know: well,
// badly, or not to be said before its request is over.

import EventLoop
import Primitives

extension WorldRef {
  /// A backend has done with an attempt, well or not.
  func attemptOver(_ link: BackendLinkRef) {
    guard let record = pointee.ledger.record(link.pointee.id) else { return }
    let attempt = link.pointee.attempt
    let note = record.pointee.withNote(attempt) { $0 }
    let backend = link.pointee.backend
    let isGood = note.isWhole && note.status < 500
    // Of what is too long that was said when it began; a tunnel has no length.
    if isGood, note.fault != .tooLong || note.status == 101 {
      backend.pointee.watch.sawGood(pickedBy: link.pointee.pickedBy)
    }
    // Some have left whole, and are too much for the gateway or overtaken by a reset: either may
    // be said of them.
    let mayBeBad: Bool
    switch note.fault {
    case .hugeHead, .tooManyInterim, .earlyAndReset, .tooLong: mayBeBad = true
    default: mayBeBad = !isGood
    }
    if mayBeBad {
      sawBad(record, backend, pickedBy: link.pointee.pickedBy)
    } else if !record.pointee.isOver {
      backend.pointee.watch.onTheWay += 1
      let pickedBy = link.pointee.pickedBy
      record.pointee.withNote(attempt) {
        $0.isOnTheWay = true
        $0.pickedBy = pickedBy
        $0.leftAt = pointee.network.clock
      }
    }
  }

  private func sawBad(_ record: RecordRef, _ backend: BackendRef, pickedBy: Instant) {
    backend.pointee.watch.sawBad(
      BadAttempt(
        id: record.pointee.id, ended: pointee.network.clock, pickedBy: pickedBy))
  }

  /// A request is over of which whole answers were on the way. A reset may have overtaken one that
  /// its client did not get, and one that took long may have come behind the end of the gateway's
  /// patience.
  func settleAnswers(_ record: RecordRef, isComplete: Bool) {
    for attempt in 0..<min(record.pointee.attempts, RequestRecord.attemptsKept) {
      let note = record.pointee.withNote(attempt) { note in
        defer { note.isOnTheWay = false }
        return note
      }
      if !note.isOnTheWay { continue }
      let backend = pointee.backends[Int(note.backend)]
      backend.pointee.watch.onTheWay -= 1
      let took = pointee.network.clock - Instant(nanoseconds: record.pointee.begun)
      let isLost = !isComplete || attempt + 1 < record.pointee.attempts
      if isLost || took + pointee.rules.lag >= pointee.rules.shortest.patience {
        sawBad(record, backend, pickedBy: note.pickedBy)
      }
    }
  }
}
