// Why this file exists: which backends may take a request is decided in one place, before any
// policy chooses among them, so that no policy can forget a condition.
import Primitives

/// The backends that may take one request: eligible by their state, with room, not tried yet. A
/// warming one takes part of the turns that fall to it.
struct Eligibility {
  let view: BackendView
  let tried: TriedBackends
  let now: UInt64
  /// What the warming ones' shares are measured by; 0 = nobody is warming.
  let warmScale: UInt64

  /// Refused turns after which one is taken all the same, so that every pick ends: by then a
  /// backend with a tenth of its share has said no in eleven cases of sixty.
  static let refusals = 16
  /// Random draws before all backends are gone through: with half of them eligible, that happens to
  /// one draw in 256.
  static let draws = 8

  init(_ view: BackendView, tried: TriedBackends, now: Instant) {
    self.view = view
    self.tried = tried
    self.now = now.nanoseconds
    warmScale = view.warmScale(now.nanoseconds)
  }

  var count: Int { view.count }

  func contains(_ backend: Int) -> Bool { isOpen(backend) && hasRoom(backend) }

  /// Eligible by its state, and not tried.
  func isOpen(_ backend: Int) -> Bool {
    view.isEligible(backend) && !tried.contains(backend)
  }

  func hasRoom(_ backend: Int) -> Bool { view.hasRoom(backend) }

  func isAtBound(_ backend: Int) -> Bool { view.isAtBound(backend) }

  var hasConditions: Bool { view.hasConditions(tried, isAnyWarming: warmScale != 0) }

  /// One that is eligible by its state can take this request, and does.
  @inline(never)
  func isWilling(_ backend: Int, _ random: inout Xoroshiro, force: Bool) -> Bool {
    hasRoom(backend) && !tried.contains(backend) && (force || takesTurn(backend, &random))
  }

  // MARK: Warming up

  /// A turn has fallen to the backend: whether it takes it.
  @inline(__always)
  func takesTurn(_ backend: Int, _ random: inout Xoroshiro) -> Bool {
    if warmScale == 0 { return true }
    let share = view.share(backend, now)
    return share >= warmScale || random.below(warmScale) < share
  }

  /// The same, decided by a number of 32 bits.
  @inline(__always)
  func takesTurn(_ backend: Int, portion: UInt64) -> Bool {
    if warmScale == 0 { return true }
    return (portion * warmScale) >> 32 < view.share(backend, now)
  }

  /// The backend's weight in parts of `WarmUp.full`, scaled by its share. Below 2^27.
  @inline(__always)
  func weight(_ backend: Int) -> UInt64 {
    // 2^16 times 2^10.
    view.weight(backend) &* (warmScale == 0 ? WarmUp.full : view.share(backend, now))
  }

  // MARK: In order

  /// The first one at or after `start`, going round; nil when there is none. Costs one load for
  /// every 64 backends that are not eligible, one or two for every other it passes by.
  @inline(__always)
  func first(from start: Int) -> Int? {
    precondition(start >= 0 && start < count)
    return first(in: start..<count) ?? first(in: 0..<start)
  }

  @inline(__always)
  private func first(in range: Range<Int>) -> Int? {
    var at = range.lowerBound
    while at < range.upperBound {
      let bits = view.eligibleBits(at >> 6) >> UInt64(at & 63)
      guard bits != 0 else {
        at = (at | 63) + 1
        continue
      }
      at += bits.trailingZeroBitCount
      guard at < range.upperBound else { return nil }
      if hasRoom(at), !tried.contains(at) { return at }
      at += 1
    }
    return nil
  }

  // MARK: At random

  /// One of them at random, in proportion to weights and shares. Nil when there is none.
  @inline(__always)
  func draw(_ random: inout Xoroshiro, except other: Int = -1) -> Int? {
    let backend = drawAny(&random, except: other)
    if backend != other, contains(backend), takesTurn(backend, &random) { return backend }
    return drawAgain(&random, except: other)
  }

  @inline(never)
  private func drawAgain(_ random: inout Xoroshiro, except other: Int) -> Int? {
    for _ in 1..<Eligibility.draws {
      let backend = drawAny(&random, except: other)
      if backend != other, contains(backend), takesTurn(backend, &random) { return backend }
    }
    return search(&random, except: other)
  }

  /// Any of the service's backends, by weight.
  @inline(__always)
  private func drawAny(_ random: inout Xoroshiro, except other: Int) -> Int {
    if let alias = view.tables.pointee.alias { return alias.choose(random.next()) }
    if other < 0 || count < 2 { return Int(random.below(UInt64(count))) }
    let backend = Int(random.below(UInt64(count - 1)))
    return backend < other ? backend : backend + 1
  }

  /// Goes through all: for when few are left.
  private func search(_ random: inout Xoroshiro, except other: Int) -> Int? {
    var chosen: Int?
    var sum: UInt64 = 0
    var at = first(in: 0..<count)
    while let backend = at {
      if backend != other {
        let weight = weight(backend)
        sum += weight
        if random.below(sum) < weight { chosen = backend }
      }
      at = first(in: backend + 1..<count)
    }
    return chosen
  }
}
