// Why this file exists: a peer that takes or gives nothing for too long, or so little that it only
// holds the place, has to go; a peer that we keep waiting ourselves must not be blamed. Both
// questions are answered here from byte counts, so nobody needs a timer per write.
public import Primitives

/// Watches how many bytes have passed one way while the peer is the one to be waited for.
@frozen @usableFromInline
package struct ProgressMeter: Sendable {
  /// The span over which `limits.min_rate` is averaged; counts only time in which the peer is to
  /// blame.
  package static var window: Duration { .seconds(20) }

  package enum Verdict: Equatable, Sendable {
    case good
    /// Not one byte for the idle limit.
    case idle
    /// Fewer bytes over the window than the lowest rate allows.
    case slow
  }

  @usableFromInline package internal(set) var isRunning = false
  @usableFromInline var total: UInt64 = 0
  /// What the system held for the peer at the last look; nil before the first one.
  @usableFromInline var held: UInt64?
  @usableFromInline var lastProgress = Instant(nanoseconds: 0)
  @usableFromInline var lastCheck = Instant(nanoseconds: 0)
  @usableFromInline var windowStart = Instant(nanoseconds: 0)
  @usableFromInline var windowTotal: UInt64 = 0
  @usableFromInline var windowElapsed = Duration.zero

  @inlinable package init() {}

  /// From now on the peer is waited for. `total` is any count that only grows with the bytes that
  /// pass.
  package mutating func start(total: UInt64, now: Instant) {
    if isRunning { return }
    isRunning = true
    self.total = total
    held = nil
    lastProgress = now
    lastCheck = now
    windowStart = now
  }

  /// The peer is not the one to be waited for any more.
  package mutating func stop(total: UInt64, now: Instant) {
    if !isRunning { return }
    isRunning = false
    windowTotal &+= total &- self.total  // a count of bytes: wraps after 16 EiB
    self.total = total
    windowElapsed = windowElapsed + (now - windowStart)
  }

  /// Bytes have passed.
  package mutating func note(total: UInt64, now: Instant) {
    if !isRunning || total == self.total { return }
    windowTotal &+= total &- self.total
    self.total = total
    lastProgress = now
  }

  /// The same, of bytes that pass through the system's buffer. That holds megabytes, and takes more
  /// only when a good part of it is free again: a peer that is slow but steady would seem to take
  /// nothing for minutes. So what counts is what the peer has taken out of it since the last look.
  private mutating func note(total: UInt64, held: UInt64, now: Instant) {
    let entered = total &- self.total  // counts of bytes: wrap after 16 EiB
    let left = Int64(truncatingIfNeeded: entered &+ (self.held ?? held) &- held)
    self.total = total
    self.held = held
    if left <= 0 { return }
    windowTotal &+= UInt64(left)
    lastProgress = now
  }

  /// Whether the count is another than when it was last told here: for what a timer elsewhere asks
  /// while the meter does not run.
  package mutating func hasMoved(to count: UInt64) -> Bool {
    if count == total { return false }
    total = count
    return true
  }

  /// When to ask for the next verdict.
  /// - Parameter polled: nobody calls `note` when bytes pass; look eight times in an idle limit as
  ///   well, so that a peer that stops goes at most an eighth late, and soon for the first time,
  ///   from when on it is known what the system holds.
  @usableFromInline
  package func nextCheck(idle: Duration, polled: Bool) -> Instant {
    if !isRunning { return .distantFuture }
    let windowEnd = windowStart + (ProgressMeter.window - windowElapsed)
    let end = min(lastProgress + idle, windowEnd)
    if !polled { return end }
    let eighth = Duration(nanoseconds: idle.nanoseconds / 8)
    return min(end, lastCheck + (held == nil ? min(eighth, .seconds(1)) : eighth))
  }

  /// Judges the peer; begins a new window when one has ended.
  /// - Parameter held: of `total`, what is in the system's buffer and not with the peer.
  /// - Parameter minRate: bytes a second; 0 asks for none.
  package mutating func verdict(
    total: UInt64, held: UInt64 = 0, idle: Duration, minRate: UInt64, now: Instant
  ) -> Verdict {
    if !isRunning { return .good }
    note(total: total, held: held, now: now)
    lastCheck = now
    if now - lastProgress >= idle { return .idle }
    let elapsed = windowElapsed + (now - windowStart)
    if elapsed < ProgressMeter.window { return .good }
    let seconds = UInt64(elapsed.nanoseconds) / 1_000_000_000
    let slow = windowTotal < minRate.multipliedReportingOverflow(by: seconds).partialValue
    windowStart = now
    windowElapsed = .zero
    windowTotal = 0
    return slow ? .slow : .good
  }
}

extension Exchange {
  /// Bytes wait for the backend to take them.
  @inlinable @inline(__always)
  package var backendIsSlow: Bool { backendWriter.isRunning }
  /// Bytes wait for the client to take them.
  @inlinable @inline(__always)
  package var clientIsSlow: Bool { clientWriter.isRunning }
}
