// Why this file exists: a worker that is behind finishes what it has begun before it begins more.
// A thousand requests that are ready at once, all sent on before the first answer is looked at,
// need a thousand connections to their backends, and each of these has left the processor's cache
// when its answer comes. Sixty-four at a time, the answers of the last round before the requests of
// the next, they need about as many connections, and a third less time.
import EventLoop

/// Who may begin an exchange in the present round of the loop, and who waits for the next ones, in
/// the order in which they came.
struct Turns {
  /// Requests that may begin before the loop has to look at what has become ready meanwhile.
  static let aRound: Int32 = 64

  var left = Turns.aRound
  var first: ClientRef?
  var last: ClientRef?
  var task: RoundTask?
}

/// A client's place among those who wait.
struct Turn {
  /// A request waits in the inbox for its turn to begin.
  var isAwaited = false
  var previous: ClientRef?
  var next: ClientRef?
}

extension WorkerRef {
  /// Whether a request may begin at once: this round has room for it, and nobody waits. One that
  /// its client has sent ahead comes behind those who wait, too.
  @inline(__always)
  func mayBegin() -> Bool {
    if pointee.turns.left == 0 || pointee.turns.first != nil { return false }
    pointee.turns.left -= 1
    if pointee.turns.left == 0 { pointee.turns.task?.start() }
    return true
  }

  func roundBegins() {
    beginCallback()
    pointee.turns.left = Turns.aRound
    while pointee.turns.left > 0, let client = pointee.turns.first {
      pointee.turns.left -= 1
      client.takeTurn()
    }
    if pointee.turns.left > 0 { pointee.turns.task?.stop() }
  }
}

extension ClientRef {
  /// The bytes of its request are in the inbox; it begins when those before it have.
  func awaitTurn() {
    let worker = pointee.worker
    pointee.headBegun = Loop.clock()
    let last = worker.pointee.turns.last
    pointee.turn = Turn(isAwaited: true, previous: last, next: nil)
    if let last { last.pointee.turn.next = self } else { worker.pointee.turns.first = self }
    worker.pointee.turns.last = self
  }

  func takeTurn() {
    leaveTurns()
    beginHead(pointee.headBegun)
    consumeInbox()
    closeAtEnd()
    settle()
  }

  func leaveTurns() {
    let worker = pointee.worker
    let turn = pointee.turn
    pointee.turn = Turn()
    if let next = turn.next {
      next.pointee.turn.previous = turn.previous
    } else {
      worker.pointee.turns.last = turn.previous
    }
    if let previous = turn.previous {
      previous.pointee.turn.next = turn.next
    } else {
      worker.pointee.turns.first = turn.next
    }
  }
}
