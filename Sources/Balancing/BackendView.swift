// Why this file exists: a service's backends as a balancer sees them: the one truth of the process,
// read through atomic words.
public import Primitives

/// A service's backends. A pointer; its memory is the snapshot's.
///
/// Which of them may be picked is a cache of bits. Who changes the state of a backend counts up the
/// service's version; the next who picks notices, looks at all backends once and writes the bits
/// anew (`rewrite`).
@frozen @usableFromInline
package struct BackendView {
  @usableFromInline let tables: UnsafePointer<BackendTables>

  package static var mostWeight: UInt32 { 1 << 16 }

  // Where things stand in the cache, before the bits.
  @usableFromInline static var seenVersion: Int { 0 }
  @usableFromInline static var recheckAt: Int { 1 }
  @usableFromInline static var eligibleCount: Int { 2 }
  @usableFromInline static var eligibleWeight: Int { 3 }
  @usableFromInline static var warmingCount: Int { 4 }
  @usableFromInline static var warmestSince: Int { 5 }
  @usableFromInline static var firstBits: Int { 6 }

  /// All backends eligible, as nobody has looked yet.
  /// - Parameter sequence: the service's turn, shared by all workers and all snapshots.
  /// - Parameter total: requests in flight at all backends, counted by who picks if `countsTotal`.
  /// - Parameter arena: has to stay as long as the view does.
  package init(
    _ members: [BackendMember], _ settings: BalancerSettings, sequence: SharedWord,
    total: SharedWord, in arena: Arena
  ) {
    let tables = arena.allocate(BackendTables.self, count: 1)
    tables.initialize(
      to: BackendTables(members, settings, sequence: sequence, total: total, in: arena))
    self.tables = UnsafePointer(tables)
    rewrite(version: .max, now: Instant(nanoseconds: 0), recheckAt: .distantFuture) { _ in
      BackendStanding(isHealthy: true, admits: true)
    }
  }

  /// Number of backends; may be 0.
  @inlinable package var count: Int { tables.pointee.count }
  @inlinable var cache: SharedWords { tables.pointee.cache }
  @inlinable var bitWords: Int { tables.pointee.bitWords }
}

// MARK: - What the balancer asks

extension BackendView {
  /// It may be sent requests, as far as its state goes.
  @inlinable package func isEligible(_ backend: Int) -> Bool {
    eligibleBits(backend >> 6) >> UInt64(backend & 63) & 1 != 0
  }

  @inlinable package func eligibleBits(_ word: Int) -> UInt64 {
    precondition(word < bitWords)
    return cache[BackendView.firstBits + word].load()
  }

  @inlinable package func hasRoom(_ backend: Int) -> Bool {
    let maximum = tables.pointee.maximum
    return maximum == .max || tables.pointee.active[backend].load() < maximum
  }

  var hasMaximum: Bool { tables.pointee.maximum != .max }

  func active(_ backend: Int) -> UInt64 { tables.pointee.active[backend].load() }

  func weight(_ backend: Int) -> UInt64 { UInt64(tables.pointee.weights[backend]) }

  /// How many are eligible, as of the last look.
  var eligibleCount: Int { Int(cache[BackendView.eligibleCount].load()) }

  /// The requests in flight at all backends are counted in `total`.
  @inlinable package var countsTotal: Bool { tables.pointee.maxLoad != 0 }

  /// It has as many requests as a bound on its part of all allows: c * (all + 1) * its weight / the
  /// weight of all who are eligible, rounded up (Mirrokni, Thorup and Zadimoghaddam, "Consistent
  /// Hashing with Bounded Loads", 2016).
  func isAtBound(_ backend: Int) -> Bool {
    let maxLoad = tables.pointee.maxLoad
    if maxLoad == 0 { return false }
    let sum = max(cache[BackendView.eligibleWeight].load(), 1)
    // 2^24 millionths, 2^22 requests and 2^16 of weight make 2^62. More requests than that are
    // beyond what one process has descriptors for.
    let requests = min(tables.pointee.total.load(), 1 << 22 - 1) + 1
    let fair = maxLoad * requests * weight(backend)
    let (whole, rest) = fair.quotientAndRemainder(dividingBy: sum * 1_000_000)
    return active(backend) >= whole + (rest > 0 ? 1 : 0)
  }

  /// Why nothing could be picked.
  func whyNone() -> Pick {
    if count == 0 { return .noBackend }
    var healthy: UInt64 = 0
    for word in 0..<bitWords {
      if eligibleBits(word) != 0 { return .allFull }
      healthy |= cache[BackendView.firstBits + bitWords + word].load()
    }
    return healthy == 0 ? .allUnusable : .allRefused
  }

