// Why this file exists: from a file name to a running gateway, in one straight line; whatever keeps
// it from starting is one line on standard error and exit code 1.

import Admin
import Configuration
import EventLoop
import Forwarding
import Glibc
import Logging
import Primitives
import Proxy

/// What `run` and `demo` do.
enum GatewayProcess {
  /// Runs until it is told to end; gives the exit code.
  static func run(configurationPath: String, isDemo: Bool) -> Int32 {
    Signals.expect(final: Supervisor.handled.final, other: Supervisor.handled.other)
    // Before there is another thread: the environment belongs to all of them.
    let invitation = ServiceManager.Invitation.take()
    Resolution.makeRoom()
    guard let loaded = ConfigurationReport.load(configurationPath) else { return 1 }
    let log = Logger(label: "gateway")
    DiagnosticLog.level = level(loaded.configuration.logging.level)
    var code: Int32 = 1
    do {
      try DiagnosticLog.start()
      code = try run(loaded, ServiceManager(invitation, log), isDemo: isDemo, log: log).rawValue
    } catch {
      log.error("cannot start: \(error)")
    }
    DiagnosticLog.finish()
    // Everything is written. A name server that keeps silent would hold up an ordinary exit for
    // 10 s and more, and whoever stops a container kills it before.
    if Resolution.isUnderWay { _exit(code) }
    return code
  }

  private static func run(
    _ loaded: ConfigurationReport.Loaded, _ manager: ServiceManager, isDemo: Bool, log: Logger
  ) throws -> Supervisor.Ending {
    let configuration = loaded.configuration
    Signals.ignoreBrokenPipes()
    try EventLoopLibrary.verify()
    let descriptorLimit = ProcessFacts.raiseDescriptorLimit()
    let budget = try plan(configuration, descriptorLimit, configuration.limits.connections)
    let demo = isDemo ? try DemoBackends.start() : nil
    defer { demo?.stop() }
    let loop = try Loop.create()
    let names = watchNames(loop, configuration, log)
    let dataPlane = try DataPlane(
      LiveConfiguration(configuration, names: names.addresses, generation: 1),
      settings(configuration, descriptorLimit, budget), seed: SystemRandomNumberGenerator())
    let watch = BackendWatch(log) { dataPlane.healthChanged() }
    let stateChanged = {
      dataPlane.healthChanged()
      _ = watch.look(now: Loop.clock())
    }
    let checks = HealthChecks(loop, places: budget.probes, onChange: stateChanged)
    let orders = BackendOrders({ dataPlane.snapshot }, onChange: stateChanged)
    orders.follow(configuration, now: Loop.clock())
    let supervisor = Supervisor(
      loop: loop, dataPlane: dataPlane, shutdown: configuration.shutdown, log: log)
    let changes = Changes(dataPlane, loop)
    names.onChange = changes.adopt(names:)
    let traces = try TraceExport(loop, dataPlane, log)
    let inUse = ConfigurationInUse(loaded)
    let reloads = try Reloads(loop, inUse, dataPlane, changes, names, log)
    let status = StatusReport(
      inUse, dataPlane, checks, traces, descriptorLimit: descriptorLimit,
      readiness: { [unowned supervisor] in supervisor.readiness })
    let admin = try open(configuration.admin, loop, status.source(orders, reloads))
    let overload = OverloadWatch(configuration.limits, .init(dataPlane), log)
    overload.start(on: loop)
    watch.follow(dataPlane.snapshot, configuration, now: Loop.clock())
    watch.start(on: loop)
    status.history.start(on: loop)
    checks.follow(dataPlane.snapshot, configuration)
    changes.onAdopted.append { live in
      orders.follow(live.configuration, now: Loop.clock())
      traces.follow(live)
      overload.follow(live.configuration.limits)
      watch.follow(dataPlane.snapshot, live.configuration, now: Loop.clock())
      checks.follow(dataPlane.snapshot, live.configuration)
      supervisor.follow(live.configuration.shutdown)
      DiagnosticLog.level = level(live.configuration.logging.level)
      follow(live.configuration.admin, admin)
    }
    let file = watchFile(loop, inUse, reloads, supervisor, log)
    tell(manager, supervisor, reloads, dataPlane)
    try supervisor.start()
    manager.begin(dataPlane, loop)
    announce(configuration, dataPlane, budget, log, isDemo: isDemo)
    let ending = supervisor.run()
    manager.close()
    admin?.close()
    overload.close()
    reloads.close()
    file.close()
    names.close()
    changes.close()
    checks.stop()
    watch.close()
    status.history.close()
    traces.end(within: supervisor.timeForSpans)
    _ = loop.destroy()
    return ending
  }

  private static func open(
    _ admin: AdminConfiguration?, _ loop: Loop, _ source: AdminSource
  ) throws(EventLoopError) -> AdminServer? {
    guard let admin else { return nil }
    return try AdminServer.open(loop, at: admin.address, token: admin.token, source: source)
  }

