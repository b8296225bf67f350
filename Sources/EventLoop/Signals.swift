// Why this file exists: signals as ordinary events of the control loop.

import CLibUV
import Glibc

/// Listens to some signals on one loop. Copies name the same list.
package struct Signals {
  private let box: UnsafeMutablePointer<Box>

  package typealias OnSignal = @convention(c) (UnsafeMutableRawPointer, Int32) -> Void

  private struct Box {
    var handles: UnsafeMutablePointer<uv_signal_t>
    var count: Int
    var open: Int
    var owner: UnsafeMutableRawPointer
    var onSignal: OnSignal
  }

  /// For the time before `listen`, as the first thing of the process, which would else lose them as
  /// process 1 of a container and die of them anywhere else: `final` signals end it at once with
  /// code 0, `other` ones wait for `listen`.
  package static func expect(final: [Int32], other: [Int32]) {
    for number in final { _ = signal(number) { _ in _exit(0) } }
    mask(SIG_BLOCK, other)
  }

  private static func mask(_ how: Int32, _ numbers: [Int32]) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(how, &set, nil)
  }

  /// From here on these signals are events and no longer end the process; several of one kind may
  /// come as one.
  package static func listen(
    _ loop: Loop, to numbers: [Int32], owner: UnsafeMutableRawPointer, onSignal: @escaping OnSignal
  ) throws(EventLoopError) -> Signals {
    let handles = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: numbers.count)
    let box = UnsafeMutablePointer<Box>.allocate(capacity: 1)
    box.initialize(
      to: Box(handles: handles, count: numbers.count, open: 0, owner: owner, onSignal: onSignal))
    let signals = Signals(box: box)
    for (index, number) in numbers.enumerated() {
      let handle = handles + index
      var result = uv_signal_init(loop.raw, handle)
      if result == 0 {
        handle.pointee.data = UnsafeMutableRawPointer(box)
        box.pointee.open += 1
        result = uv_signal_start(handle, signalCame, number)
      }
      if result != 0 {
        signals.close()
        throw EventLoopError(operation: "listen to signal \(number)", code: result)
      }
    }
    mask(SIG_UNBLOCK, numbers)
    return signals
  }

  /// The signals do nothing any more: what closes is about to end, and has last words to write.
  /// Memory goes back some rounds later.
  package func close() {
    let opened = box.pointee.open
    if opened == 0 { return Self.free(box) }
    for index in 0..<opened {
      let number = box.pointee.handles[index].signum
      let handle = UnsafeMutableRawPointer(box.pointee.handles + index)
      // libuv makes it deadly again for a moment.
      Self.mask(SIG_BLOCK, [number])
      defer { _ = signal(number, SIG_IGN) }
      uv_close(handle.assumingMemoryBound(to: uv_handle_t.self)) { handle in
        Signals.closed(handle.unsafelyUnwrapped.pointee.data)
      }
    }
  }

  /// A peer that is gone then shows as EPIPE at the write, instead of ending the process. Once, at
  /// start.
  package static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

  private static func closed(_ data: UnsafeMutableRawPointer) {
    let box = data.assumingMemoryBound(to: Box.self)
    box.pointee.open -= 1
    if box.pointee.open == 0 { free(box) }
  }

  private static func free(_ box: UnsafeMutablePointer<Box>) {
    box.pointee.handles.deallocate()
    box.deallocate()
  }

  fileprivate static func came(_ data: UnsafeMutableRawPointer, _ number: Int32) {
    let box = data.assumingMemoryBound(to: Box.self)
    box.pointee.onSignal(box.pointee.owner, number)
  }
}

private func signalCame(_ handle: UnsafeMutablePointer<uv_signal_t>?, _ number: Int32) {
  Signals.came(handle.unsafelyUnwrapped.pointee.data, number)
}
