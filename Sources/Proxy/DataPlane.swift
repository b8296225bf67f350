// Why this file exists: the workers as one thing, for the main thread: made, started, drained,
// stopped, and read from.
import Balancing
package import Configuration
package import EventLoop
package import Forwarding
import HTTPParsing
package import Primitives
package import Telemetry

/// What the main thread decides before there are workers, and what does not change any more.
package struct DataPlaneSettings {
  package var workers: Int
  /// Client connections that there is room for, all workers together. `limits.connections` may be
  /// lower, and change.
  package var connections: Int

  package init(workers: Int, connections: Int) {
    self.workers = workers
    self.connections = connections
  }
}

/// All workers of the process. Made and used by the main thread only.
package final class DataPlane {
  package let settings: DataPlaneSettings
  let chain: SnapshotChain
  let shared: UnsafeMutablePointer<ProcessShared>
  /// An `OverloadLevel` for each worker, on a cache line of its own: what its lateness makes it
  /// refuse.
  private let lagWords: SharedWords
  /// An `OverloadLevel`.
  private let memoryLevel = SharedWord.allocate()
  /// `limits.loop_lag` in nanoseconds; 0 = no bound.
  private let lagLimit = SharedWord.allocate()
  private(set) var workers: [WorkerRef] = []
  private var threads: [WorkerThread] = []
  private let listeners: ListenerSet
  private let log: AccessLogWriter
  /// Where each worker puts the traces that are to be exported.
  package let traces: [TraceRing]

  /// Binds every listener, so that an address in use is known before anything runs.
  /// - Parameter seed: what clients' keys are hashed with, and what workers draw from. Of the
  ///   system, except where all is to happen again as it did.
  package init(
    _ live: LiveConfiguration, _ settings: DataPlaneSettings,
    seed: some RandomNumberGenerator
  ) throws(EventLoopError) {
    var seed = seed
    self.settings = settings
    listeners = ListenerSet(workers: settings.workers)
    let bound = try DataPlane.prepared(listeners, live.configuration)
    chain = SnapshotChain(
      live, workers: settings.workers, hashKey: seed.next(), now: Loop.clock(),
      listeners: listeners.commit(bound))
    lagWords = .allocate(count: 8 * settings.workers)
    let wakeups = UnsafeMutablePointer<Wakeup>.allocate(capacity: settings.workers)
    shared = UnsafeMutablePointer<ProcessShared>.allocate(capacity: 1)
    shared.initialize(
      to: ProcessShared(
        connections: .allocate(), connectionsMax: .allocate(),
        drainingWorkers: .allocate(), cutExchanges: .allocate(), wakeups: wakeups,
        adopted: chain.adopted, unopened: .allocate(), workerCount: settings.workers))
    log = try AccessLogWriter.open(
      live.configuration.logging.access.output, workers: settings.workers)
    traces = (0..<settings.workers).map { _ in .create() }
    setLimits(live.configuration.limits)
    for index in 0..<settings.workers {
      let worker = try makeWorker(index, random: seed.next())
      workers.append(worker)
      try worker.open(chain.first.pointee.listeners)
    }
  }

  deinit { for ring in traces { ring.destroy() } }

  /// What wakes the reader of `traces` when a worker has many of them. Before `start`; it must live
  /// until `stop` has ended.
  package func wakeForTraces(_ wakeup: Wakeup) { shared.pointee.tracesWait = wakeup }

  /// Starts the threads: from here on connections are accepted.
  package func start() throws(EventLoopError) {
    for (index, worker) in workers.enumerated() {
      let address = UInt(bitPattern: worker)
      threads.append(
        try WorkerThread.start(
          name: "worker-\(index)",
          running: { WorkerRef(bitPattern: address).unsafelyUnwrapped.begin() },
          then: { WorkerRef(bitPattern: address).unsafelyUnwrapped.end() }))
    }
  }

  // MARK: Stopping

  /// Stops accepting, once what waits in the accept queues has been taken; see `WorkerRef.drain`.
  package func beginDrain(deadline: Instant) {
    listeners.removeFiles()
    give(WorkerOrders.drain)
  }

  /// No client connection is left, and none can come. Only after `beginDrain`.
  package var isDrained: Bool {
    shared.pointee.drainingWorkers.load() == UInt64(settings.workers)
      && shared.pointee.connections.load() == 0
  }

  /// Client connections that are let in now: `limits.connections`, as far as there is room.
  package var connectionsMax: Int { Int(shared.pointee.connectionsMax.load()) }

  /// Requests under way, tunnels included.
  package var exchangesInFlight: Int { chain.exchangesInFlight }

  /// Cuts what is left, ends the threads, writes the log out. Gives how many exchanges were cut.
  /// Once.
  package func stop() -> Int {
    listeners.removeFiles()
    give(WorkerOrders.drain | WorkerOrders.cut | WorkerOrders.leave)
    for thread in threads { thread.join() }
    log.close()
    chain.destroy()
    return Int(shared.pointee.cutExchanges.load())
  }

  func give(_ orders: UInt64) {
    for worker in workers { worker.pointee.orders.give(orders) }
    wakeAll()
  }

  private func wakeAll() {
    for index in workers.indices { shared.pointee.wakeups[index].send() }
  }

  /// Opens the access log's file anew; an error when that failed, and the old one is still written
  /// to.
  package func reopenLogs() -> EventLoopError? { log.reopen() }

  /// True when every worker's loop has turned since the last call, or this is the first; asks them
  /// all again.
  package func workersHaveTurned() -> Bool {
    let hung = workers.contains { $0.pointee.orders.isLeft(WorkerOrders.answer) }
    give(WorkerOrders.answer)
    return !hung
  }

  // MARK: Overload

  /// What the memory of the process makes all workers refuse.
  package func shed(_ level: OverloadLevel) {
    memoryLevel.store(UInt64(level.rawValue))
    give(level == .nothing ? 0 : WorkerOrders.trim)
  }

  private func setLimits(_ limits: LimitsConfiguration) {
    shared.pointee.connectionsMax.store(UInt64(min(limits.connections, settings.connections)))
    lagLimit.store(limits.loopLag.map { UInt64($0.nanoseconds) } ?? 0)
  }

  /// Has the workers give unused memory back to the system.
  package func trim() { give(WorkerOrders.trim) }

  /// What each worker refuses because it is late.
  package var lagLevels: [OverloadLevel] {
    (0..<settings.workers).map { index in
      let word = lagWords[8 * index].load()
      return OverloadLevel(word: word)
    }
  }

  // MARK: Changing

  /// Requests that begin from now on (a moment later on a busy worker) find these backends and
  /// rules. Those under way finish on what they began with; removed backends get no new requests.
  /// Waits for nobody. Not after `stop`.
  package func adopt(
    _ live: LiveConfiguration, _ prepared: PreparedChange = PreparedChange()
  ) {
    // Lines of before may come after the change of the output, but none is lost.
    if let output = prepared.log { log.use(output) }
    chain.adopt(live, now: Loop.clock(), listeners: listeners.commit(prepared.listeners))
    setLimits(live.configuration.limits)
    wakeAll()
  }

  /// Does what can fail of putting a configuration to use, for `adopt`: binds the listeners that it
  /// adds, opens its access log. Nothing is different when this throws; what comes of it is to be
  /// discarded when it is not adopted.
  package func prepare(
    _ configuration: GatewayConfiguration
  ) throws(PreparationProblem) -> PreparedChange {
    var prepared = PreparedChange()
    do throws(ListenerProblem) {
      prepared.listeners = try listeners.prepare(configuration.listeners)
    } catch {
      throw .listener(position: error.position, error.error)
    }
    let output = configuration.logging.access.output
    if output == live.configuration.logging.access.output { return prepared }
    do throws(EventLoopError) {
      prepared.log = try AccessLogWriter.prepare(output)
    } catch {
      prepared.listeners.discard()
      throw .accessLog(error)
    }
    return prepared
  }

  /// Frees what the last exchange has left. True when nothing waits to be freed: to be called from
  /// time to time until then.
  package func collect() -> Bool {
    if chain.isTakenOver { listeners.allAreClosed() }
    return chain.collect()
  }

  /// How often a worker could not open a listener that a reload has brought.
  package var unopenedListeners: UInt64 { shared.pointee.unopened.load() }

  // MARK: Reading

  /// What is in use, in the three forms in which it is asked for.
  package var live: LiveConfiguration { chain.live }
  package var snapshot: UnsafePointer<Snapshot> { chain.current.pointer }
  package var layout: MetricsLayout { chain.layout }

  /// The metrics of every worker, and what all have in common for each backend of the layout.
  package var shards: [MetricsShard] { chain.shards }
  package var gauges: [BackendGauges] { chain.gauges }

  /// Every limit that some route names, or named a moment ago.
  package var limitUses: [KnownLimitUse] { chain.registry.knownLimitUses }

  /// How often another snapshot came into use, and how many are kept for exchanges on them.
  package var revision: UInt64 { chain.revision }
  package var retiredSnapshots: Int { chain.retiredCount }

  /// Where it listens, with the ports that were given for port 0.
  package var boundAddresses: [String] { listeners.boundAddresses }

  // MARK: Parts of the making

  private static func prepared(
    _ listeners: ListenerSet, _ configuration: GatewayConfiguration
  ) throws(EventLoopError) -> PreparedListeners {
    do throws(ListenerProblem) {
      return try listeners.prepare(configuration.listeners)
    } catch {
      throw error.error
    }
  }

  private func makeWorker(_ index: Int, random: UInt64) throws(EventLoopError) -> WorkerRef {
    let loop = try Loop.create()
    let worker = WorkerRef.allocate(capacity: 1)
    let now = loop.now
    let first = chain.first
    let fields = max(first.pointee.snapshot.pointee.headFields, Bounds.responseHeadFields)
    let connections = settings.connections
    let clients: Slab<ClientConnection> = .reserve(
      capacity: connections + Bounds.refusedConnections)
    let backends: Slab<BackendConnection> = .reserve(
      capacity: connections + Bounds.pooledConnections(backends: first.pointee.backendNumbers))
    let exchanges: Slab<ExchangeNode> = .reserve(
      capacity: connections + Bounds.refusedConnections)
    let snapshot = first.pointee.snapshot
    worker.initialize(
      to: Worker(
        index: index, loop: loop, shared: UnsafePointer(shared), now: now,
        snapshot: snapshot, users: Snapshot.users(of: snapshot, worker: index), change: first,
        lagLevel: lagWords.counter(8 * index), wheel: .create(now: now),
        clients: clients, backends: backends, exchanges: exchanges, tables: .create(capacity: 64),
        spareTable: makeTable(fields: fields), tableFields: fields,
        pools: room(first.pointee.backendNumbers, Pool()),
        queues: room(first.pointee.serviceNumbers, WaitQueue()), metrics: chain.shards[index],
        log: log.line(for: index), traces: traces[index],
        random: Xoroshiro(seed: random),
        orders: WorkerOrders(word: .allocate(), memory: memoryLevel, lagLimit: lagLimit)))
    worker.use(snapshot)
    worker.pointee.spans.initialize(to: BodySpans.create(capacity: Worker.spanCount))
    worker.pointee.arrival.initialize(to: Arrival.blank(worker.pointee.spareTable))
    worker.setTracing(first.pointee.tracing)
    worker.setLogging(first.pointee.logging)
    return worker
  }

  private func room<Element>(
    _ count: Int, _ filling: Element
  ) -> UnsafeMutableBufferPointer<Element> {
    let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: count)
    buffer.initialize(repeating: filling)
    return buffer
  }
}
