// Why this file exists: a worker's side of the access log: two buffers that change hands with the
// writing thread, so that a line costs a few stores and a slow disk costs no request anything.
import EventLoop
package import Primitives
package import Telemetry

/// One of a worker's two buffers.
struct LogBuffer {
  let base: UnsafeMutablePointer<UInt8>
  /// 0: the worker's. Else that many bytes, in whole lines, are the writing thread's.
  let handed: SharedWord
}

/// What a worker and the writing thread share, and what the worker alone has. At a fixed address.
struct LogState {
  /// Pages that no line has reached yet cost no memory. The room is for the time in which the
  /// writing thread gets no processor, or its disk is busy: a tenth of a second at 10,000 lines/s.
  static let bufferSize = 524_288
  /// A buffer with this much is handed over without waiting for the timer. Until then it has room
  /// for the longest line.
  static let flushSize = 24_576
  /// No line waits longer in the worker's buffer, as long as the writing thread keeps up.
  static let flushDelay = Duration.milliseconds(250)

  let words: SharedWords
  /// They change hands in turns, so that their lines stay in order.
  let first: LogBuffer
  let second: LogBuffer
  /// Lines that the writing thread could not write; it alone counts them.
  let lost: SharedCounter
  /// Wakes the writing thread.
  let wake: ThreadSignal

  // The worker's own
  var sampling = AccessSampling(threshold: AccessSampling.all, slow: .zero)
  var fillsSecond = false
  var count = 0
  var lostBefore: UInt64 = 0
  var timestamp = Timestamp()
  /// When what is buffered is handed over.
  let timer: UnsafeMutablePointer<TimerNode>
  /// The worker's metric of lines that nobody will read.
  var dropped: SharedCounter

  init(wake: ThreadSignal) {
    precondition(AccessRecord.maximumLength <= LogState.bufferSize - LogState.flushSize)
    self.wake = wake
    words = SharedWords.allocate(count: 8)
    first = LogBuffer(base: .allocate(capacity: LogState.bufferSize), handed: words[0])
    second = LogBuffer(base: .allocate(capacity: LogState.bufferSize), handed: words[1])
    lost = words.counter(2)
    // Until the worker gives its own.
    dropped = words.counter(3)
    timer = .allocate(capacity: 1)
    timer.initialize(to: TimerNode(owner: UnsafeMutableRawPointer(timer), kind: 0))
  }

  func destroy() {
    first.base.deallocate()
    second.base.deallocate()
    timer.deallocate()
    words.deallocate()
  }
}

/// A worker's access log. One thread.
package struct AccessLog {
  let state: UnsafeMutablePointer<LogState>

  package var sampling: AccessSampling {
    get { state.pointee.sampling }
    nonmutating set { state.pointee.sampling = newValue }
  }
  /// No line waits for the flush.
  package var isEmpty: Bool { state.pointee.count == 0 }

  private var current: LogBuffer {
    state.pointee.fillsSecond ? state.pointee.second : state.pointee.first
  }
  private var other: LogBuffer {
    state.pointee.fillsSecond ? state.pointee.first : state.pointee.second
  }

  /// Where lines that nobody will read are counted: the worker's metric.
  package func countDropped(in counter: SharedCounter) { state.pointee.dropped = counter }

  /// Takes a line, or drops and counts it when both buffers are full.
  package func append(_ record: UnsafePointer<AccessRecord>) {
    if write(record) || (flush() && write(record)) {
      if state.pointee.count >= LogState.flushSize { _ = flush() }
      return
    }
    state.pointee.dropped.increment()
  }

  private func write(_ record: UnsafePointer<AccessRecord>) -> Bool {
    var writer = ByteWriter(
      current.base + state.pointee.count, capacity: LogState.bufferSize - state.pointee.count)
    guard record.write(to: &writer, &state.pointee.timestamp) else { return false }
    state.pointee.count += writer.count
    return true
  }

  /// Hands what is buffered to the writing thread. False when that still has the other buffer; the
  /// lines then stay.
  @discardableResult
  package func flush() -> Bool {
    countLost()
    if state.pointee.count == 0 { return true }
    guard other.handed.loadAcquiring() == 0 else { return false }
    handOver()
    return true
  }

  /// Hands over what is left, whatever the writing thread has. Nothing may be appended after it.
  package func finish() {
    countLost()
    if state.pointee.count > 0 { handOver() }
  }

  private func handOver() {
    current.handed.storeReleasing(UInt64(state.pointee.count))
    state.pointee.count = 0
    state.pointee.fillsSecond.toggle()
    state.pointee.wake.send()
  }

  /// Adds to the worker's metric what the writing thread could not write.
  private func countLost() {
    let lost = state.pointee.lost.value
    state.pointee.dropped.add(lost &- state.pointee.lostBefore)  // it only grows
    state.pointee.lostBefore = lost
  }
}
