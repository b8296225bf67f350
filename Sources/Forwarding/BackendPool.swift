// Why this file exists: which backend gets a request, and what its result does to the choice of the
// next one, is one circle: states → eligible bits → pick → verify → attempt → evidence → states.
// Here its parts meet; each of them is a room of its own.
package import Balancing
package import CircuitBreaking
import Health
package import Primitives

/// The backends of one service in one snapshot.
@frozen
package struct BackendPool {
  package let snapshot: UnsafePointer<Snapshot>
  package let service: UnsafePointer<ServiceEntry>
  /// The first of them.
  let backends: UnsafeMutablePointer<BackendEntry>

  /// How often a pick whose backend turns out not to take the request is made anew, before all are
  /// asked in a row. Each time the bits are written anew, so more than once is a race between
  /// workers.
  static let picks = 4

  package init(_ snapshot: UnsafePointer<Snapshot>, _ service: UnsafePointer<ServiceEntry>) {
    self.snapshot = snapshot
    self.service = service
    backends = snapshot.pointee.backends + Int(service.pointee.first)
  }

  private var count: Int { service.pointee.view.count }
  private var shared: ServiceShared { service.pointee.shared }
  private var breakerSettings: BreakerSettings { service.pointee.rules.breaker }

  private func health(_ backend: Int) -> BackendHealth { backends[backend].shared.health }
  private func breaker(_ backend: Int) -> Breaker { backends[backend].shared.breaker }

  // MARK: Picking

  /// Picks a backend and takes the permit of its breaker. What was known of the backends may be a
  /// moment old, so the one that was picked is asked itself, at the price of a load or two: nobody
  /// who is known to be bad is sent a request, and no breaker more than its trials.
  package func pick(
    _ request: PickRequest, _ permit: inout BreakerPermit, _ random: inout Xoroshiro
  ) -> Pick {
    for _ in 0..<BackendPool.picks {
      refresh(now: request.now)
      let pick = service.pointee.policy.pick(
        service.pointee.view, request, random: &random)
      guard case .backend(let backend) = pick else { return pick }
      if admits(backend, now: request.now, &permit) { return pick }
      shared.noteChange()
    }
    return pickInOrder(request, &permit)
  }

  /// Several workers are after the same few trials: whoever still takes the request gets it.
  private func pickInOrder(_ request: PickRequest, _ permit: inout BreakerPermit) -> Pick {
    for mayBeTried in [false, true] {
      for backend in 0..<count where request.tried.contains(backend) == mayBeTried {
        if service.pointee.view.hasRoom(backend), admits(backend, now: request.now, &permit) {
          return .backend(backend)
        }
      }
    }
    return whyNone(now: request.now)
  }

  /// The first of the reasons that holds: full, refused by breakers, unusable.
  private func whyNone(now: Instant) -> Pick {
    if count == 0 { return .noBackend }
    var pick = Pick.allUnusable
    for backend in 0..<count where isHealthy(backend, now: now) {
      if breakerLetsPass(backend, now: now) { return .allFull }
      pick = .allRefused
    }
    return pick
  }

  /// Takes the backend's permit if it may have a request, by its own words.
  package func admits(_ backend: Int, now: Instant, _ permit: inout BreakerPermit) -> Bool {
    if !isHealthy(backend, now: now) { return false }
    let admission = breaker(backend).acquire(now: now, breakerSettings)
    if !admission.isAdmitted { return false }
    permit = admission.permit
    if admission.permit.isTrial {
      if let transition = admission.transition { note(transition, backend, now) }
      // There is one trial less.
      shared.noteChange()
    }
    return true
  }

  /// It may be sent requests, its breaker aside.
  @inline(__always)
  private func isHealthy(_ backend: Int, now: Instant) -> Bool {
    let gate = health(backend).gate
    return gate.admits(now: now) || (!gate.isDraining && Panic.lasts(shared.panic))
  }

  /// How a pick of this moment would find the backend; for who explains.
  package func standing(of backend: Int, now: Instant) -> BackendStanding {
    BackendStanding(
      isHealthy: isHealthy(backend, now: now), admits: breakerLetsPass(backend, now: now))
  }

  private func breakerLetsPass(_ backend: Int, now: Instant) -> Bool {
    switch breaker(backend).gate(now: now, breakerSettings) {
    case .admits, .trial: true
    case .refuses, .busy: false
    }
  }

  // MARK: Looking at all of them

  /// Writes the bits anew if a state has changed since that was done last, or if time has changed
  /// one: two loads and a comparison, when it has not.
  @inline(__always)
  private func refresh(now: Instant) {
    let version = shared.version.loadAcquiring()
    if service.pointee.view.isStale(version: version, now: now) { sweep(now: now) }
  }

  /// What a pick would do before it looks. For who watches: with no request nobody else says that
  /// panic is over.
  package func look(now: Instant) { refresh(now: now) }

  /// One worker at a time: who came later with older knowledge could write over what is newer. The
  /// others go by the bits as they are, and ask who they pick.
  @inline(never)
  private func sweep(now: Instant) {
    if shared.sweeping.exchange(1) != 0 { return }
    defer { shared.sweeping.storeReleasing(0) }
    let version = shared.version.loadAcquiring()
    let survey = survey(now: now)
    let isPanic = Panic.isDue(
      usable: survey.usable, of: survey.taking, millionths: service.pointee.rules.panicMillionths)
    if let change = Panic.update(shared.panic, isDue: isPanic, now: now) { note(change) }
    let sparesRefusing = survey.isAnyListening
    service.pointee.view.rewrite(version: version, now: now, recheckAt: survey.recheckAt) {
      let gate = health($0).gate
      let isSpared = gate.isDraining || (gate.refusesConnections && sparesRefusing)
      return BackendStanding(
        isHealthy: gate.admits(now: now) || (isPanic && !isSpared),
        admits: breakerLetsPass($0, now: now))
    }
  }

  private struct Survey {
    /// That do not drain.
    var taking = 0
    var usable = 0
    /// One that does not drain, and does not refuse connections.
    var isAnyListening = false
    /// When time alone changes something.
    var recheckAt = Instant.distantFuture
  }

  private func survey(now: Instant) -> Survey {
    var survey = Survey()
    for backend in 0..<count {
      let gate = health(backend).gate
      if gate.isDraining { continue }
      survey.taking += 1
      if gate.admits(now: now) { survey.usable += 1 }
      if !gate.refusesConnections { survey.isAnyListening = true }
      survey.recheckAt = min(survey.recheckAt, gate.changesAt(now: now))
      switch breaker(backend).gate(now: now, breakerSettings) {
      case .admits, .trial: break
      case .refuses(let until), .busy(let until): survey.recheckAt = min(survey.recheckAt, until)
      }
    }
    return survey
  }

  /// When the first of the breakers that refuse lets a request pass, for Retry-After; nil when none
  /// refuses. A half-open one may do so at any moment.
  package func breakersReturn(now: Instant) -> Instant? {
    var earliest: Instant?
    for backend in 0..<count where isHealthy(backend, now: now) {
      switch breaker(backend).gate(now: now, breakerSettings) {
      case .admits, .trial: break
      case .busy: earliest = now
      case .refuses(let until): earliest = min(earliest ?? until, until)
      }
    }
    return earliest
  }

  // MARK: What came of it

  /// An attempt is over: gives its permit back and takes its outcome as evidence, once.
  /// - Parameter begun: when the backend was first asked for it.
  /// - Parameter took: how long the backend took for it.
  /// - Parameter answer: the status of its answer; 0 = none came.
  @inline(__always)
  package func conclude(
    _ backend: Int, _ permit: inout BreakerPermit, _ outcome: AttemptOutcome, begun: Instant,
    took: Duration, answer: UInt16, now: Instant, _ random: inout Xoroshiro
  ) {
    let rules = UnsafePointer(service).pointer(to: \.rules).unsafelyUnwrapped
    let isTrial = permit.isTrial
    let transition = breaker(backend).release(
      &permit, outcome, isSlow: rules.pointee.breaker.isSlow(took), now: now,
      rules.pointee.breaker, &random)
    if isTrial || transition != nil { breakerMoved(backend, transition, now: now) }
    if service.pointee.policy.wantsLatency { tell(backend, outcome, took, answer, now) }
    if outcome == .ignored { return }
    let failed = outcome == .failure
    let cause = health(backend).record(
      failed: failed, begun: begun, now: now, rules.pointee.passive)
    if let cause {
      eject(backend, cause, now: now, &random)
    }
  }

  /// A refusal (429) is no failure, but it is fast and must not attract requests. Other answers
  /// that are no evidence say nothing of how long those take that are. An answer that nobody waited
  /// for would have taken at least as long.
  private func tell(
    _ backend: Int, _ outcome: AttemptOutcome, _ took: Duration, _ answer: UInt16, _ now: Instant
  ) {
    let latency = backends[backend].shared.latency
    switch outcome {
    case .success: PeakLatency.record(took, isFailure: false, now: now, in: latency)
    case .failure: PeakLatency.record(took, isFailure: true, now: now, in: latency)
    case .ignored:
      if answer == 429 { PeakLatency.record(took, isFailure: true, now: now, in: latency) }
      if answer == 0 { PeakLatency.recordWait(took, now: now, in: latency) }
    }
  }

  @inline(never)
  private func breakerMoved(_ backend: Int, _ transition: BreakerTransition?, now: Instant) {
    if let transition { note(transition, backend, now) }
    // Also when a trial has given its place back.
    shared.noteChange()
  }

  @inline(never)
  private func eject(
    _ backend: Int, _ cause: EjectionCause, now: Instant, _ random: inout Xoroshiro
  ) {
    let verdict = health(backend).eject(
      EjectionPlace(turn: shared.ejectionTurn, index: backend, of: count), cause, now: now,
      service.pointee.rules.passive, &random
    ) { other in
      EjectionPeer(gate: health(other).gate, breakerAdmits: breakerLetsPass(other, now: now))
    }
    if case .ejected = verdict { shared.noteChange() }
  }

  // MARK: Telling

  private func note(_ transition: BreakerTransition, _ backend: Int, _ now: Instant) {
    let backend = backends[backend].shared
    backend.transitions(to: transition.to).add(1)
    // One that only watches has kept nobody out, so nobody comes back.
    if transition.to == .closed && breakerSettings.mode == .enforce {
      backend.health.comeBack(.breakerClosed, now)
    }
    snapshot.pointee.journal.note(.breaker(backend: backend.poolIndex, transition))
  }

  private func note(_ change: Panic.Change) {
    let number = shared.queueIndex
    switch change {
    case .began:
      shared.panics.add(1)
      snapshot.pointee.journal.note(.panicBegan(service: number))
    case .ended: snapshot.pointee.journal.note(.panicEnded(service: number))
    }
  }
}
