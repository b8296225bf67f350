// Why this file exists: the workers as one thing, for the main thread: made, started, drained,
// stopped, and read from.
import Balancing
package import Configuration
package import EventLoop
package import Forwarding
import HTTPParsing
package import Primitives
package import Telemetry

/// What the main thread decides before there are workers.
package struct DataPlaneSettings {
  package var workers: Int
  /// Client connections, all workers together.
  package var connections: Int
  /// The addresses of every host name among the backends.
  package var names: [String: [IPAddress]]
  package var generation: UInt64

  package init(
    workers: Int, connections: Int, names: [String: [IPAddress]], generation: UInt64
  ) {
    self.workers = workers
    self.connections = connections
    self.names = names
    self.generation = generation
  }
}

/// All workers of the process. Made and used by the main thread only.
package final class DataPlane {
  package let settings: DataPlaneSettings
  package let configuration: GatewayConfiguration
  package let layout: MetricsLayout
  package var snapshot: UnsafePointer<Snapshot> { owned.pointer }
  private let owned: OwnedSnapshot
  private let registry: SharedRegistry
  private let shared: UnsafeMutablePointer<ProcessShared>
  /// A cache line for each worker: exchanges in flight, and what its lateness makes it refuse.
  private let inFlight: SharedWords
  /// An `OverloadLevel`.
  private let memoryLevel = SharedWord.allocate()
  private var workers: [WorkerRef] = []
  private var threads: [WorkerThread] = []
  private var unixFiles: [UnixSocketFile] = []
  private let log: AccessLogWriter?

  /// Binds every listener, so that an address in use is known before anything runs.
  package init(
    _ configuration: GatewayConfiguration, _ settings: DataPlaneSettings
  ) throws(EventLoopError) {
    self.configuration = configuration
    self.settings = settings
    registry = SharedRegistry(workers: settings.workers)
    var seed = SystemRandomNumberGenerator()
    let builder = SnapshotBuilder(registry: registry, names: settings.names, hashKey: seed.next())
    owned = builder.build(configuration, generation: settings.generation)
    layout = DataPlane.layout(configuration, owned.pointer)
    let wakeups = UnsafeMutablePointer<Wakeup>.allocate(capacity: settings.workers)
    shared = UnsafeMutablePointer<ProcessShared>.allocate(capacity: 1)
    shared.initialize(
      to: ProcessShared(
        connections: .allocate(), connectionsMax: UInt64(settings.connections),
        drainingWorkers: .allocate(), cutExchanges: .allocate(), wakeups: wakeups,
        workerCount: settings.workers))
    inFlight = SharedWords.allocate(count: 8 * settings.workers)
    log = try AccessLogWriter.open(configuration.logging.access, workers: settings.workers)
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
  package var exchangesInFlight: Int {
    let sum = (0..<settings.workers).reduce(UInt64(0)) { $0 &+ inFlight[8 * $1].load() }
    return max(0, Int(truncatingIfNeeded: sum))
  }

  /// Cuts what is left, ends the threads, writes the log out. Gives how many exchanges were cut.
  /// Once.
  package func stop() -> Int {
    for file in unixFiles { file.remove() }
    give(WorkerOrders.drain | WorkerOrders.cut | WorkerOrders.leave)
    for thread in threads { thread.join() }
    log?.close()
    return Int(shared.pointee.cutExchanges.load())
  }

  private func give(_ orders: UInt64) {
    for (index, worker) in workers.enumerated() {
      worker.pointee.orders.give(orders)
      shared.pointee.wakeups[index].send()
    }
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

  /// Has the workers give unused memory back to the system.
  package func trim() { give(WorkerOrders.trim) }

  /// What each worker refuses because it is late.
  package var lagLevels: [OverloadLevel] {
    (0..<settings.workers).map { index in
      let word = inFlight[8 * index + 1].load()
      return OverloadLevel(rawValue: UInt8(truncatingIfNeeded: word)) ?? .nothing
    }
  }

  // MARK: Reading

  /// The metrics of every worker.
  package var shards: [MetricsShard] { workers.map { $0.pointee.metrics } }

  /// Where it listens, with the ports that were given for port 0.
  package private(set) var boundAddresses: [String] = []

  // MARK: Parts of the making

  private func bind() throws(EventLoopError) -> [[ListeningSocket]] {
    var sockets = [[ListeningSocket]](repeating: [], count: settings.workers)
    for listener in configuration.listeners {
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
    let fields = max(configuration.limits.headFields, Bounds.responseHeadFields)
    let connections = settings.connections
    let pools = UnsafeMutablePointer<Pool>.allocate(capacity: max(registry.backendCount, 1))
    pools.initialize(repeating: Pool(), count: max(registry.backendCount, 1))
    let queues = UnsafeMutablePointer<WaitQueue>.allocate(capacity: max(registry.serviceCount, 1))
    queues.initialize(repeating: WaitQueue(), count: max(registry.serviceCount, 1))
    let clients: Slab<ClientConnection> = .reserve(
      capacity: connections + Bounds.refusedConnections)
    let backends: Slab<BackendConnection> = .reserve(
      capacity: connections + registry.backendCount * 1024 + 1024)
    let exchanges: Slab<ExchangeNode> = .reserve(
      capacity: connections + Bounds.refusedConnections)
    worker.initialize(
      to: Worker(
        index: index, loop: loop, shared: UnsafePointer(shared), now: now,
        inFlight: inFlight.counter(8 * index),
        lagLevel: inFlight.counter(8 * index + 1), snapshot: snapshot, wheel: .create(now: now),
        clients: clients, backends: backends, exchanges: exchanges, tables: .create(capacity: 64),
        spareTable: makeTable(fields: fields), tableFields: fields,
        pools: pools, queues: queues, metrics: .create(layout: layout),
        random: Xoroshiro(seed: random),
        heartbeat: Heartbeat(limit: configuration.limits.loopLag),
        orders: WorkerOrders(word: .allocate(), memory: memoryLevel)))
    worker.pointee.spans.initialize(to: BodySpans.create(capacity: Worker.spanCount))
    worker.pointee.accessLog = log?.line(for: index)
    return worker
  }

  private static func layout(
    _ configuration: GatewayConfiguration, _ snapshot: UnsafePointer<Snapshot>
  ) -> MetricsLayout {
    var backends: [MetricsLayout.Backend] = []
    for index in 0..<snapshot.pointee.serviceCount {
      let service = snapshot.pointee.services + index
      for position in 0..<service.pointee.view.count {
        let entry = snapshot.pointee.backends + Int(service.pointee.first) + position
        let label = String(decoding: entry.pointee.label.buffer, as: UTF8.self)
        backends.append(MetricsLayout.Backend(label, service: index + 1))
      }
    }
    return MetricsLayout(
      routes: configuration.routes.map { MetricsLayout.Route($0.name, service: $0.service + 1) },
      services: configuration.services.map(\.name), backends: backends)
  }
}
