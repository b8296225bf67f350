// Why this file exists: work that is left for the next round of the loop, which must not wait for
// an event meanwhile.

import CLibUV

/// Something to do at the beginning of each round of a loop, as long as it is started. Copies name
/// the same task. Only for the loop's thread.
package struct RoundTask {
  private let box: UnsafeMutablePointer<Box>

  package typealias OnRound = @convention(c) (UnsafeMutableRawPointer) -> Void

  private struct Box {
    var handle: uv_idle_t
    var owner: UnsafeMutableRawPointer
    var onRound: OnRound
  }

  /// Makes a task that is not started. `owner` comes back as `onRound`'s argument.
  package static func create(
    _ loop: Loop, owner: UnsafeMutableRawPointer, onRound: @escaping OnRound
  ) -> RoundTask {
    let box = UnsafeMutablePointer<Box>.allocate(capacity: 1)
    box.initialize(to: Box(handle: uv_idle_t(), owner: owner, onRound: onRound))
    // Cannot fail: it only fills in the handle.
    _ = uv_idle_init(loop.raw, handle(box))
    return RoundTask(box: box)
  }

  /// `onRound` is called once a round, from the next one on, before the loop looks for events; the
  /// loop takes those that are there and does not wait for any.
  package func start() { _ = uv_idle_start(Self.handle(box), roundBegins) }

  /// Also from within `onRound`: the round that it was called in waits again.
  package func stop() { _ = uv_idle_stop(Self.handle(box)) }

  /// Stops it and gives its memory back, some rounds later. The task must not be used again.
  package func close() {
    closeHandle(in: UnsafeMutableRawPointer(box))
  }

  private static func handle(_ box: UnsafeMutablePointer<Box>) -> UnsafeMutablePointer<uv_idle_t> {
    UnsafeMutableRawPointer(box).assumingMemoryBound(to: uv_idle_t.self)
  }

  fileprivate static func begun(_ handle: UnsafeMutableRawPointer) {
    let box = handle.assumingMemoryBound(to: Box.self)
    box.pointee.onRound(box.pointee.owner)
  }
}

private func roundBegins(_ handle: UnsafeMutablePointer<uv_idle_t>?) {
  RoundTask.begun(UnsafeMutableRawPointer(handle.unsafelyUnwrapped))
}
