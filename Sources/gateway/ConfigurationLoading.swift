// Why this file exists: reading and checking a large file takes long enough for a health probe to
// be missed; so a reload does it on a thread of its own, and the control loop goes on.

import Configuration
import EventLoop
import Primitives
import Synchronization

/// Loads configurations away from the control loop, one at a time. For its thread.
final class ConfigurationLoading {
  /// What the thread is given, and where it leaves what it has found. `@unchecked Sendable`: the
  /// result is written before the thread wakes the loop, and read after it was joined; whether it
  /// may wake the loop is behind a lock.
  private final class Work: @unchecked Sendable {
    let path: String
    let content: [UInt8]?
    let started: ConfigurationValue
    let inUse: ConfigurationValue
    private let wakeup: Wakeup
    private let isAwaited = Mutex(true)
    var result: ConfigurationResult?
    var difference: ReloadDifference?

    init(_ inUse: ConfigurationInUse, _ content: [UInt8]?, _ wakeup: Wakeup) {
      path = inUse.path
      started = inUse.started
      self.inUse = inUse.loaded.values
      self.content = content
      self.wakeup = wakeup
    }

    func run(patience: Duration) {
      let environment = ConfigurationEnvironment.process(
        missingFileIsWarning: false, patience: patience)
      let result =
        content.map {
          ConfigurationLoader.load($0, fileName: path, environment: environment)
        } ?? ConfigurationLoader.load(path: path, environment: environment)
      if result.configuration != nil, let next = result.values {
        difference = ReloadDifference(started: started, inUse: inUse, next: next)
      }
      self.result = result
      isAwaited.withLock { if $0 { wakeup.send() } }
    }

    /// Nobody asks for the result, and the wake-up is not touched from here on.
    func abandon() { isAwaited.withLock { $0 = false } }
  }

  private let inUse: ConfigurationInUse
  /// What the file holds, and what that changes if it is a configuration.
  typealias Completion = (ConfigurationResult, ReloadDifference?) -> Void

  private var wakeup: Wakeup?
  private var thread: WorkerThread?
  private var work: Work?
  private var completion: Completion?

  /// A document may be nested deeper than a worker's stack has room for.
  private static let stackSize = 8 << 20
  /// For each pipe that the configuration comes from. Whoever is to write a secret has done so long
  /// before; who has forgotten to should hear of it while he still waits for the reload.
  private static let patience = Duration.seconds(5)

  init(_ loop: Loop, _ inUse: ConfigurationInUse) throws(EventLoopError) {
    self.inUse = inUse
    wakeup = try Wakeup.create(loop, owner: Unmanaged.passUnretained(self).toOpaque()) { owner in
      Unmanaged<ConfigurationLoading>.fromOpaque(owner).takeUnretainedValue().ended()
    }
  }

  /// - Parameter content: the bytes of the file; nil = they are to be read.
  /// - Parameter completion: called on the loop, never before this returns.
  func start(_ content: [UInt8]?, _ completion: @escaping Completion) {
    precondition(self.completion == nil)
    self.completion = completion
    guard let wakeup else { return }
    let work = Work(inUse, content, wakeup)
    self.work = work
    do throws(EventLoopError) {
      thread = try WorkerThread.start(name: "reload", stackSize: Self.stackSize) {
        // Requests go first.
        WorkerThread.giveWay()
        work.run(patience: ConfigurationLoading.patience)
      }
    } catch {
      // No thread to be had: the loop can wait for a file, and for no pipe.
      work.run(patience: .zero)
    }
  }

  private func ended() {
    thread?.join()
    thread = nil
    guard let work, let result = work.result, let completion else { return }
    self.work = nil
    self.completion = nil
    completion(result, work.difference)
  }

  /// Nobody is called back any more. Does not wait for the thread: a pipe or a file of some other
  /// machine may hold it up, and it changes nothing.
  func close() {
    completion = nil
    work?.abandon()
    work = nil
    thread?.detach()
    thread = nil
    wakeup?.close()
    wakeup = nil
  }
}
