// Why this file exists: one wake-up at one instant. A worker has one, and its timer wheel sleeps on
// it.

import CLibUV
package import Primitives

/// A timer on a loop. Copies name the same timer. Only for the loop's thread.
package struct Timer {
  private let box: UnsafeMutablePointer<Box>

  package typealias OnFire = @convention(c) (UnsafeMutableRawPointer) -> Void

  private struct Box {
    var handle: uv_timer_t
    var owner: UnsafeMutableRawPointer
    var onFire: OnFire
    /// The loop's time at which it is to fire, in milliseconds.
    var due: UInt64 = 0
    /// It came too late, and lets a round of reading pass first.
    var isHeldBack = false
  }

  /// So many milliseconds late it is when the machine stood still, the process was stopped, or it
  /// got no processor. libuv has timers fire before sockets are read: a peer whose bytes came in
  /// time and were not read yet would be late.
  private static let standstill: UInt64 = 100

  /// Makes a timer that is not started. `owner` comes back as `onFire`'s argument.
  package static func create(
    _ loop: Loop, owner: UnsafeMutableRawPointer, onFire: @escaping OnFire
  ) -> Timer {
    let box = UnsafeMutablePointer<Box>.allocate(capacity: 1)
    box.initialize(to: Box(handle: uv_timer_t(), owner: owner, onFire: onFire))
    // Cannot fail: it only fills in the handle.
    _ = uv_timer_init(loop.raw, handle(box))
    return Timer(box: box)
  }

  /// Fires once, in the first round that begins at or after `deadline`, never before it; after a
  /// standstill of the loop in the round after that, when what has come meanwhile was read.
  /// Starting again replaces the deadline. One in the past fires in the next round.
  /// `.distantFuture` stops it.
  package func start(at deadline: Instant) {
    guard deadline < .distantFuture else { return stop() }
    // libuv counts whole milliseconds from the time it has cached. Rounding the deadline up makes
    // it late, never early.
    let now = uv_now(Self.handle(box).pointee.loop)
    let (whole, rest) = deadline.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
    let due = rest == 0 ? whole : whole + 1
    box.pointee.due = max(due, now)
    box.pointee.isHeldBack = false
    _ = uv_timer_start(Self.handle(box), timerFired, due > now ? due - now : 0, 0)
  }

  package func stop() { _ = uv_timer_stop(Self.handle(box)) }

  /// Stops it and gives its memory back, some rounds later. The timer must not be used again.
  package func close() {
    closeHandle(in: UnsafeMutableRawPointer(box))
  }

  private static func handle(_ box: UnsafeMutablePointer<Box>) -> UnsafeMutablePointer<uv_timer_t> {
    UnsafeMutableRawPointer(box).assumingMemoryBound(to: uv_timer_t.self)
  }

  fileprivate static func fired(_ handle: UnsafeMutableRawPointer) {
    let box = handle.assumingMemoryBound(to: Box.self)
    let late = uv_now(Self.handle(box).pointee.loop) - box.pointee.due
    if late > standstill && !box.pointee.isHeldBack {
      box.pointee.isHeldBack = true
      // With 0 it would come in this round again.
      _ = uv_timer_start(Self.handle(box), timerFired, 1, 0)
      return
    }
    box.pointee.onFire(box.pointee.owner)
  }
}

private func timerFired(_ handle: UnsafeMutablePointer<uv_timer_t>?) {
  Timer.fired(UnsafeMutableRawPointer(handle.unsafelyUnwrapped))
}
