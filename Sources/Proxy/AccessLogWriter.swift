// Why this file exists: the one thread of the process that writes access logs. It may wait for a
// disk or a pipe as long as it likes: nobody waits for it, lines that find no buffer are dropped
// and counted.
package import Configuration
package import EventLoop
import Glibc
package import Primitives
import Telemetry

/// The access log of the process. Made, re-opened and closed by the main thread.
package final class AccessLogWriter {
  /// The file that it writes to; nil for anything else.
  private var path: String?
  private let thread: WorkerThread
  private let shared: LogThreadShared

  /// An output that was opened for `use`, or is to be closed.
  package struct Prepared {
    fileprivate var output: LogOutput
    fileprivate var path: String?

    package func discard() { output.close() }
  }

  /// Opens what the configuration names. Nothing is different when this throws.
  package static func prepare(
    _ output: AccessLogConfiguration.Output
  ) throws(EventLoopError) -> Prepared {
    switch output {
    case .stdout: Prepared(output: LogOutput(STDOUT_FILENO, isOurs: false))
    case .stderr: Prepared(output: LogOutput(STDERR_FILENO, isOurs: false))
    // Nobody writes a line, but one may be on its way when this is chosen.
    case .none: Prepared(output: LogOutput(try openFile("/dev/null"), isOurs: true))
    case .file(let path):
      Prepared(output: LogOutput(try openFile(path), isOurs: true), path: path)
    }
  }

  /// Starts the thread. It sleeps as long as nothing is to be logged.
  package static func open(
    _ output: AccessLogConfiguration.Output, workers: Int
  ) throws(EventLoopError) -> AccessLogWriter {
    try AccessLogWriter(try prepare(output), workers)
  }

  private static func openFile(_ path: String) throws(EventLoopError) -> Int32 {
    let descriptor = Descriptor.openForAppending(path)
    if descriptor >= 0 { return descriptor }
    throw EventLoopError(operation: "open access log \(path)", code: descriptor)
  }

  private init(_ prepared: Prepared, _ workers: Int) throws(EventLoopError) {
    path = prepared.path
    let wake = try ThreadSignal.create()
    let states = UnsafeMutablePointer<LogState>.allocate(capacity: workers)
    for index in 0..<workers { (states + index).initialize(to: LogState(wake: wake)) }
    let shared = LogThreadShared(
      states: states, workers: workers, wake: wake, done: try ThreadSignal.create(),
      orders: .allocate(count: 2))
    self.shared = shared
    let output = prepared.output
    var writing = LogThread(shared: shared, output: output)
    thread = try WorkerThread.start(
      name: "access-log", stackSize: 256 << 10, onEach: wake
    ) { writing.step() }
  }

  /// The log of a worker, for its thread.
  package func line(for worker: Int) -> AccessLog {
    precondition(worker >= 0 && worker < shared.workers)
    return AccessLog(state: shared.states + worker)
  }

  /// Opens the file anew, after somebody moved the old one away. What is not a file stays as it is.
  /// When it cannot be opened the old one is kept and the error given back.
  package func reopen() -> EventLoopError? {
    guard let path else { return nil }
    let descriptor = Descriptor.openForAppending(path)
    guard descriptor >= 0 else {
      return EventLoopError(operation: "re-open access log \(path)", code: descriptor)
    }
    use(Prepared(output: LogOutput(descriptor, isOurs: true), path: path))
    return nil
  }

  /// Lines that are handed over from now on go there.
  package func use(_ prepared: Prepared) {
    path = prepared.path
    // One that the thread has not taken yet was never written to.
    LogOutput(word: shared.nextOutput.exchange(prepared.output.word))?.close()
    shared.wake.send()
  }

  /// Writes out what the workers have handed over and ends the thread; the workers must have ended.
  /// An output that takes nothing any more is given up after `limit`: false, and the thread is left
  /// to the end of the process, or to another call. Not again after true.
  @discardableResult
  package func close(within limit: Duration = .seconds(1)) -> Bool {
    shared.isClosing.storeReleasing(1)
    shared.wake.send()
    let milliseconds = min(max(limit.nanoseconds / 1_000_000, 0), 60_000)
    guard shared.done.wait(milliseconds: Int32(milliseconds)) else { return false }
    thread.join()
    shared.destroy()
    return true
  }
}

/// What the main thread, the workers and the writing thread have in common.
struct LogThreadShared: @unchecked Sendable {
  let states: UnsafeMutablePointer<LogState>
  let workers: Int
  let wake: ThreadSignal
  let done: ThreadSignal
  let orders: SharedWords

  /// 0, or the `LogOutput` that takes the place of the present one.
  var nextOutput: SharedWord { orders[0] }
  var isClosing: SharedWord { orders[1] }

  func destroy() {
    for index in 0..<workers { states[index].destroy() }
    states.deallocate()
    wake.close()
    done.close()
    orders.deallocate()
  }
}
