// Why this file exists: one uv_loop_t, which belongs to one thread, and the only clock that the
// gateway reads.

import CLibUV
import Glibc
package import Primitives

/// A handle on an event loop. Copies name the same loop. Everything on it, but `Wakeup.send`, is
/// for the thread that runs it.
package struct Loop {
  let raw: UnsafeMutablePointer<uv_loop_t>

  /// Makes a loop. Three descriptors or so; fails when there are none left.
  package static func create() throws(EventLoopError) -> Loop {
    let raw = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
    let result = uv_loop_init(raw)
    guard result == 0 else {
      raw.deallocate()
      throw EventLoopError(operation: "make an event loop", code: result)
    }
    return Loop(raw: raw)
  }

  /// Runs callbacks until `stop()`, or until no handle is open and active. Not to be called from a
  /// callback.
  package func run() { _ = uv_run(raw, UV_RUN_DEFAULT) }

  /// One round: waits for at least one event when `waiting`, else takes only what is ready. True
  /// when handles are left.
  @discardableResult
  package func runOnce(waiting: Bool) -> Bool {
    uv_run(raw, waiting ? UV_RUN_ONCE : UV_RUN_NOWAIT) != 0
  }

  /// Makes `run()` return at the end of the round it is in.
  package func stop() { uv_stop(raw) }

  /// When this round began, in whole milliseconds; costs no clock reading. Never later than
  /// `clock()`.
  package var now: Instant { Instant(nanoseconds: uv_now(raw) * 1_000_000) }

  /// Reads the clock into `now`; for a callback that has worked for long.
  package func updateTime() { uv_update_time(raw) }

  /// Reads the monotonic clock, in nanoseconds. From any thread. Same origin as `now`.
  package static func clock() -> Instant {
    // What uv_hrtime reads, without its two calls in between.
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(
      nanoseconds: UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000
        &+ UInt64(bitPattern: Int64(time.tv_nsec)))
  }

  /// How many handles are open, closing ones included. For tests and for shutting down; walks them
  /// all.
  package var openHandles: Int {
    var count = 0
    withUnsafeMutablePointer(to: &count) { uv_walk(raw, countHandle, $0) }
    return count
  }

  /// Lets the handles that were closed finish, then frees the loop. Not from a callback.
  ///
  /// Returns how many handles nobody has closed: 0 means that the loop is gone; otherwise it is
  /// left as it is, because freeing memory that the system may still write to would be worse than
  /// keeping it.
  package func destroy() -> Int {
    // Each round completes all closings asked for before it; one may ask for others (a listener's
    // timer), so a few rounds.
    for _ in 0..<8 where uv_loop_alive(raw) != 0 { _ = uv_run(raw, UV_RUN_NOWAIT) }
    guard uv_loop_close(raw) == 0 else { return max(openHandles, 1) }
    raw.deallocate()
    return 0
  }
}

/// Closes the handle that a box begins with, and frees the box when the loop has let go of it.
func closeHandle(in box: UnsafeMutableRawPointer) {
  uv_close(box.assumingMemoryBound(to: uv_handle_t.self)) { handle in
    UnsafeMutableRawPointer(handle.unsafelyUnwrapped).deallocate()
  }
}

private func countHandle(
  _ handle: UnsafeMutablePointer<uv_handle_t>?, _ argument: UnsafeMutableRawPointer?
) {
  argument.unsafelyUnwrapped.assumingMemoryBound(to: Int.self).pointee += 1
}
