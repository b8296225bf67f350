// Why this file exists: one thread tells another that there is something to do, and may not wait in
// doing so: a pipe that never blocks.
import Glibc

/// A pipe as a wake-up: any thread sends, one waits. Several sends may be one wake-up.
package struct ThreadSignal: Sendable {
  private let reading: Int32
  private let writing: Int32

  package static func create() throws(EventLoopError) -> ThreadSignal {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw EventLoopError(operation: "pipe between threads", code: errno)
    }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return ThreadSignal(reading: ends[0], writing: ends[1])
  }

  /// A full pipe is a wake-up already under way.
  package func send() {
    var byte: UInt8 = 1
    _ = Descriptor.write(writing, &byte, 1)
  }

  /// Waits until somebody sends or the time is over; below 0 is for ever. True when somebody sent.
  package func wait(milliseconds: Int32 = -1) -> Bool {
    var wait = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    while poll(&wait, 1, milliseconds) < 0 {
      if errno != EINTR { return false }
    }
    guard wait.revents != 0 else { return false }
    var bytes: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    while Descriptor.read(reading, &bytes, 32) == 32 {}
    return true
  }

  package func close() {
    Descriptor.close(reading)
    Descriptor.close(writing)
  }
}
