// Why this file exists: a lost request is somebody's order. One whose client behaves and waits must
// be answered whole, unless something in the world itself has come between.

import EventLoop
import Forwarding
import HTTPSemantics
import Primitives

extension PreparedRequest {
  /// Its client sends it at once and waits for what comes. It may end its side behind it, and even
  /// garbage has an answer, if it has an end.
  var isInOrder: Bool {
    var behaved = Mischief()
    behaved.halfCloses = mischief.halfCloses
    if mischief.garbage != .endlessHead { behaved.garbage = mischief.garbage }
    return mischief == behaved
  }
}

extension ClientRef {
  /// The gateway has ended the connection, and the first of what is pending has no whole answer.
  func checkLost() {
    guard let pending = pointee.pending.first, pointee.behaves else { return }
    let world = pointee.world
    let isEnding = network.clock >= world.pointee.begun + world.pointee.scenario.length
    guard let record = world.pointee.ledger.record(pending.id), !isEnding else { return }
    let isExcused: Bool
    if let head = pointee.head, head.attempt >= 0 {
      isExcused = world.mayBeCut(record, head.attempt)
    } else if record.pointee.attempts > 0 {
      isExcused = world.mayBeCut(record)
    } else {
      // An idle connection may be closed while a request is on its way to it, and one above the
      // bound at once.
      isExcused = pointee.answered > 0 || world.pointee.rules.grounds.has(for: .overloaded)
    }
    if !isExcused && !isOvertaken {
      let what = pointee.head == nil ? "no answer" : "half an answer"
      world.fail(.lost, "\(what) to \(world.tell(pending.id, -1, -1))")
    }
  }

  /// A reset has come before what was sent earlier, and the gateway had to send one: an answer
  /// behind this one was cut, or the client has sent on and on.
  private var isOvertaken: Bool {
    guard pointee.peer?.hasLost == true else { return false }
    let bodies = pointee.pending.reduce(0) { $0 + $1.request.pointee.bodyLength }
    if bodies >= Bounds.discardBytes { return true }
    let world = pointee.world
    return pointee.pending.dropFirst().contains { pending in
      world.pointee.ledger.record(pending.id).map { world.mayBeCut($0) } ?? false
    }
  }
}

extension WorldRef {
  /// An answer to it may have been cut: by a backend, by a reset behind it, or by the end of the
  /// time that there is for it.
  fileprivate func mayBeCut(_ record: RecordRef) -> Bool {
    (0..<record.pointee.attempts).contains { mayBeCut(record, $0) }
  }

  fileprivate func mayBeCut(_ record: RecordRef, _ attempt: Int) -> Bool {
    let note = record.pointee.withNote(attempt) { $0 }
    // Nobody can have seen anything of it.
    if note.status == 0 { return false }
    let took = pointee.network.clock - Instant(nanoseconds: record.pointee.begun)
    return note.fault != nil || !note.isWhole || note.mayBeOvertaken
      || took + pointee.rules.lag >= pointee.rules.shortest.patience
  }
}
