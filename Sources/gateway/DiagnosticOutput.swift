// Why this file exists: standard error may be a pipe that nobody reads for a while. Who logs runs
// the health checks, the admin listener and the end of the process, so a thread of its own waits
// for the reader, and what it cannot keep is counted.

import EventLoop
import Synchronization

/// Takes whole lines from any thread, without waiting, and writes them in their order.
final class DiagnosticOutput: Sendable {
  /// Bytes of lines that wait for the writing thread; as many again may be in its hands.
  static let room = 262_144

  private struct Waiting {
    var lines: [[UInt8]] = []
    var bytes = 0
    /// Lines that found no room since the last ones were taken.
    var lost = 0
    var isClosing = false
  }

  private let waiting = Mutex(Waiting())
  private let thread = Mutex<WorkerThread?>(nil)
  private let descriptor: Int32
  private let wake: ThreadSignal
  private let done: ThreadSignal
  /// The line that tells how many were lost.
  private let apology: @Sendable (Int) -> [UInt8]

  /// Starts the writing thread. The descriptor stays the caller's.
  static func start(
    _ descriptor: Int32, apology: @escaping @Sendable (Int) -> [UInt8]
  ) throws(EventLoopError) -> DiagnosticOutput {
    let output = DiagnosticOutput(
      descriptor, wake: try ThreadSignal.create(), done: try ThreadSignal.create(), apology)
    let thread = try WorkerThread.start(name: "diagnostics", stackSize: 256 << 10) { output.run() }
    output.thread.withLock { $0 = thread }
    return output
  }

  private init(
    _ descriptor: Int32, wake: ThreadSignal, done: ThreadSignal,
    _ apology: @escaping @Sendable (Int) -> [UInt8]
  ) {
    self.descriptor = descriptor
    self.wake = wake
    self.done = done
    self.apology = apology
  }

  /// Keeps a line for the thread, or counts it as lost.
  func append(_ line: [UInt8]) {
    waiting.withLock { waiting in
      // A line that is longer than the room has it for itself.
      if waiting.lines.isEmpty || waiting.bytes + line.count <= Self.room {
        waiting.lines.append(line)
        waiting.bytes += line.count
      } else {
        waiting.lost += 1
      }
    }
    wake.send()
  }

  /// Gives the lines that wait `milliseconds` to be written; true when they were. Nothing may be
  /// appended afterwards, and the thread ends with the process where it could not.
  @discardableResult
  func finish(milliseconds: Int32 = 1_000) -> Bool {
    waiting.withLock { $0.isClosing = true }
    wake.send()
    let isDone = done.wait(milliseconds: milliseconds)
    let thread = thread.withLock { $0.take() }
    // Where nobody reads, it waits for longer than the end may take.
    if isDone { thread?.join() } else { thread?.detach() }
    return isDone
  }

  private func run() {
    while true {
      let batch = waiting.withLock { waiting in
        let batch = waiting
        waiting = Waiting(isClosing: batch.isClosing)
        return batch
      }
      // Those that were lost came after those that had room.
      for line in batch.lines { write(line) }
      if batch.lost > 0 { write(apology(batch.lost)) }
      if !batch.lines.isEmpty { continue }
      if batch.isClosing { break }
      _ = wake.wait()
    }
    done.send()
  }

  /// In one piece as far as a pipe allows it (PIPE_BUF), so that the lines of the access log, which
  /// may go the same way, do not mix with it.
  private func write(_ line: [UInt8]) {
    line.withUnsafeBytes { bytes in
      // An output that is closed or full costs the line; there is nowhere to complain.
      _ = bytes.baseAddress.map { Descriptor.writeAll(descriptor, $0, bytes.count) }
    }
  }
}
