// Why this file exists: how a worker begins and ends. Between the two its thread belongs to the
// loop.
import EventLoop
import Forwarding
import HTTPParsing
import Primitives
import Telemetry

/// What the control loop asks of a worker; bits of one word, followed by a wake-up.
struct WorkerOrders {
  let word: SharedWord
  /// An `OverloadLevel`: what the memory of the process makes all workers refuse.
  let memory: SharedWord
  /// `limits.loop_lag` in nanoseconds; 0 = no bound.
  let lagLimit: SharedWord

  static let drain: UInt64 = 1
  /// End everything that is left, now.
  static let cut: UInt64 = 2
  /// Close the last handles: nobody wakes anybody any more.
  static let leave: UInt64 = 4
  /// Give unused memory back. The worker takes this one away again.
  static let trim: UInt64 = 8
  /// Close the idle connections to draining backends. The worker takes this one away again too.
  static let closeDrained: UInt64 = 16
  /// Show that the loop turns, by taking this one away.
  static let answer: UInt64 = 32

  /// Control loop only.
  func give(_ order: UInt64) { word.set(order) }

  /// Worker only: true when the order was there.
  func take(_ order: UInt64) -> Bool { word.clear(order) & order != 0 }

  /// Control loop only: the worker has not yet taken it away.
  func isLeft(_ order: UInt64) -> Bool { word.load() & order != 0 }
}

extension WorkerRef {
  /// Opens what belongs to the loop. Before the thread runs.
  func open(_ orders: ListenerOrders) throws(EventLoopError) {
    pointee.timer = Timer.create(pointee.loop, owner: UnsafeMutableRawPointer(self)) { owner in
      owner.assumingMemoryBound(to: Worker.self).timerFired()
    }
    let heart = Timer.create(pointee.loop, owner: UnsafeMutableRawPointer(self)) { owner in
      owner.assumingMemoryBound(to: Worker.self).beat()
    }
    pointee.heartbeat.timer = heart
    pointee.turns.task = RoundTask.create(
      pointee.loop, owner: UnsafeMutableRawPointer(self)
    ) { owner in owner.assumingMemoryBound(to: Worker.self).roundBegins() }
    let wakeup = try Wakeup.create(pointee.loop, owner: UnsafeMutableRawPointer(self)) { owner in
      owner.assumingMemoryBound(to: Worker.self).woken()
    }
    (pointee.shared.pointee.wakeups + pointee.index).initialize(to: wakeup)
    for order in orders.opened(by: pointee.index) { try open(order) }
  }

  /// First on the worker's thread: gives the loop that it runs.
  func begin() -> Loop {
    pointee.loop.updateTime()
    beginCallback()
    startLog()
    return pointee.loop
  }

  /// Last on the worker's thread: its loop has nothing left to do.
  func end() {
    _ = pointee.loop.destroy()
    destroy()
  }

  private func woken() {
    beginCallback()
    let orders = pointee.orders.word.load()
    if orders & WorkerOrders.drain != 0 && !pointee.isDraining { drain() }
    if orders & WorkerOrders.cut != 0 { cutAll() }
    if orders & WorkerOrders.leave != 0 { pointee.mayLeave = true }
    _ = pointee.orders.take(WorkerOrders.answer)
    if pointee.orders.take(WorkerOrders.trim) { trim() }
    if pointee.orders.take(WorkerOrders.closeDrained) {
      closeIdleBackends { $0.pointee.shared.isDraining }
    }
    setShedding()
    adoptChanges()
    attendToQueues()
    stopWhenEmpty()
  }

  // MARK: Draining

  /// What waits to be accepted is taken, then the listeners close; idle clients get a moment for
  /// one more request.
  private func drain() {
    pointee.isDraining = true
    closeListeners { _ in true }
    closeIdleBackends { _ in true }
    askForLastRequests { _ in true }
    pointee.shared.pointee.drainingWorkers.add(1)
  }

  /// Nothing is waited for any more.
  private func cutAll() {
    for index in 0..<pointee.clients.touched where pointee.clients.isInUse(index) {
      let client = pointee.clients.pointer(at: index)
      if let exchange = client.pointee.exchange {
        pointee.shared.pointee.cutExchanges.add(1)
        exchange.cut()
        client.settle()
      } else if client.isTakingAnswer {
        pointee.shared.pointee.cutExchanges.add(1)
      }
      client.close()
    }
    closeIdleBackends { _ in true }
  }

  private func closeIdleBackends(where isMeant: (BackendRef) -> Bool) {
    for index in 0..<pointee.backends.touched where pointee.backends.isInUse(index) {
      let backend = pointee.backends.pointer(at: index)
      if backend.pointee.phase == .idle && isMeant(backend) { backend.close() }
    }
  }

  /// Lets the loop end once it may and nothing is left.
  func stopWhenEmpty() {
    if !pointee.mayLeave || pointee.hasLeft { return }
    if pointee.clients.count > 0 || pointee.backends.count > 0 { return }
    pointee.hasLeft = true
    endLog()
    pointee.timer?.close()
    pointee.heartbeat.timer?.close()
    pointee.turns.task?.close()
    pointee.shared.pointee.wakeups[pointee.index].close()
  }

  private func destroy() {
    pointee.wheel.destroy()
    pointee.clients.destroy()
    pointee.backends.destroy()
    pointee.exchanges.destroy()
    pointee.buffers.destroy()
    if let table = pointee.handyTable { freeTable(table) }
    while let table = pointee.tables.pop() { freeTable(table) }
    pointee.tables.destroy()
    freeTable(pointee.spareTable)
    pointee.spans.pointee.destroy()
    pointee.spans.deallocate()
    pointee.noBudget.destroy()
    for memory in [
      pointee.readBuffer, pointee.scratch, pointee.target, pointee.chunkLine, pointee.dateLine,
    ] {
      memory.deallocate()
    }
    pointee.arrival.deallocate()
    pointee.limitLedger.destroy()
    pointee.vectors.deallocate()
    pointee.gathered.deallocate()
    pointee.pools.deallocate()
    pointee.queues.deallocate()
  }
}