  /// A listener that the configuration does not have any more stays until a restart, and so does
  /// its token.
  private static func follow(_ next: AdminConfiguration?, _ admin: AdminServer?) {
    if let next { admin?.setToken(next.token) }
  }

  /// Has the names of the configuration looked up, and waits for the first answers.
  private static func watchNames(
    _ loop: Loop, _ configuration: GatewayConfiguration, _ log: Logger
  ) -> NameWatch {
    var seed = SystemRandomNumberGenerator()
    let names = NameWatch(loop, log, seed: seed.next())
    names.watch(configuration)
    names.awaitFirstAnswers()
    return names
  }

  /// Has the configuration read anew when its file changes, and for SIGHUP, until the end begins.
  private static func watchFile(
    _ loop: Loop, _ inUse: ConfigurationInUse, _ reloads: Reloads, _ supervisor: Supervisor,
    _ log: Logger
  ) -> FileWatch {
    let file = FileWatch(loop, inUse.loaded, log) { reloads.ask(.file, content: $0) }
    file.onLoadedContent = { [unowned reloads] in reloads.fileIsAsLoaded() }
    reloads.onLoaded = file.loaded
    reloads.onUnreadable = file.couldNotLoad
    supervisor.onReload = { reloads.ask(.signal) }
    supervisor.onEnding = {
      reloads.stop()
      file.close()
    }
    return file
  }

  /// The service manager hears of every reload, and of the end.
  private static func tell(
    _ manager: ServiceManager, _ supervisor: Supervisor, _ reloads: Reloads, _ dataPlane: DataPlane
  ) {
    reloads.onBegin = { manager.reloading(now: Loop.clock()) }
    reloads.onEnd = { manager.settled($0, generation: dataPlane.live.generation) }
    let before = supervisor.onEnding
    supervisor.onEnding = {
      before()
      let shutdown = dataPlane.live.configuration.shutdown
      manager.stopping(
        "draining, \(dataPlane.exchangesInFlight) requests in flight",
        within: shutdown.acceptGrace + shutdown.drain + endMargin)
    }
  }

  /// For cutting what is left and writing out the logs.
  private static let endMargin = Duration.seconds(5)

  /// The default of `limits.connections`.
  private static let usualConnections = 65_536

  /// With room for as many connections as a reload may ask for: address space alone costs nothing.
  private static func settings(
    _ configuration: GatewayConfiguration, _ descriptorLimit: Int, _ budget: DescriptorBudget
  ) -> DataPlaneSettings {
    let most = max(configuration.limits.connections, usualConnections)
    let roomy = try? plan(configuration, descriptorLimit, most)
    return DataPlaneSettings(
      workers: workers(configuration),
      connections: max(budget.connections, roomy?.connections ?? 0))
  }

  /// Keeps some descriptors from traffic and plans the rest.
  private static func plan(
    _ configuration: GatewayConfiguration, _ descriptorLimit: Int, _ connections: Int
  ) throws -> DescriptorBudget {
    DescriptorReserve.keep(limit: descriptorLimit)
    return try DescriptorBudget.plan(
      descriptorLimit: descriptorLimit, reserve: descriptorLimit - Int(DescriptorReserve.ceiling),
      workers: workers(configuration), listeners: configuration.listeners.count,
      connections: connections)
  }

  private static func workers(_ configuration: GatewayConfiguration) -> Int {
    switch configuration.workers {
    case .auto: CoreCount.available()
    case .exactly(let count): count
    }
  }

  private static func announce(
    _ configuration: GatewayConfiguration, _ dataPlane: DataPlane, _ budget: DescriptorBudget,
    _ log: Logger, isDemo: Bool
  ) {
    defer {
      let addresses = dataPlane.boundAddresses
      if isDemo { Output.write(DemoBanner.text(configuration, addresses: addresses)) }
    }
    log.notice(
      "listening",
      metadata: [
        "addresses": "\(dataPlane.boundAddresses.joined(separator: ", "))",
        "version": "\(Version.number)",
        "workers": "\(dataPlane.settings.workers)",
      ])
    if budget.isLowered {
      log.warning(
        "fewer connections than limits.connections: RLIMIT_NOFILE allows no more",
        metadata: [
          "configured": "\(configuration.limits.connections)",
          "connections": "\(budget.connections)",
        ])
    }
    ProcessFacts.returnUnusedCode()
  }

  private static func level(_ level: LoggingConfiguration.Level) -> Logger.Level {
    switch level {
    case .debug: .debug
    case .info: .info
    case .warning: .warning
    case .error: .error
    }
  }
}

extension DataPlane: DataPlaneControl {}

extension OverloadWatch.Workers {
  init(_ dataPlane: DataPlane) {
    self.init(
      shed: { dataPlane.shed($0) }, trim: { dataPlane.trim() },
      lagLevels: { dataPlane.lagLevels })
  }
}
