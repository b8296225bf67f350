// Why this file exists: the main thread. It owns the control loop: signals, the order of a
// shutdown, and (through their own handles on the same loop) the admin listener. No request passes
// through here.

import Admin
import Configuration
import EventLoop
import Glibc
import Logging
import Primitives

/// Runs a started gateway until it is told to end.
final class Supervisor {
  /// How the process ended, as the exit code says it.
  enum Ending: Int32 {
    case clean = 0
    /// Something in flight was cut.
    case cut = 3
  }

  private let loop: Loop
  private let dataPlane: any DataPlaneControl
  private let log: Logger
  private var shutdown: ShutdownSequence
  private var signals: Signals?
  private var timer: Timer?
  /// What /readyz says: ready from `start` until the first signal to end.
  private(set) var readiness = AdminReadiness.notReady("starting")
  /// Called for SIGHUP.
  var onReload: () -> Void = {}
  /// Called when the end begins.
  var onEnding: () -> Void = {}

  init(loop: Loop, dataPlane: any DataPlaneControl, shutdown: ShutdownConfiguration, log: Logger) {
    self.loop = loop
    self.dataPlane = dataPlane
    self.log = log
    self.shutdown = ShutdownSequence(acceptGrace: shutdown.acceptGrace, drain: shutdown.drain)
  }

  /// Those that end the gateway, and those that do not.
  static let handled = (final: [SIGTERM, SIGINT], other: [SIGHUP, SIGUSR1])

  /// Takes the signals and starts the workers.
  func start() throws(EventLoopError) {
    // As process 1 of a container nobody else takes leave of orphans; ignored children leave none
    // behind.
    _ = signal(SIGCHLD, SIG_IGN)
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<Supervisor>.fromOpaque(owner).takeUnretainedValue().tick()
    }
    let (final, other) = Supervisor.handled
    signals = try Signals.listen(loop, to: final + other, owner: owner) { owner, number in
      Unmanaged<Supervisor>.fromOpaque(owner).takeUnretainedValue().signalCame(number)
    }
    try dataPlane.start()
    readiness = .ready
  }

  /// Other settings hold from now on, unless the end has begun.
  func follow(_ configuration: ShutdownConfiguration) {
    shutdown.follow(acceptGrace: configuration.acceptGrace, drain: configuration.drain)
  }

  /// Returns when the gateway has ended.
  func run() -> Ending {
    loop.run()
    let cut = dataPlane.stop()
    signals?.close()
    timer?.close()
    if cut == 0 {
      log.notice("stopped")
    } else {
      log.warning("stopped; what was in flight was cut", metadata: ["cut": "\(cut)"])
    }
    return cut == 0 ? .clean : .cut
  }

  /// So long the end may be held up for spans that are not delivered yet.
  var timeForSpans: Duration { shutdown.timeForSpans(now: now()) }

  private func signalCame(_ number: Int32) {
    switch number {
    case SIGTERM, SIGINT: perform(shutdown.signal(now: now()))
    case SIGHUP: onReload()
    default:
      if let error = dataPlane.reopenLogs() {
        log.error("the access log goes on in the file it had", metadata: ["error": "\(error)"])
      } else {
        log.notice("log files opened again")
      }
    }
  }

  private func tick() {
    perform(shutdown.tick(now: now(), isDrained: dataPlane.isDrained))
  }

  private func now() -> Instant {
    loop.updateTime()
    return loop.now
  }

  private func perform(_ actions: [ShutdownSequence.Action]) {
    for action in actions {
      switch action {
      case .announce:
        readiness = .notReady("draining")
        log.notice("draining", metadata: ["in_flight": "\(dataPlane.exchangesInFlight)"])
        onEnding()
      case .beginDrain(let deadline): dataPlane.beginDrain(deadline: deadline)
      case .stop: loop.stop()
      }
    }
    timer?.start(at: shutdown.nextTick(after: loop.now))
  }
}
