// Why this file exists: on a host without containers a service manager starts the gateway, and
// wants to know when it is ready, while it reloads, when it stops, and that it is alive
// (sd_notify(3)).

import Configuration
import EventLoop
import Glibc
import Logging
import Primitives
import Proxy

/// Tells the service manager, if there is one. For the control loop's thread.
///
///     starting ──ready──▶ ready ──reloading──▶ reloading ──settled──▶ ready
///     any of them ──stopping──▶ stopping, and nothing is told any more
final class ServiceManager {
  enum Phase { case starting, ready, reloading, stopping }

  /// What the environment says about the manager.
  struct Invitation: Equatable {
    var socket: String?
    /// `WATCHDOG_USEC`, if it is meant for this process.
    var watchdog: Duration?

    /// Reads the environment, and takes out what was meant for this process alone.
    static func take() -> Invitation {
      func value(_ name: String) -> String? {
        defer { unsetenv(name) }
        return getenv(name).map { String(cString: $0) }
      }
      return Invitation(
        socket: value("NOTIFY_SOCKET"), watchdogMicroseconds: value("WATCHDOG_USEC"),
        watchdogProcess: value("WATCHDOG_PID"), process: getpid())
    }

    init(
      socket: String?, watchdogMicroseconds: String?, watchdogProcess: String?, process: Int32
    ) {
      self.socket = socket
      let isMeant = watchdogProcess.map { $0 == "\(process)" } ?? true
      // Beyond a year it is none.
      let microseconds = watchdogMicroseconds.flatMap { Int64($0) } ?? 0
      if isMeant, microseconds > 0, microseconds < 31_536_000_000_000 {
        watchdog = .microseconds(microseconds)
      }
    }
  }

  private let send: ((String) -> Int32)?
  private let watchdog: Duration?
  private let log: Logger
  private(set) var phase = Phase.starting
  private var hasFailed = false
  private var timer: Timer?
  /// Asks all workers for a sign of life; gives whether all have answered the last time.
  private var isAlive: () -> Bool = { true }

  /// `send` gives 0 or an error's number; nil: nobody wants to know.
  init(watchdog: Duration?, _ log: Logger, send: ((String) -> Int32)?) {
    self.watchdog = watchdog
    self.log = log
    self.send = send
  }

  convenience init(_ invitation: Invitation, _ log: Logger) {
    guard let name = invitation.socket, !name.isEmpty else {
      self.init(watchdog: nil, log, send: nil)
      return
    }
    let socket = NotifySocket(name)
    if socket == nil {
      log.warning(
        "the service manager is not told: NOTIFY_SOCKET is neither a path nor an abstract name")
    }
    self.init(watchdog: invitation.watchdog, log, send: socket.map { $0.send })
  }

  /// The listeners are open and the first configuration is in use.
  func ready(_ status: String) {
    phase = .ready
    tell("READY=1", status)
  }

  /// A configuration is being read. By `now` the manager tells this reload from one before it.
  func reloading(now: Instant) {
    guard phase == .ready else { return }
    phase = .reloading
    tell(
      "RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1_000)", "reading the configuration")
  }

  /// The reload has ended, well or not.
  func settled(_ status: String) {
    guard phase == .reloading else { return }
    ready(status)
  }

  /// The end has begun and takes this long at most.
  func stopping(_ status: String, within duration: Duration) {
    guard phase != .stopping else { return }
    phase = .stopping
    tell("STOPPING=1\nEXTEND_TIMEOUT_USEC=\(duration.nanoseconds / 1_000)", status)
  }

  private func tell(_ state: String, _ status: String) {
    deliver("\(state)\nSTATUS=\(PrintableText.of(status, limit: 500))\n")
  }

  private func deliver(_ text: String) {
    guard let send else { return }
    let code = send(text)
    // Once: a manager that is gone does not come back for this process.
    guard code != 0, !hasFailed else { return }
    hasFailed = true
    log.warning("the service manager was not told", metadata: ["error": "\(errorText(code))"])
  }

  // MARK: Watchdog

  /// Gives signs of life from now on, twice in the time that the manager waits for one, as long as
  /// `isAlive`.
  func watch(_ loop: Loop, isAlive: @escaping () -> Bool) {
    self.isAlive = isAlive
    guard send != nil, watchdog != nil else { return }
    let owner = Unmanaged.passUnretained(self).toOpaque()
    timer = Timer.create(loop, owner: owner) { owner in
      Unmanaged<ServiceManager>.fromOpaque(owner).takeUnretainedValue().fired()
    }
    fired()
  }

  func close() {
    timer?.close()
    timer = nil
  }

  private func fired() {
    look()
    guard let watchdog else { return }
    timer?.start(at: Loop.clock() + Duration(nanoseconds: watchdog.nanoseconds / 2))
  }

  /// A worker that hangs keeps silent, and so do we: then the manager starts the gateway anew.
  func look() {
    if isAlive() { deliver("WATCHDOG=1\n") }
  }
}

extension ServiceManager {
  /// The gateway runs: the manager may start what needs it, and hears from now on that it lives.
  func begin(_ dataPlane: DataPlane, _ loop: Loop) {
    ready("generation 1 in use, listening on " + dataPlane.boundAddresses.joined(separator: ", "))
    watch(loop) { dataPlane.workersHaveTurned() }
  }

  /// What has come of a reload.
  func settled(_ outcome: Reloads.Outcome, generation: UInt64) {
    switch outcome {
    case .applied: settled("configuration reloaded: generation \(generation) in use")
    case .unchanged: settled("nothing has changed: generation \(generation) in use")
    case .refused(let result):
      let errors = result.diagnostics.count { $0.severity == .error } + result.surplusErrors
      settled(
        "reload refused, \(errors) error\(errors == 1 ? "" : "s"): generation \(generation) stays "
          + "in use")
    case .unavailable: break
    }
  }
}
