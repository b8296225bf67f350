// Why this file exists: a backend that fails is taken out for a time, but never so many that those
// who are left cannot carry the load.
//
// A backend comes back by time, and on probation: its first result decides. A failure ejects it
// again, for longer; so one that is still dead costs a request for each return, not
// `consecutive_failures` of them, and one that was only starved of traffic is not taken for healed.
package import Primitives

/// The place of a backend among those of its service.
package struct EjectionPlace {
  /// The service's word: see `BackendHealth.eject`.
  var turn: SharedWord
  var index: Int
  /// Of all its backends.
  var count: Int

  package init(turn: SharedWord, index: Int, of count: Int) {
    self.turn = turn
    self.index = index
    self.count = count
  }
}

/// What an ejection has to know of another backend.
package struct EjectionPeer {
  var gate: HealthGate
  /// Its breaker lets requests pass.
  var breakerAdmits: Bool

  package init(gate: HealthGate, breakerAdmits: Bool) {
    self.gate = gate
    self.breakerAdmits = breakerAdmits
  }
}

/// What came of an attempt to eject.
package enum EjectionVerdict: Equatable, Sendable {
  /// - Parameter inRow: ejections in a row, this one included.
  case ejected(until: Instant, inRow: Int)
  /// It is out already.
  case alreadyOut
  /// `max_ejected` are out.
  case tooMany
  /// No other backend could take its requests.
  case lastEligible
  /// Somebody else is just ejecting, or an attempt was turned down a moment ago. The next failure
  /// tries again.
  case later
}

extension BackendHealth {
  /// After an attempt that was turned down the next one is made this much later: when everything
  /// fails, every failure would look at all backends otherwise.
  static let pause: UInt64 = 100  // milliseconds
  private static let busy: UInt64 = 1 << 63

  /// Takes the backend out, if its pool can do without it.
  ///
  /// Workers take turns by the service's word (bit 63: somebody is ejecting; below: not before
  /// these milliseconds), without waiting for each other. Who has the turn counts who is out: a
  /// count kept for that would have to be taken down by somebody whenever time ends an ejection or
  /// a reload removes its backend, and be wrong for ever when it is forgotten once.
  /// - Parameter peer: looked at for every other backend of the service.
  package func eject(
    _ place: EjectionPlace, _ cause: EjectionCause, now: Instant, _ settings: PassiveSettings,
    _ random: inout Xoroshiro, peer: (Int) -> EjectionPeer
  ) -> EjectionVerdict {
    if gate.isEjected(now: now) { return .alreadyOut }
    let milliseconds = BackendHealth.milliseconds(now)
    let before = place.turn.load()
    if before & BackendHealth.busy != 0 || milliseconds < before { return .later }
    let found = place.turn.compareExchange(expected: before, desired: BackendHealth.busy)
    if found != before { return .later }
    var notBefore = before
    defer { place.turn.storeReleasing(notBefore) }
    if gate.isEjected(now: now) { return .alreadyOut }
    if let refusal = refusal(place, now, settings, peer) {
      notBefore = milliseconds + BackendHealth.pause
      return refusal
    }
    return takeOut(cause, now, settings, &random)
  }

  private func refusal(
    _ place: EjectionPlace, _ now: Instant, _ settings: PassiveSettings,
    _ peer: (Int) -> EjectionPeer
  ) -> EjectionVerdict? {
    var out = 0
    var othersEligible = false
    for index in 0..<place.count where index != place.index {
      let other = peer(index)
      if other.gate.isEjected(now: now) { out += 1 }
      if other.gate.admits(now: now) && other.breakerAdmits { othersEligible = true }
    }
    if !othersEligible { return .lastEligible }
    return out < BackendHealth.mostEjected(of: place.count, settings) ? nil : .tooMany
  }

  /// How many of a pool may be out at once.
  package static func mostEjected(of count: Int, _ settings: PassiveSettings) -> Int {
    if settings.maxEjectedMillionths == 0 || count < 2 { return 0 }
    return max(1, count * Int(settings.maxEjectedMillionths) / 1_000_000)
  }

  private func takeOut(
    _ cause: EjectionCause, _ now: Instant, _ settings: PassiveSettings,
    _ random: inout Xoroshiro
  ) -> EjectionVerdict {
    let inRow = ejectionsInRow(now, settings) + 1
    let length = BackendHealth.length(inRow: inRow, settings, &random)
    // Rounded up to the millisecond that the word has room for.
    let end = BackendHealth.milliseconds(now + length + .nanoseconds(999_999))
    let until = Instant(nanoseconds: end * 1_000_000)
    ejected.store(
      Stamp(.ejection(cause), milliseconds: BackendHealth.milliseconds(now)).word)
    row.store(end << 16 | UInt64(min(inRow, 0xFFFF)))
    window.clear()
    trouble.store(BackendHealth.failuresFlag | BackendHealth.probationFlag)
    warmSince.store(until.nanoseconds)
    ejections(cause).add(1)
    change(adding: end << 8, removing: ~HealthGate.flags)
    return .ejected(until: until, inRow: inRow)
  }

  /// `ejection` times the number in a row, 90 % to 110 % of that, never above the cap. The spread
  /// keeps backends that were ejected together from coming back together.
  static func length(
    inRow: Int, _ settings: PassiveSettings, _ random: inout Xoroshiro
  ) -> Duration {
    let cap = settings.maxEjection.nanoseconds
    let (product, overflow) =
      settings.ejection.nanoseconds.multipliedReportingOverflow(by: Int64(inRow))
    let length = Duration(nanoseconds: overflow ? cap : min(product, cap))
    return random.spread(length, atMost: settings.maxEjection)
  }

  /// Of the one that lasts, if one does; the clock's origin when there was none.
  var lastEjectionEnd: Instant { Instant(nanoseconds: (row.load() >> 16) * 1_000_000) }

  /// Ejections in a row: every `ejection` of time in which it was not out takes one away.
  func ejectionsInRow(_ now: Instant, _ settings: PassiveSettings) -> Int {
    let row = row.load()
    let clean = now - lastEjectionEnd
    if clean <= .zero { return Int(row & 0xFFFF) }
    let forgiven = clean.nanoseconds / max(settings.ejection.nanoseconds, 1)
    return max(0, Int(row & 0xFFFF) - Int(forgiven))
  }
}
