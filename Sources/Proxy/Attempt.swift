// Why this file exists: an attempt holds two things of its backend, a place among the requests in
// flight and a permit of the breaker, and leaves one piece of evidence. All three begin with the
// pick and end here, however the attempt ends.
import Balancing
import CircuitBreaking
import EventLoop
import Forwarding
import Primitives

extension ExchangeRef {
  // MARK: Picking

  /// The choice among a service's backends, as a position in its list; the breaker's permit is held
  /// from here on.
  @inline(__always)
  func pickOne(
    of service: UnsafePointer<ServiceEntry>, in snapshot: UnsafePointer<Snapshot>,
    tried: TriedBackends
  ) -> Pick {
    precondition(!pointee.breakerPermit.isHeld)
    let worker = pointee.worker
    let request = PickRequest(tried: tried, key: pointee.key, now: worker.pointee.now)
    return BackendPool(snapshot, service).pick(
      request, &pointee.breakerPermit, &worker.pointee.random)
  }

  /// Whether the backend at this position takes a request that no balancer has picked it for; the
  /// permit is held if so.
  func isTaken(by position: Int) -> Bool {
    BackendPool(pointee.snapshot, service).admits(
      position - Int(service.pointee.first), now: pointee.worker.pointee.now,
      &pointee.breakerPermit)
  }

  // MARK: Its life

  /// The attempt counts at its backend from here on.
  @inline(__always)
  func beginAttempt(_ position: Int, _ entry: UnsafePointer<BackendEntry>) {
    pointee.picked = Int32(position)
    pointee.tried.insert(position - Int(service.pointee.first))
    let service = service
    pointee.permit = Permit.take(
      entry.pointee.shared.active,
      total: service.pointee.view.countsTotal ? service.pointee.shared.total : nil)
    pointee.isJudged = false
    pointee.record.connectBegun = Instant(nanoseconds: 0)
    patchHead(for: entry)
  }

  /// It counts no more, and what the machine knows of it is evidence.
  @inline(__always)
  func endAttempt() {
    if !pointee.permit.isHeld { return }
    pointee.permit.release()
    judge(pointee.machine.outcome)
  }

  /// It never got a connection, for reasons that say nothing of its backend.
  func abandonAttempt() {
    pointee.permit.release()
    judge(.ignored)
  }

  /// The backend at this position was picked, and is not tried after all.
  func abandonPick(_ position: Int) {
    pointee.picked = Int32(position)
    pointee.isJudged = false
    judge(.ignored)
  }

  /// Gives the breaker's permit back with what came of the attempt, once.
  @inline(__always)
  func judge(_ outcome: AttemptOutcome) {
    if pointee.isJudged { return }
    pointee.isJudged = true
    let worker = pointee.worker
    let service = service
    let begun = begun
    BackendPool(pointee.snapshot, service).conclude(
      Int(pointee.picked) - Int(service.pointee.first), &pointee.breakerPermit, outcome,
      begun: begun, took: took(since: begun), answer: answerStatus, now: worker.pointee.now,
      &worker.pointee.random)
  }

  /// The status of the answer that its backend has begun; 0 = none.
  private var answerStatus: UInt16 {
    record.pointee.answered.nanoseconds == 0 ? 0 : record.pointee.status
  }

  /// The connect, or the head's way on a pooled connection; now, when it has not come to that.
  private var begun: Instant {
    let record = record
    let isPooled = record.pointee.connectBegun.nanoseconds == 0
    let begun = isPooled ? record.pointee.headSent : record.pointee.connectBegun
    return begun.nanoseconds == 0 ? Loop.clock() : begun
  }

  /// How long the backend took: to the head of its answer or the end of the attempt. Without the
  /// time in which the client was still sending, nor that in which it takes the body: neither is
  /// the backend's.
  private func took(since begun: Instant) -> Duration {
    let isAnswered = record.pointee.answered.nanoseconds != 0
    let ended = isAnswered ? record.pointee.answered : Loop.clock()
    return max(.zero, ended - max(begun, pointee.machine.requestCompleteAt))
  }
}
