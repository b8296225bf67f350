// Why this file exists: the workers as one thing, for the main thread: made, started, drained,
// stopped, and read from.
import Balancing
import Configuration
package import EventLoop
package import Forwarding
import HTTPParsing
package import Primitives
package import Telemetry

/// What the main thread decides before there are workers, and what does not change any more.
package struct DataPlaneSettings {
  package var workers: Int
  /// Client connections, all workers together.
  package var connections: Int

  package init(workers: Int, connections: Int) {
    self.workers = workers
    self.connections = connections
  }
}

/// All workers of the process. Made and used by the main thread only.
package final class DataPlane {
  package let settings: DataPlaneSettings
  private let chain: SnapshotChain
  private let shared: UnsafeMutablePointer<ProcessShared>
  /// An `OverloadLevel` for each worker, on a cache line of its own: what its lateness makes it
  /// refuse.
  private let lagWords: SharedWords
  /// An `OverloadLevel`.
  private let memoryLevel = SharedWord.allocate()
  /// `limits.loop_lag` in nanoseconds; 0 = no bound.
  private let lagLimit = SharedWord.allocate()
  private var workers: [WorkerRef] = []
  private var threads: [WorkerThread] = []
  private var unixFiles: [UnixSocketFile] = []
  private let log: AccessLogWriter?

  /// Binds every listener, so that an address in use is known before anything runs.
  package init(
    _ live: LiveConfiguration, _ settings: DataPlaneSettings
  ) throws(EventLoopError) {
    self.settings = settings
    var seed = SystemRandomNumberGenerator()
    chain = SnapshotChain(
      live, workers: settings.workers, hashKey: seed.next(), now: Loop.clock())
    lagWords = .allocate(count: 8 * settings.workers)
    let wakeups = UnsafeMutablePointer<Wakeup>.allocate(capacity: settings.workers)
    shared = UnsafeMutablePointer<ProcessShared>.allocate(capacity: 1)
    shared.initialize(
      to: ProcessShared(
        connections: .allocate(), connectionsMax: UInt64(settings.connections),
        drainingWorkers: .allocate(), cutExchanges: .allocate(), wakeups: wakeups,
        adopted: chain.adopted, workerCount: settings.workers))
    let logging = live.configuration.logging.access
    log = try AccessLogWriter.open(logging, workers: settings.workers)
    setLagLimit(live.configuration.limits)
    let sockets = try bind()
    for index in 0..<settings.workers {
      let worker = try makeWorker(index, random: seed.next())
      workers.append(worker)
      try worker.open(sockets[index])
    }
  }

  /// Starts the threads: from here on connections are accepted.
  package func start() throws(EventLoopError) {
    for (index, worker) in workers.enumerated() {
      let address = UInt(bitPattern: worker)
      threads.append(
        try WorkerThread.start(name: "worker-\(index)") {
          UnsafeMutablePointer<Worker>(bitPattern: address).unsafelyUnwrapped.run()
        })
    }
  }

  // MARK: Stopping

  /// Stops accepting, once what waits in the accept queues has been taken; see `WorkerRef.drain`.
  package func beginDrain(deadline: Instant) {
    for file in unixFiles { file.remove() }
    give(WorkerOrders.drain)
  }

  /// No client connection is left, and none can come. Only after `beginDrain`.
  package var isDrained: Bool {
    shared.pointee.drainingWorkers.load() == UInt64(settings.workers)
      && shared.pointee.connections.load() == 0
  }

  /// Requests under way, tunnels included.
  package var exchangesInFlight: Int { chain.exchangesInFlight }

  /// Cuts what is left, ends the threads, writes the log out. Gives how many exchanges were cut.
  /// Once.
  package func stop() -> Int {
    for file in unixFiles { file.remove() }
    give(WorkerOrders.drain | WorkerOrders.cut | WorkerOrders.leave)
    for thread in threads { thread.join() }
    log?.close()
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
  package func reopenLogs() -> EventLoopError? { log?.reopen() }

  // MARK: Overload

  /// What the memory of the process makes all workers refuse.
  package func shed(_ level: OverloadLevel) {
    memoryLevel.store(UInt64(level.rawValue))
    give(level == .nothing ? 0 : WorkerOrders.trim)
  }

  private func setLagLimit(_ limits: LimitsConfiguration) {
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
  package func adopt(_ live: LiveConfiguration) {
    chain.adopt(live, now: Loop.clock())
    setLagLimit(live.configuration.limits)
    wakeAll()
  }

  /// Frees what the last exchange has left. True when nothing waits to be freed: to be called from
  /// time to time until then.
  package func collect() -> Bool { chain.collect() }

  // MARK: Reading

  /// What is in use, in the three forms in which it is asked for.
  package var live: LiveConfiguration { chain.live }
  package var snapshot: UnsafePointer<Snapshot> { chain.current.pointer }
  package var layout: MetricsLayout { chain.layout }

  /// The metrics of every worker, and what all have in common for each backend of the layout.
  package var shards: [MetricsShard] { chain.shards }
  package var gauges: [BackendGauges] { chain.gauges }

  /// How often another snapshot came into use, and how many are kept for exchanges on them.
  package var revision: UInt64 { chain.revision }
  package var retiredSnapshots: Int { chain.retiredCount }

  /// Where it listens, with the ports that were given for port 0.
  package private(set) var boundAddresses: [String] = []

  // MARK: Parts of the making

  private func bind() throws(EventLoopError) -> [[ListeningSocket]] {
    var sockets = [[ListeningSocket]](repeating: [], count: settings.workers)
    for listener in live.configuration.listeners {
      switch listener.address.form {
      case .unix(let path):
        let socket = try ListeningSocket.unix(path)
        if let file = UnixSocketFile(path: path) { unixFiles.append(file) }
        boundAddresses.append("unix:\(path)")
        for index in 0..<settings.workers {
          sockets[index].append(index == 0 ? socket : try socket.duplicate())
        }
      case .endpoint(let endpoint):
        try ListeningSocket.probe(endpoint)
        let first = try ListeningSocket.tcp(endpoint, reusePort: true)
        boundAddresses.append("\(first.boundEndpoint)")
        sockets[0].append(first)
        for index in 1..<max(settings.workers, 1) {
          sockets[index].append(try ListeningSocket.tcp(first.boundEndpoint, reusePort: true))
        }
      case .name(let name, _): preconditionFailure("a listener by name: \(name)")
      }
    }
    return sockets
  }

  private func makeWorker(_ index: Int, random: UInt64) throws(EventLoopError) -> WorkerRef {
    let loop = try Loop.create()
    let worker = WorkerRef.allocate(capacity: 1)
    let now = loop.now
    let first = chain.first
    let fields = max(first.pointee.headFields, Bounds.responseHeadFields)
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
        random: Xoroshiro(seed: random),
        orders: WorkerOrders(word: .allocate(), memory: memoryLevel, lagLimit: lagLimit)))
    worker.use(snapshot)
    worker.pointee.spans.initialize(to: BodySpans.create(capacity: Worker.spanCount))
    worker.pointee.arrival.initialize(to: Arrival.blank(worker.pointee.spareTable))
    worker.pointee.accessLog = log?.line(for: index)
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