  // MARK: Warming up

  /// There is more to ask of a pick than who is eligible by its state.
  @inline(__always)
  func hasConditions(_ tried: TriedBackends, isAnyWarming: Bool) -> Bool {
    !tried.isEmpty || isAnyWarming || hasMaximum
  }

  var isAnyWarming: Bool { cache[BackendView.warmingCount].load() != 0 }

  /// What the share of the warmest eligible backend is, by which the others' are to be measured; 0
  /// = nobody is warming up. When all are, they share as if they were warm.
  func warmScale(_ now: UInt64) -> UInt64 {
    if !isAnyWarming { return 0 }
    let since = cache[BackendView.warmestSince].load()
    return WarmUp.share(began: since, now: now, duration: tables.pointee.warmUp)
  }

  func share(_ backend: Int, _ now: UInt64) -> UInt64 {
    let since = tables.pointee.warmSince[backend].load()
    return WarmUp.share(began: since, now: now, duration: tables.pointee.warmUp)
  }
}

// MARK: - The cache

/// What a look at one backend has found.
@frozen @usableFromInline
package struct BackendStanding {
  /// Neither down nor ejected nor draining, or health is not looked at.
  @usableFromInline package var isHealthy: Bool
  /// Its breaker lets requests pass.
  @usableFromInline package var admits: Bool

  @inlinable package init(isHealthy: Bool, admits: Bool) {
    self.isHealthy = isHealthy
    self.admits = admits
  }
}

extension BackendView {
  /// A state has changed since the last look, or time has changed one.
  /// - Parameter version: the service's, read before anything else.
  @inlinable package func isStale(version: UInt64, now: Instant) -> Bool {
    cache[BackendView.seenVersion].loadAcquiring() != version
      || now.nanoseconds >= cache[BackendView.recheckAt].load()
  }

  /// Looks at every backend and writes the bits anew. Several workers may do so at once: who began
  /// with an older version makes the next one look again.
  /// - Parameter version: the service's, read before the states were.
  /// - Parameter recheckAt: the earliest instant at which time alone changes what `look` says; ends
  ///   of warming up are known here.
  package func rewrite(
    version: UInt64, now: Instant, recheckAt: Instant, _ look: (Int) -> BackendStanding
  ) {
    var tally = Tally(recheckAt: recheckAt.nanoseconds)
    for word in 0..<bitWords {
      var eligible: UInt64 = 0
      var healthy: UInt64 = 0
      for backend in word * 64..<min(count, word * 64 + 64) {
        let standing = look(backend)
        let bit: UInt64 = 1 << UInt64(backend & 63)
        if !standing.isHealthy { continue }
        healthy |= bit
        if !standing.admits { continue }
        eligible |= bit
        tally.add(
          weight: tables.pointee.weights[backend],
          warmSince: tables.pointee.warmSince[backend].load(), warmUp: tables.pointee.warmUp,
          now: now.nanoseconds)
      }
      cache[BackendView.firstBits + word].store(eligible)
      cache[BackendView.firstBits + bitWords + word].store(healthy)
    }
    cache[BackendView.eligibleCount].store(tally.count)
    cache[BackendView.eligibleWeight].store(tally.weight)
    cache[BackendView.warmestSince].store(tally.isAnyWarm ? 0 : tally.warmestSince)
    cache[BackendView.warmingCount].store(tally.warming)
    cache[BackendView.recheckAt].store(tally.recheckAt)
    cache[BackendView.seenVersion].storeReleasing(version)
  }

  /// What the eligible backends are together.
  private struct Tally {
    var recheckAt: UInt64
    var count: UInt64 = 0
    var weight: UInt64 = 0
    var warming: UInt64 = 0
    var warmestSince: UInt64 = .max
    var isAnyWarm = false

    mutating func add(weight: UInt32, warmSince: UInt64, warmUp: UInt64, now: UInt64) {
      count += 1
      self.weight += UInt64(weight)
      let isWarming = WarmUp.share(began: warmSince, now: now, duration: warmUp) < WarmUp.full
      if !isWarming {
        isAnyWarm = true
        return
      }
      warming += 1
      warmestSince = min(warmestSince, warmSince)
      // Instants and durations of a process do not come near 2^64.
      recheckAt = min(recheckAt, warmSince + warmUp)
    }
  }
}
