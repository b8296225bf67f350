// Why this file exists: everything that is known of a backend's health is a few words that all
// workers share. Whether it may be sent requests is one of them, 0 when all is well.
public import Primitives

/// The word that decides: 0 = all is well. Bit 0 draining, bit 1 down, bit 2 down and nobody
/// listens; from bit 8 on the end of an ejection in milliseconds, which may lie in the past.
@frozen @usableFromInline
package struct HealthGate: Equatable, Sendable {
  @usableFromInline package var word: UInt64

  @usableFromInline static let draining: UInt64 = 1
  @usableFromInline static let down: UInt64 = 2
  @usableFromInline static let refusing: UInt64 = 4
  @usableFromInline static let flags: UInt64 = 7

  @inlinable package init(word: UInt64) { self.word = word }

  @inlinable package var isDraining: Bool { word & HealthGate.draining != 0 }
  @inlinable package var isDown: Bool { word & HealthGate.down != 0 }
  /// Its last probes found nobody listening: not even panic sends a request there while there is
  /// another choice.
  @inlinable package var refusesConnections: Bool { word & HealthGate.refusing != 0 }
  /// The end of its last ejection; the clock's origin when there was none.
  @inlinable package var ejectedUntil: Instant {
    Instant(nanoseconds: (word >> 8) * 1_000_000)
  }
  @inlinable package func isEjected(now: Instant) -> Bool { ejectedUntil > now }

  /// Admin up, not draining, active check not failed, not ejected: all of them.
  @inlinable package func admits(now: Instant) -> Bool {
    if word == 0 { return true }
    return word & HealthGate.flags == 0 && !isEjected(now: now)
  }

  /// When time alone will change what `admits` says.
  @inlinable package func changesAt(now: Instant) -> Instant {
    word & HealthGate.flags == 0 && isEjected(now: now) ? ejectedUntil : .distantFuture
  }
}

