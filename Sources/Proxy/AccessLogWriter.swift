// Why this file exists: the one thread of the process that writes access logs. It may wait for a
// disk or a pipe as long as it likes: nobody waits for it, lines that find no buffer are dropped
// and counted.
package import Configuration
package import EventLoop
import Glibc
package import Primitives
package import Telemetry

/// The access log of the process. Made, re-opened and closed by the main thread.
package final class AccessLogWriter {
  private let path: String?
  private let thread: WorkerThread
  private let shared: LogThreadShared

  /// As the configuration has it; nil when nothing is to be logged.
  package static func open(
    _ configuration: AccessLogConfiguration, workers: Int
  ) throws(EventLoopError) -> AccessLogWriter? {
    let sampling = AccessSampling(
      partsPerMillion: configuration.sample.partsPerMillion,
      slow: configuration.slow ?? Duration(nanoseconds: .max))
    return try open(configuration.output, sampling: sampling, workers: workers)
  }

  /// Opens the output and starts the thread; nil when nothing is to be logged.
  package static func open(
    _ output: AccessLogConfiguration.Output, sampling: AccessSampling, workers: Int
  ) throws(EventLoopError) -> AccessLogWriter? {
    switch output {
    case .none: nil
    case .stdout: try AccessLogWriter(STDOUT_FILENO, path: nil, sampling, workers)
    case .stderr: try AccessLogWriter(STDERR_FILENO, path: nil, sampling, workers)
    case .file(let path): try AccessLogWriter(openFile(path), path: path, sampling, workers)
    }
  }

  private static func openFile(_ path: String) throws(EventLoopError) -> Int32 {
    let descriptor = Descriptor.openForAppending(path)
    if descriptor >= 0 { return descriptor }
    throw EventLoopError(operation: "open access log \(path)", code: descriptor)
  }

  private init(
    _ descriptor: Int32, path: String?, _ sampling: AccessSampling, _ workers: Int
  ) throws(EventLoopError) {
    self.path = path
    let wake = try LogSignal.create()
    let states = UnsafeMutablePointer<LogState>.allocate(capacity: workers)
    for index in 0..<workers {
      (states + index).initialize(to: LogState(sampling: sampling, wake: wake))
    }
    let shared = LogThreadShared(
      states: states, workers: workers, wake: wake, done: try LogSignal.create(),
      orders: .allocate(count: 2))
    self.shared = shared
    thread = try WorkerThread.start(name: "access-log", stackSize: 256 << 10) {
      var writing = LogThread(
        shared: shared, descriptor: descriptor, ownsDescriptor: path != nil,
        sharesPipe: descriptor == STDERR_FILENO)
      writing.run()
    }
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
    // One that the thread has not taken yet was never written to.
    let untaken = shared.nextDescriptor.exchange(UInt64(descriptor) + 1)
    if untaken != 0 { Descriptor.close(Int32(untaken - 1)) }
    shared.wake.send()
    return nil
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
  let wake: LogSignal
  let done: LogSignal
  let orders: SharedWords

  /// 0, or a descriptor + 1 that takes the place of the present one.
  var nextDescriptor: SharedWord { orders[0] }
  var isClosing: SharedWord { orders[1] }

  func destroy() {
    for index in 0..<workers { states[index].destroy() }
    states.deallocate()
    wake.close()
    done.close()
    orders.deallocate()
  }
}
