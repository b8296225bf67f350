// Why this file exists: there are no threads in a simulation: what would run on one is run by the
// network, at instants of its choosing, and whoever waits for one lets time go on.

import Glibc

struct ThreadBox {
  enum Work {
    case loop(begin: () -> Loop, end: () -> Void)
    case steps(() -> Bool)
  }

  let number: UInt32
  var work: Work
  var hasEnded = false
  var isPlanned = false
}

/// A thread that the network plays.
package struct WorkerThread: @unchecked Sendable {
  private let box: UnsafeMutablePointer<ThreadBox>

  package static func start(
    name: String, running begin: sending @escaping () -> Loop,
    then end: sending @escaping () -> Void
  ) throws(EventLoopError) -> WorkerThread {
    make(.loop(begin: begin, end: end))
  }

  package static func start(
    name: String, stackSize: Int, onEach signal: ThreadSignal,
    _ step: sending @escaping () -> Bool
  ) throws(EventLoopError) -> WorkerThread {
    let thread = make(.steps(step))
    signal.box.pointee.listener = thread.box
    return thread
  }

  private static func make(_ work: ThreadBox.Work) -> WorkerThread {
    let network = Network.current
    let box = UnsafeMutablePointer<ThreadBox>.allocate(capacity: 1)
    box.initialize(to: ThreadBox(number: network.pointee.threadNumber, work: work))
    network.pointee.threadNumber += 1
    box.plan()
    return WorkerThread(box: box)
  }

  /// Lets time go on until it has ended.
  package func join() {
    Network.current.goOn { box.pointee.hasEnded }
    precondition(box.pointee.hasEnded, "a thread waits for ever")
  }
}

extension UnsafeMutablePointer<ThreadBox> {
  /// It will have its turn.
  func plan() {
    if pointee.isPlanned || pointee.hasEnded { return }
    pointee.isPlanned = true
    let network = Network.current
    let soon = network.pointee.now + network.draw(network.pointee.conditions.wakeDelay)
    network.plan(at: soon, UnsafeMutableRawPointer(self), 0) { target, _ in
      target.assumingMemoryBound(to: ThreadBox.self).turn()
    }
  }

  private func turn() {
    pointee.isPlanned = false
    Network.current.note(.thread, pointee.number)
    switch pointee.work {
    case .loop(let begin, _):
      let loop = begin()
      loop.raw.pointee.thread = self
      loop.raw.planRound()
    case .steps(let step): if !step() { pointee.hasEnded = true }
    }
  }

  func loopEnded() {
    guard case .loop(_, let end) = pointee.work else { return }
    Network.current.pointee.onLoopEnds?(pointee.number)
    end()
    pointee.hasEnded = true
  }
}

/// How one thread tells another that there is something to do.
package struct ThreadSignal: @unchecked Sendable {
  struct Box {
    var isSent = false
    /// The thread that is called for it.
    var listener: UnsafeMutablePointer<ThreadBox>?
  }

  let box: UnsafeMutablePointer<Box>

  package static func create() throws(EventLoopError) -> ThreadSignal {
    let box = UnsafeMutablePointer<Box>.allocate(capacity: 1)
    box.initialize(to: Box())
    return ThreadSignal(box: box)
  }

  package func send() {
    box.pointee.isSent = true
    box.pointee.listener?.plan()
  }

  /// Lets time go on until somebody sends or the time is over. True when somebody sent.
  package func wait(milliseconds: Int32 = -1) -> Bool {
    let network = Network.current
    let end =
      milliseconds < 0 ? UInt64.max : network.pointee.now + UInt64(milliseconds) * 1_000_000
    network.goOn(until: end) { box.pointee.isSent }
    defer { box.pointee.isSent = false }
    return box.pointee.isSent
  }

  package func close() { box.deallocate() }
}