/// The health of one backend. A pointer; who made the words frees them.
@frozen @usableFromInline
package struct BackendHealth: Sendable {
  /// A cache line for what every pick reads, two for what every result writes, one for the counts.
  @inlinable package static var wordCount: Int { 32 }

  @usableFromInline let words: SharedWord

  /// The first of `wordCount` words in one block, on a cache line, zero at first: up since the
  /// clock's origin.
  @inlinable package init(words: SharedWord) { self.words = words }

  @inlinable package var gate: HealthGate { HealthGate(word: words.load()) }
  @usableFromInline var gateWord: SharedWord { @inlinable get { words } }
  /// When it began, or will begin, to warm up, in nanoseconds; 0 = it is warm.
  @inlinable package var warmSince: SharedWord { words.next(1) }
  /// 0 when there is nothing to look at after a success. Bit 63: the window may hold failures;
  /// bit 62: the next result decides (see `Ejection`); below: failures in a row.
  @usableFromInline var trouble: SharedWord { @inlinable get { words.next(2) } }
  /// Ejections in a row, and the end of the last one in milliseconds above 16 bits.
  var row: SharedWord { words.next(3) }
  // Stamps
  var drained: SharedWord { words.next(4) }
  var probed: SharedWord { words.next(5) }
  var ejected: SharedWord { words.next(6) }
  /// What made it usable again.
  var returned: SharedWord { words.next(7) }
  @usableFromInline var window: OutcomeWindow {
    @inlinable get { OutcomeWindow(first: words.next(8)) }
  }
  /// How often it was ejected for this cause.
  package func ejections(_ cause: EjectionCause) -> SharedWord {
    words.next(8 + OutcomeWindow.wordCount + Int(cause.rawValue))
  }

  /// Whether it may be sent a request. One load when all is well.
  @inlinable @inline(__always)
  package func admits(now: Instant) -> Bool { gate.admits(now: now) }

  static func milliseconds(_ now: Instant) -> UInt64 { now.nanoseconds / 1_000_000 }

  // MARK: What others decide: control loop only

  /// A new backend. Call before anybody else knows it.
  /// - Parameter cause: `added` makes it warm up; one that is there from the start does not.
  package func begin(_ cause: StateCause, isUp: Bool, now: Instant) {
    returned.store(Stamp(cause, milliseconds: BackendHealth.milliseconds(now)).word)
    if cause == .added { warmSince.store(now.nanoseconds) }
    if isUp { return }
    probed.store(Stamp(.initial, milliseconds: BackendHealth.milliseconds(now)).word)
    change(adding: HealthGate.down)
  }

  /// The active check has failed often enough.
  package func probeFailed(_ failure: ProbeFailure, now: Instant) {
    probed.store(
      Stamp(.probeFailed(failure), milliseconds: BackendHealth.milliseconds(now)).word)
    let refuses = failure == .connectRefused
    change(
      adding: HealthGate.down | (refuses ? HealthGate.refusing : 0),
      removing: refuses ? 0 : HealthGate.refusing)
  }

  /// It is down, and its check has failed once more: whether anybody listens there may have become
  /// another matter. True when it has.
  package func probeFailedAgain(_ failure: ProbeFailure) -> Bool {
    let refuses = failure == .connectRefused
    guard gate.isDown, gate.refusesConnections != refuses else { return false }
    change(
      adding: refuses ? HealthGate.refusing : 0, removing: refuses ? 0 : HealthGate.refusing)
    return true
  }

  /// The active check has passed often enough. An ejection goes on: the check may not exercise what
  /// requests do.
  package func probePassed(now: Instant) {
    comeBack(.probePassed, now)
    change(removing: HealthGate.down | HealthGate.refusing)
  }

  /// There is no active check any more: what it said last is no longer true.
  package func probeStopped(now: Instant) {
    if gate.isDown { probePassed(now: now) }
  }

  /// No new requests. One that drains already goes on, since when it did; an order by the admin
  /// listener is the cause from then on, as it holds on when the file lets go.
  package func drain(_ cause: StateCause, now: Instant) {
    let isDraining = gate.isDraining
    if isDraining, cause != .drainedByAdmin { return }
    let since =
      isDraining ? Stamp(word: drained.load()).milliseconds : BackendHealth.milliseconds(now)
    drained.store(Stamp(cause, milliseconds: since).word)
    change(adding: HealthGate.draining)
  }

  package func ready(now: Instant) {
    if !gate.isDraining { return }
    comeBack(.readied, now)
    change(removing: HealthGate.draining)
  }

  /// Its share begins to grow from a tenth again: one mechanism for every way to come back.
  package func comeBack(_ cause: StateCause, _ now: Instant) {
    returned.store(Stamp(cause, milliseconds: BackendHealth.milliseconds(now)).word)
    // One that is ejected too comes back when that is over.
    warmSince.store(max(now, gate.ejectedUntil).nanoseconds)
  }

  /// Forgets an ejection that time has ended, so that `admits` is one load again. True when there
  /// was one: it is over.
  package func settle(now: Instant) -> Bool {
    let old = gate
    if old.ejectedUntil == Instant(nanoseconds: 0) || old.isEjected(now: now) { return false }
    let new = old.word & HealthGate.flags
    if gateWord.compareExchange(expected: old.word, desired: new) != old.word { return false }
    let stamp = Stamp(.ejectionOver, milliseconds: BackendHealth.milliseconds(old.ejectedUntil))
    if Stamp(word: returned.load()).milliseconds < stamp.milliseconds {
      returned.store(stamp.word)
    }
    return true
  }

  func change(adding: UInt64 = 0, removing: UInt64 = 0) {
    var old = gateWord.load()
    while true {
      let new = old & ~removing | adding
      let found = gateWord.compareExchange(expected: old, desired: new)
      if found == old { return }
      old = found
    }
  }
}

// MARK: - Looking

/// A backend's state, why it is in it and since when.
package struct BackendHealthReport: Equatable, Sendable {
  package var state: BackendState
  package var cause: StateCause
  package var since: Instant
  /// When time alone will end the state; nil = it will not.
  package var until: Instant?
}

extension BackendHealth {
  /// - Parameter warmUp: the service's setting; zero = none.
  package func observe(now: Instant, warmUp: Duration) -> BackendHealthReport {
    let gate = gate
    if gate.isDraining { return report(.draining, drained) }
    if gate.isDown { return report(.down, probed) }
    if gate.isEjected(now: now) { return report(.ejected, ejected, until: gate.ejectedUntil) }
    var back = Stamp(word: returned.load())
    let ejectionEnd = BackendHealth.milliseconds(gate.ejectedUntil)
    if ejectionEnd > back.milliseconds {
      back = Stamp(.ejectionOver, milliseconds: ejectionEnd)
    }
    let since = Instant(nanoseconds: back.milliseconds * 1_000_000)
    let began = warmSince.load()
    if began == 0 || warmUp <= .zero {
      return BackendHealthReport(state: .up, cause: back.cause, since: since)
    }
    let end = Instant(nanoseconds: began) + warmUp
    if now < end {
      return BackendHealthReport(state: .warming, cause: back.cause, since: since, until: end)
    }
    return BackendHealthReport(state: .up, cause: .warmedUp, since: end)
  }

  private func report(
    _ state: BackendState, _ word: SharedWord, until: Instant? = nil
  ) -> BackendHealthReport {
    let stamp = Stamp(word: word.load())
    let since = Instant(nanoseconds: stamp.milliseconds * 1_000_000)
    return BackendHealthReport(state: state, cause: stamp.cause, since: since, until: until)
  }
}
