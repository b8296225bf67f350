// Why this file exists: a worker's thread. The only file that starts one.

import CLibUV
import Glibc

/// A running thread, to be joined once.
///
/// `@unchecked Sendable`: a thread's name is a number that any thread may use; joining twice is the
/// caller's mistake.
package struct WorkerThread: @unchecked Sendable {
  private let thread: pthread_t

  private final class Start {
    let name: String
    let body: () -> Void
    init(name: String, body: @escaping () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Runs `body` on a new thread with all signals blocked, so that they reach the control loop's
  /// thread, but those that report a fault of the thread itself. `name` is cut to 15 bytes.
  /// `stackSize` in bytes, a multiple of the page.
  package static func start(
    name: String, stackSize: Int = 1 << 20, _ body: sending @escaping () -> Void
  ) throws(EventLoopError) -> WorkerThread {
    try spawn(name, stackSize, Unmanaged.passRetained(Start(name: name, body: body)).toOpaque())
  }

  /// Runs the loop that `begin` gives until no handle of it is left, then `end`; all of it on a new
  /// thread.
  package static func start(
    name: String, running begin: sending @escaping () -> Loop,
    then end: sending @escaping () -> Void
  ) throws(EventLoopError) -> WorkerThread {
    try start(name: name) {
      begin().run()
      end()
    }
  }

  /// Calls `step` on a new thread, and again whenever somebody has sent `signal`, until it gives
  /// false. What was sent while it ran calls it once more.
  package static func start(
    name: String, stackSize: Int, onEach signal: ThreadSignal,
    _ step: sending @escaping () -> Bool
  ) throws(EventLoopError) -> WorkerThread {
    try start(name: name, stackSize: stackSize) {
      while step() { _ = signal.wait() }
    }
  }

  private static func spawn(
    _ name: String, _ stackSize: Int, _ argument: UnsafeMutableRawPointer
  ) throws(EventLoopError) -> WorkerThread {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackSize)
    // A new thread inherits the mask; blocking here leaves no moment in which it could take a
    // signal.
    var blocked = sigset_t()
    var before = sigset_t()
    sigfillset(&blocked)
    for fault in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF] {
      sigdelset(&blocked, fault)
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &before)
    var thread = pthread_t()
    let result = pthread_create(&thread, &attributes, workerMain, argument)
    pthread_sigmask(SIG_SETMASK, &before, nil)
    pthread_attr_destroy(&attributes)
    guard result == 0 else {
      Unmanaged<Start>.fromOpaque(argument).release()
      throw EventLoopError(operation: "start thread \(name)", code: result)
    }
    return WorkerThread(thread: thread)
  }

  /// Lets other threads go first where there are not processors enough for all, on the thread that
  /// calls and for good (nice 10). For work that may take its time.
  package static func giveWay() {
    // Of Linux, not of POSIX: 0 is the calling thread, and the others keep their priority.
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
  }

  /// Nobody will join it: what it holds is freed when its body returns. Instead of `join`.
  package func detach() { pthread_detach(thread) }

  /// Waits until its body has returned. Once.
  package func join() { pthread_join(thread, nil) }

  fileprivate static func run(_ argument: UnsafeMutableRawPointer) {
    let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
    var name = Array(start.name.utf8.prefix(15)).map { CChar(bitPattern: $0) }
    name.append(0)
    pthread_setname_np(pthread_self(), name)
    start.body()
  }
}

private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  WorkerThread.run(argument.unsafelyUnwrapped)
  return nil
}
