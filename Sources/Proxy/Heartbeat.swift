// Why this file exists: a loop that works through too much at a time comes late to everything, and
// nobody inside notices. So while there is work a timer is planned every few milliseconds, and how
// late it fires is how late the loop is. An idle worker sleeps.
import EventLoop
import Forwarding
import Primitives
import Telemetry

/// One worker's measure of its own lateness, and what it refuses because of it.
struct Heartbeat {
  var timer: Timer?
  /// When the next beat is planned; `.distantFuture` while it sleeps.
  var due = Instant.distantFuture
  /// When the last one was, or it began.
  var last = Instant(nanoseconds: 0)
  /// `Worker.callbacks` at the last beat.
  var callbacks: UInt64 = 0
  var lag = LagAverage()
  /// `limits.loop_lag` in nanoseconds; 0 = no bound.
  private(set) var limit: UInt64 = 0
  /// Nil without a limit.
  var overload: OverloadGuard?
  private(set) var period = Heartbeat.longestPeriod

  /// Without a limit the beats are for the metric alone.
  static var longestPeriod: Duration { .milliseconds(50) }

  /// Another limit holds from now on; what was refused because of the old one is not any more.
  mutating func setLimit(_ limit: UInt64) {
    self.limit = limit
    overload = limit == 0 ? nil : OverloadGuard(limit: limit)
    // A stall that began just after a beat was planned looks shorter by one period. So the period
    // is a quarter of the limit, but no more than 200 beats a second.
    let quarter = Duration(nanoseconds: Int64(limit / 4))
    period =
      limit == 0
      ? Heartbeat.longestPeriod
      : min(max(quarter, .milliseconds(5)), Heartbeat.longestPeriod)
  }
}

extension WorkerRef {
  /// There is work: measures from now on.
  @inline(__always)
  func wakeHeart() {
    if pointee.heartbeat.due == .distantFuture { beginBeating() }
  }

  private func beginBeating() {
    pointee.heartbeat.last = pointee.now
    pointee.heartbeat.callbacks = pointee.callbacks
    planBeat(after: pointee.now)
  }

  private func planBeat(after instant: Instant) {
    pointee.heartbeat.due = instant + pointee.heartbeat.period
    pointee.heartbeat.timer?.start(at: pointee.heartbeat.due)
  }

  func beat() {
    beginCallback()
    let clock = Loop.clock()
    let late = MetricsShard.positive(clock - pointee.heartbeat.due)
    let span = MetricsShard.positive(clock - pointee.heartbeat.last)
    // This callback is one.
    let isIdle = pointee.callbacks &- pointee.heartbeat.callbacks <= 1
    pointee.heartbeat.callbacks = pointee.callbacks
    pointee.heartbeat.lag.add(late: late, span: span, isIdle: isIdle)
    pointee.heartbeat.last = clock
    var changed = false
    let limit = pointee.orders.lagLimit.load()
    if limit != pointee.heartbeat.limit {
      pointee.heartbeat.setLimit(limit)
      changed = true
    }
    if pointee.heartbeat.overload?.judge(pointee.heartbeat.lag.value, now: clock) ?? false {
      changed = true
    }
    if changed { setShedding() }
    let refuses = pointee.heartbeat.overload.map { $0.level != .nothing } ?? false
    if isIdle && !refuses && pointee.heartbeat.lag.isQuiet {
      pointee.heartbeat.lag.forget()
      pointee.heartbeat.due = .distantFuture
    } else {
      planBeat(after: clock)
    }
    pointee.metrics.eventLoopLag.set(pointee.heartbeat.lag.value)
  }

  /// What this worker refuses: the worse of its own lateness and the process's memory.
  func setShedding() {
    let own = pointee.heartbeat.overload?.level ?? .nothing
    let memory = OverloadLevel(word: pointee.orders.memory.load())
    let worse = max(own.rawValue, memory.rawValue)
    pointee.shedding = worse == own.rawValue ? own : memory
    pointee.lagLevel.set(UInt64(own.rawValue))
    pointee.metrics.shedding.set(UInt64(worse))
  }

  /// Gives memory that nothing needs at present back to the system.
  func trim() {
    pointee.buffers.trim()
    pointee.clients.trim()
    pointee.backends.trim()
    pointee.exchanges.trim()
  }
}
