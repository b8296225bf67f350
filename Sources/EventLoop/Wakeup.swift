// Why this file exists: the one way for another thread to make a loop run something.

import CLibUV

/// Wakes a loop from any thread. Copies name the same wake-up.
///
/// `@unchecked Sendable`: it is one pointer to a handle of which `send` uses only what libuv makes
/// safe across threads (uv_async_send); everything else on it is for the loop's thread.
package struct Wakeup: @unchecked Sendable {
  private let box: UnsafeMutablePointer<Box>

  package typealias OnWake = @convention(c) (UnsafeMutableRawPointer) -> Void

  private struct Box {
    var handle: uv_async_t
    var owner: UnsafeMutableRawPointer
    var onWake: OnWake
  }

  /// `owner` comes back as `onWake`'s argument, on the loop's thread.
  package static func create(
    _ loop: Loop, owner: UnsafeMutableRawPointer, onWake: @escaping OnWake
  ) throws(EventLoopError) -> Wakeup {
    let box = UnsafeMutablePointer<Box>.allocate(capacity: 1)
    box.initialize(to: Box(handle: uv_async_t(), owner: owner, onWake: onWake))
    let result = uv_async_init(loop.raw, handle(box), wokenUp)
    guard result == 0 else {
      box.deallocate()
      throw EventLoopError(operation: "make a wake-up", code: result)
    }
    return Wakeup(box: box)
  }

  /// From any thread. Several sends may be answered by one `onWake`, but no `onWake` is missing
  /// behind the last send. What was written before it is seen by `onWake`. Not after `close`.
  package func send() { _ = uv_async_send(Self.handle(box)) }

  /// Gives its memory back some rounds later. Only when no thread can send any more.
  package func close() {
    closeHandle(in: UnsafeMutableRawPointer(box))
  }

  private static func handle(_ box: UnsafeMutablePointer<Box>) -> UnsafeMutablePointer<uv_async_t> {
    UnsafeMutableRawPointer(box).assumingMemoryBound(to: uv_async_t.self)
  }

  fileprivate static func woken(_ handle: UnsafeMutableRawPointer) {
    let box = handle.assumingMemoryBound(to: Box.self)
    box.pointee.onWake(box.pointee.owner)
  }
}

private func wokenUp(_ handle: UnsafeMutablePointer<uv_async_t>?) {
  Wakeup.woken(UnsafeMutableRawPointer(handle.unsafelyUnwrapped))
}
