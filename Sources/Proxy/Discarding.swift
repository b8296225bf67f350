// Why this file exists: a client that has its answer and still sends. `Lingering` says how long it
// is read from; here that is done.
import EventLoop
import Forwarding
import Primitives

extension ClientRef {
  /// Sends FIN and reads on for a while, so that a client that is still sending can read the answer
  /// (RFC 9112 section 9.6).
  func linger() {
    let worker = pointee.worker
    if pointee.hasEnded { return close() }
    pointee.phase = .discarding
    pointee.lingering = Lingering()
    if !pointee.isConsuming { pointee.inbox.destroy(worker.buffers) }
    Stream.shutdownWriting(stream)
    setStop([.backendIsFull, .inboxIsFull], false)
    worker.arm(timer, at: worker.pointee.now + Bounds.discardTime)
  }

  /// Bytes that nobody wants. Behind the last ones the connection is closed, or, while the answer
  /// is on its way, not read from any more.
  func discard(_ count: Int) {
    if pointee.lingering.discard(count) { return }
    if Stream.unacknowledgedBytes(stream) == 0 { close() } else { setStop(.inboxIsFull, true) }
  }

  /// Its answer is out, and a part of it still on its way.
  var isTakingAnswer: Bool {
    pointee.phase == .discarding && Stream.unacknowledgedBytes(stream) > 0
  }

  /// The time of a connection that is only read from is over.
  func discardExpired() {
    let worker = pointee.worker
    let timeouts = worker.pointee.snapshot.pointee.clientTimeouts
    let goesOn = pointee.lingering.goesOn(
      untaken: Stream.unacknowledgedBytes(stream), writeIdle: timeouts.writeIdle,
      minRate: timeouts.minRate, now: worker.pointee.now)
    if !goesOn { return close() }
    worker.arm(timer, at: worker.pointee.now + Bounds.discardTime)
  }
}
