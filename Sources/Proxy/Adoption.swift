// Why this file exists: a worker goes over to another snapshot between two callbacks, when nothing
// of the old one is on its stack. What it keeps by number is made to fit; exchanges under way stay
// on the snapshot they began with.
import Balancing
import EventLoop
import Forwarding
import HTTPParsing
import Primitives
import Telemetry

extension WorkerRef {
  /// Takes over every change that there is, in their order.
  func adoptChanges() {
    var hasChanged = false
    while let change = pointee.change.pointee.following {
      adopt(change)
      pointee.change = change
      // From here on the control loop may free what only the change before needed.
      pointee.shared.pointee.adopted[8 * pointee.index].storeReleasing(change.pointee.sequence)
      hasChanged = true
    }
    // New backends may have places for those who wait.
    if hasChanged { serveAllWaiting() }
  }

  private func adopt(_ change: ChangeRef) {
    takeMetrics(of: change)
    forgetServices(change.pointee.forgotten.services)
    pointee.pools = grown(pointee.pools, to: change.pointee.backendNumbers, with: Pool())
    pointee.queues = grown(pointee.queues, to: change.pointee.serviceNumbers, with: WaitQueue())
    growTables(to: change.pointee.snapshot.pointee.headFields)
    use(change.pointee.snapshot)
    for index in pointee.pools.indices { shedSurplus(of: index) }
    setTracing(change.pointee.tracing)
    setLogging(change.pointee.logging)
    follow(change.pointee.listeners)
  }

  /// Lets requests begin on the snapshot.
  func use(_ snapshot: UnsafePointer<Snapshot>) {
    pointee.snapshot = snapshot
    pointee.users = Snapshot.users(of: snapshot, worker: pointee.index)
    for index in pointee.pools.indices { pointee.pools[index].idleMax = 0 }
    for index in 0..<snapshot.pointee.serviceCount {
      let service = snapshot.pointee.services + index
      pointee.queues[service.pointee.shared.queueIndex].shared = service.pointee.shared
      let backends = snapshot.pointee.backends + Int(service.pointee.first)
      for position in 0..<service.pointee.view.count {
        let number = backends[position].shared.poolIndex
        pointee.pools[number].idleMax = service.pointee.idleMax
        pointee.pools[number].idleTimeout = service.pointee.idleTimeout
      }
    }
  }

  /// All idle connections to a backend that has been removed, and those that a lower bound leaves
  /// no place.
  private func shedSurplus(of index: Int) {
    while pointee.pools[index].count > pointee.pools[index].idleMax {
      pointee.pools[index].oldest?.close()
    }
  }

  /// Nobody refers to these services any more, so nobody waits for one.
  private func forgetServices(_ forgotten: Bitset) {
    for index in pointee.queues.indices where forgotten.has(index + 1) {
      precondition(pointee.queues[index].first == nil)
      pointee.queues[index].shared = nil
    }
  }

  private func takeMetrics(of change: ChangeRef) {
    guard let shards = change.pointee.shards else {
      return pointee.metrics.forget(backends: change.pointee.forgotten.backends)
    }
    let shard = shards[pointee.index]
    shard.take(over: pointee.metrics, without: change.pointee.forgotten)
    pointee.metrics = shard
    pointee.log.countDropped(in: shard.accessLogDropped)
  }

  private func grown<Element>(
    _ buffer: UnsafeMutableBufferPointer<Element>, to count: Int, with filling: Element
  ) -> UnsafeMutableBufferPointer<Element> {
    if count <= buffer.count { return buffer }
    // A quarter more, so that growing by one does not copy every time.
    let larger = UnsafeMutableBufferPointer<Element>.allocate(capacity: count + count / 4)
    let end = larger.moveInitialize(fromContentsOf: buffer)
    larger[end...].initialize(repeating: filling)
    buffer.deallocate()
    return larger
  }

  /// Tables that are lent out keep their size: a head that is being read keeps the bound it began
  /// with.
  private func growTables(to headFields: Int) {
    if headFields <= pointee.tableFields { return }
    pointee.tableFields = headFields
    while let table = pointee.tables.pop() { freeTable(table) }
    if let table = pointee.handyTable { freeTable(table) }
    pointee.handyTable = nil
    freeTable(pointee.spareTable)
    pointee.spareTable = makeTable(fields: headFields)
  }
}
