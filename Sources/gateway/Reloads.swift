// Why this file exists: from an order to read the configuration anew to its being in use, in one
// line: read and check, prepare what can fail, wait for new names, exchange, tell. Whatever goes
// wrong on the way leaves everything as it was.

import Configuration
import EventLoop
import Logging
import Primitives
import Proxy

/// Puts another configuration to use while the gateway runs. For the control loop's thread.
///
///     idle ──ask──▶ planned ──next round──▶ loading ──valid──▶ waiting for names ──▶ idle
///     loading ──invalid──▶ idle; at idle, if somebody has asked meanwhile ──▶ planned
final class Reloads {
  enum Trigger: String {
    case signal = "SIGHUP"
    case request = "POST /reload"
    case file = "the file has changed"
  }

  enum Outcome {
    case applied(ReloadReport)
    /// The file is as it was.
    case unchanged
    case refused(ConfigurationResult)
    /// The gateway is stopping.
    case unavailable
  }

  typealias Waiter = (Outcome) -> Void

  private let log: Logger
  private let loop: Loop
  private let inUse: ConfigurationInUse
  private let dataPlane: DataPlane
  private let changes: Changes
  private let names: NameWatch
  private let loading: ConfigurationLoading
  private var timer: Timer?
  private var orders = ReloadOrders()
  /// What is being carried out.
  private var present: ReloadOrders.Order?
  private var isStopping = false
  private var unopenedBefore: UInt64 = 0
  /// Called with the hash of every content that was loaded, good or not, and with the files that
  /// it names.
  var onLoaded: (String, [String: String]) -> Void = { _, _ in }
  /// Called instead when the file could not be read.
  var onUnreadable: () -> Void = {}
  /// Called when a reload begins, and when it has ended.
  var onBegin: () -> Void = {}
  var onEnd: (Outcome) -> Void = { _ in }

  init(
    _ loop: Loop, _ inUse: ConfigurationInUse, _ dataPlane: DataPlane, _ changes: Changes,
    _ names: NameWatch, _ log: Logger
  ) throws(EventLoopError) {
    self.loop = loop
    self.inUse = inUse
    self.dataPlane = dataPlane
    self.changes = changes
    self.names = names
    self.log = log
    loading = try ConfigurationLoading(loop, inUse)
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<Reloads>.fromOpaque(owner).takeUnretainedValue().begin()
    }
    changes.onCollected = { [unowned self] in tellOfUnopened() }
  }

  /// Orders a reload. Orders that come together, or while one is carried out, are one.
  func ask(_ trigger: Trigger, content: [UInt8]? = nil, _ waiter: Waiter? = nil) {
    if isStopping {
      log.notice(
        "draining: the configuration is not read any more", metadata: ["by": "\(trigger.rawValue)"])
      waiter?(.unavailable)
      return
    }
    orders.add(trigger, content: content, waiter)
    if present == nil { timer?.start(at: loop.now) }
  }

  /// The file holds what was loaded last.
  func fileIsAsLoaded() { orders.withdraw() }

  /// The gateway is going to stop: what is under way has no effect.
  func stop() { isStopping = true }

  func close() {
    isStopping = true
    timer?.close()
    timer = nil
    loading.close()
  }

  // MARK: One reload

  private func begin() {
    guard present == nil, let order = orders.take() else { return }
    present = order
    onBegin()
    loading.start(order.content) { [unowned self] result, difference in
      loaded(result, difference)
    }
  }

  private func loaded(_ result: ConfigurationResult, _ difference: ReloadDifference?) {
    if isStopping { return finish(.unavailable) }
    if result.isUnreadable {
      onUnreadable()
    } else {
      onLoaded(result.contentHash, result.namedFiles)
    }
    guard let loaded = ConfigurationReport.Loaded(inUse.path, result), let difference else {
      return refuse(result)
    }
    if loaded.contentHash == inUse.loaded.contentHash,
      loaded.configuration == inUse.loaded.configuration
    {
      return stay(loaded)
    }
    let prepared: PreparedChange
    do throws(PreparationProblem) {
      prepared = try dataPlane.prepare(loaded.configuration)
    } catch {
      return refuse(refusal(of: result, error))
    }
    names.prepare(loaded.configuration, after: inUse.loaded.configuration) { [unowned self] in
      exchange(loaded, result, difference, prepared)
    }
  }

  /// What the system has said, where the file has asked for it.
  private func refusal(
    of result: ConfigurationResult, _ problem: PreparationProblem
  ) -> ConfigurationResult {
    switch problem {
    case .listener(let position, let error):
      let listener = result.values?.field("listeners")?.elements[position]
      return result.refused(
        .cannotListen, at: listener?.field("address"), path: "listeners[\(position)].address",
        file: inUse.path, "\(error)")
    case .accessLog(let error):
      let output = result.values?.field("logging")?.field("access")?.field("output")
      return result.refused(
        .cannotOpen, at: output, path: "logging.access.output", file: inUse.path, "\(error)")
    }
  }

  private func exchange(
    _ loaded: ConfigurationReport.Loaded, _ result: ConfigurationResult,
    _ difference: ReloadDifference, _ prepared: PreparedChange
  ) {
    if isStopping {
      prepared.discard()
      return finish(.unavailable)
    }
    let generation = dataPlane.live.generation + 1
    let report = ReloadReport(difference, generation: generation, hash: loaded.contentHash)
    changes.adopt(
      LiveConfiguration(loaded.configuration, names: names.addresses, generation: generation),
      prepared)
    names.watch(loaded.configuration)
    tellOfRoom(loaded.configuration.limits.connections)
    inUse.accepted(loaded, .applied, trigger: trigger, pending: report.pending)
    report.tell(log, trigger: trigger)
    ReloadReport.tellWarnings(of: result, log)
    finish(.applied(report))
  }

  private func stay(_ loaded: ConfigurationReport.Loaded) {
    let wasBroken = inUse.refused != nil
    inUse.accepted(loaded, .unchanged, trigger: trigger, pending: inUse.pending)
    log.notice(
      wasBroken
        ? "the configuration file is good again, and says what is in use"
        : "configuration read again: nothing has changed", metadata: ["by": "\(trigger)"])
    finish(.unchanged)
  }

  private func refuse(_ result: ConfigurationResult) {
    let isNew = inUse.wasRefused(result, trigger: trigger)
    if isNew {
      ReloadReport.tellRefusal(
        result, log, trigger: trigger, generation: dataPlane.live.generation)
    }
    finish(.refused(result))
  }

  /// At start the descriptors set the bound; a reload finds the room that there is.
  private func tellOfRoom(_ configured: Int) {
    let before = inUse.loaded.configuration.limits.connections
    if configured == before || configured <= dataPlane.connectionsMax { return }
    log.warning(
      "fewer connections than limits.connections: there is no room for more before a restart",
      metadata: ["configured": "\(configured)", "connections": "\(dataPlane.connectionsMax)"])
  }

  private func tellOfUnopened() {
    let count = dataPlane.unopenedListeners
    if count == unopenedBefore { return }
    log.error(
      "a worker could not open a listener; the others serve it, a restart helps",
      metadata: ["workers": "\(count - unopenedBefore)"])
    unopenedBefore = count
  }

  private var trigger: String { present?.trigger.rawValue ?? "" }

  private func finish(_ outcome: Outcome) {
    let waiters = present?.waiters ?? []
    present = nil
    onEnd(outcome)
    for waiter in waiters { waiter(outcome) }
    ProcessFacts.returnUnusedCode()
    if !orders.isEmpty { timer?.start(at: loop.now) }
  }
}
