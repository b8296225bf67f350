// Why this file exists: workers act on a backend's state and say nothing; the operator is told of
// every change once, with its cause, by the one thread that looks at all backends.

import Balancing
import Configuration
import EventLoop
import Forwarding
import Health
import Logging
import Primitives

/// Tells the changes of all backends' states. For the control loop.
final class BackendWatch {
  /// Often enough that nobody waits for the line.
  static let period = Duration.milliseconds(100)
  /// Workers count every change that they make; what time alone changes is looked for in one round
  /// of so many, so that a gateway where nothing happens does next to nothing.
  static let roundsBetweenLooks = 10

  private struct Entry {
    var service: String
    var backend: String
    var health: BackendHealth
    var warmUp: Duration
    var state: BackendState
  }

  private let log: Logger
  private let onChange: () -> Void
  private var entries: [Entry] = []
  /// Of the newest snapshot.
  private var pools: [BackendPool] = []
  /// One for each service: how many changes there have been.
  private var versions: [SharedWord] = []
  private var changesSeen: UInt64 = 0
  private var rounds = 0
  private var events: StateEvents
  private var timer: Timer?

  /// - Parameter onChange: a state has changed since the last look, by the doing of workers or by
  ///   time alone.
  init(_ log: Logger, onChange: @escaping () -> Void = {}) {
    self.log = log
    self.onChange = onChange
    events = StateEvents(log)
  }

  /// Looks at the backends of this snapshot from now on; it lives until the next call. The state of
  /// one that was not there before is taken as it is found; nothing has changed about it yet.
  func follow(
    _ snapshot: UnsafePointer<Snapshot>, _ configuration: GatewayConfiguration, now: Instant
  ) {
    let before = Dictionary(
      entries.map { (Names(service: $0.service, backend: $0.backend), $0.state) },
      uniquingKeysWith: { first, _ in first })
    entries = []
    pools = []
    versions = []
    events.follow(snapshot, configuration)
    for (index, service) in configuration.services.enumerated() {
      let entry = snapshot.pointee.services[index]
      versions.append(entry.shared.version)
      pools.append(BackendPool(snapshot, UnsafePointer(snapshot.pointee.services + index)))
      for backend in snapshot.pointee.backends(of: index) {
        let label = backend.label.text
        let warmUp = entry.rules.warmUp
        let health = backend.shared.health
        let known = before[Names(service: service.name, backend: label)]
        entries.append(
          Entry(
            service: service.name, backend: label, health: health, warmUp: warmUp,
            state: known ?? health.observe(now: now, warmUp: warmUp).state))
      }
    }
  }

  private struct Names: Hashable {
    var service: String
    var backend: String
  }

  func start(on loop: Loop) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    let timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<BackendWatch>.fromOpaque(owner).takeUnretainedValue().fired()
    }
    self.timer = timer
    timer.start(at: loop.now + BackendWatch.period)
  }

  func close() { timer?.close() }

  private func fired() {
    let now = Loop.clock()
    rounds += 1
    let changes = versions.reduce(0) { $0 &+ $1.load() }
    if changes != changesSeen || rounds >= BackendWatch.roundsBetweenLooks {
      // Read before the states: what changes meanwhile is looked at again.
      changesSeen = changes
      rounds = 0
      if look(now: now) { onChange() }
    }
    timer?.start(at: now + BackendWatch.period)
  }

  /// Tells what has changed since the last look. True when something has.
  @discardableResult
  func look(now: Instant) -> Bool {
    for pool in pools { pool.look(now: now) }
    var hasChanged = events.tell()
    for index in entries.indices {
      // Picks need not look at the end of an ejection any more.
      _ = entries[index].health.settle(now: now)
      let report = entries[index].health.observe(now: now, warmUp: entries[index].warmUp)
      if report.state == entries[index].state { continue }
      tell(entries[index], report)
      entries[index].state = report.state
      hasChanged = true
    }
    return hasChanged
  }

  private func tell(_ entry: Entry, _ report: BackendHealthReport) {
    let level: Logger.Level =
      switch report.state {
      case .down, .ejected: .warning
      case .up, .warming, .draining: .notice
      }
    log.log(
      level: level, "backend is \(report.state.word)",
      metadata: [
        "service": "\(entry.service)", "backend": "\(entry.backend)",
        "was": "\(entry.state.word)", "cause": "\(report.cause.word)",
      ])
  }
}
