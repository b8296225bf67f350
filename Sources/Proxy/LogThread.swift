// Why this file exists: what the access log's thread does: takes full buffers in their order,
// writes them, gives them back.
import EventLoop
import Glibc
import Primitives

/// Where the lines go.
struct LogOutput: Equatable {
  let descriptor: Int32
  /// The descriptor is ours to close.
  let isOurs: Bool
  /// Others write to the same pipe; up to PIPE_BUF bytes at once stay together there.
  var sharesPipe: Bool { descriptor == STDERR_FILENO }

  init(_ descriptor: Int32, isOurs: Bool) {
    self.descriptor = descriptor
    self.isOurs = isOurs
  }

  /// The form in which it is handed to the thread; never 0.
  var word: UInt64 { UInt64(descriptor + 1) << 1 | (isOurs ? 1 : 0) }

  init?(word: UInt64) {
    if word == 0 { return nil }
    self.init(Int32(word >> 1) - 1, isOurs: word & 1 == 1)
  }

  func close() { if isOurs { Descriptor.close(descriptor) } }
}

/// The writing thread's own state.
struct LogThread {
  let shared: LogThreadShared
  private var output: LogOutput
  /// Per worker: which of its buffers comes next.
  private var secondIsNext: [Bool]
  /// The output ended within a line when it failed.
  private var isTorn = false

  private static let pipeAtom = 4_096

  init(shared: LogThreadShared, output: LogOutput) {
    self.shared = shared
    self.output = output
    secondIsNext = [Bool](repeating: false, count: shared.workers)
  }

  /// Writes what was handed over. False when the log is closed and all of it has been written.
  mutating func step() -> Bool {
    while true {
      // Asked first: what was handed over before the order to close is then seen by the pass.
      let isClosing = shared.isClosing.loadAcquiring() != 0
      var wroteAny = false
      for worker in 0..<shared.workers { wroteAny = writeNext(of: worker) || wroteAny }
      if wroteAny { continue }
      takeOutput()
      if !isClosing { return true }
      output.close()
      shared.done.send()
      return false
    }
  }

  private mutating func takeOutput() {
    guard let next = LogOutput(word: shared.nextOutput.exchange(0)) else { return }
    output.close()
    output = next
    isTorn = false
  }

  /// Writes a worker's next buffer, if that was handed over, and gives it back.
  private mutating func writeNext(of worker: Int) -> Bool {
    let state = shared.states + worker
    let buffer = secondIsNext[worker] ? state.pointee.second : state.pointee.first
    let count = Int(buffer.handed.loadAcquiring())
    guard count > 0 else { return false }
    // Lines that were handed over after a change belong into the new output.
    takeOutput()
    let written = write(ByteSlice(UnsafePointer(buffer.base), count))
    var lost: UInt64 = 0
    for index in written..<count where buffer.base[index] == 0x0a { lost += 1 }
    state.pointee.lost.add(lost)
    secondIsNext[worker].toggle()
    buffer.handed.storeReleasing(0)
    return true
  }

  /// Writes whole lines. Gives how many bytes the output took before it failed.
  private mutating func write(_ lines: ByteSlice) -> Int {
    if isTorn {
      var end: UInt8 = 0x0a
      guard Descriptor.writeAll(output.descriptor, &end, 1) == 1 else { return 0 }
      isTorn = false
    }
    var done = 0
    while done < lines.count {
      let piece = output.sharesPipe ? LogThread.piece(of: lines, from: done) : lines.count - done
      let taken = Descriptor.writeAll(output.descriptor, lines.base + done, piece)
      done += taken
      if taken < piece {
        isTorn = done > 0 && lines.base[done - 1] != 0x0a
        break
      }
    }
    return done
  }

  /// As many whole lines as stay together in a pipe, or one line that does not.
  private static func piece(of lines: ByteSlice, from start: Int) -> Int {
    var end = min(start + pipeAtom, lines.count)
    if end == lines.count { return end - start }
    while end > start, lines.base[end - 1] != 0x0a { end -= 1 }
    if end > start { return end - start }
    end = start
    while lines.base[end] != 0x0a { end += 1 }  // handed over in whole lines
    return end + 1 - start
  }
}
