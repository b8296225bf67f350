// Why this file exists: requests differ in length; who has the fewest in hand is free first.
import Primitives

/// The backend with the fewest requests in flight for its weight, all workers' together. Among
/// equals one at random, by weight: so idle backends too are used as their weights say.
enum LeastConnections {
  /// Up to so many eligible backends all are compared.
  static let exact = 64
  /// Of more, so many at random: the least of eight is among the least eighth of all in two cases
  /// of three, and no crowd of workers meets at one backend.
  static let samples = 8

  @inline(__always)
  static func choose(_ eligible: Eligibility, _ random: inout Xoroshiro) -> Int? {
    if eligible.view.eligibleCount > exact { return chooseSampled(eligible, &random) }
    if !eligible.hasConditions { return compareAll(eligible, &random, asking: false) }
    // Those who are warming up may all have passed.
    return compareAll(eligible, &random, asking: true)
      ?? compareAll(eligible, &random, asking: true, force: true)
  }

  private static func chooseSampled(_ eligible: Eligibility, _ random: inout Xoroshiro) -> Int? {
    guard var best = eligible.draw(&random) else { return nil }
    var least = Load(eligible, best)
    for _ in 1..<samples {
      guard let other = eligible.draw(&random) else { break }
      let load = Load(eligible, other)
      if load < least {
        best = other
        least = load
      }
    }
    return best
  }

  /// - Parameter asking: there is more to ask than who is eligible by its state.
  /// - Parameter force: who is warming up takes every turn.
  @inline(__always)
  private static func compareAll(
    _ eligible: Eligibility, _ random: inout Xoroshiro, asking: Bool, force: Bool = false
  ) -> Int? {
    let view = eligible.view
    var least = Load.most
    // A bit for each of the eligible ones, in their order: it has the least load.
    var ties: UInt64 = 0
    var tiedWeight: UInt64 = 0
    var bit: UInt64 = 1
    for word in 0..<view.bitWords {
      var bits = view.eligibleBits(word)
      // More than 64, when they have just come back, are not looked at.
      while bits != 0 && bit != 0 {
        let backend = word << 6 | bits.trailingZeroBitCount
        bits &= bits &- 1  // takes the lowest bit away
        let mark = bit
        bit <<= 1
        if asking && !eligible.isWilling(backend, &random, force: force) { continue }
        let weight = view.weight(backend)
        let load = Load(
          active: view.active(backend), weight: asking ? eligible.weight(backend) : weight)
        let difference = load.compare(least)
        if difference > 0 { continue }
        if difference < 0 {
          ties = 0
          tiedWeight = 0
          least = load
        }
        ties |= mark
        tiedWeight &+= weight  // 64 times 2^16 at most
      }
    }
    if ties == 0 { return nil }
    return chooseOne(view, of: ties, at: random.below(tiedWeight))
  }

  /// Of the eligible ones whose bits are set, the one at this point of their weights laid end to
  /// end.
  private static func chooseOne(_ view: BackendView, of ties: UInt64, at point: UInt64) -> Int? {
    var chosen: Int?
    var left = ties
    var point = point
    for word in 0..<view.bitWords {
      var bits = view.eligibleBits(word)
      while bits != 0 && left != 0 {
        let backend = word << 6 | bits.trailingZeroBitCount
        bits &= bits &- 1  // takes the lowest bit away
        defer { left >>= 1 }
        if left & 1 == 0 { continue }
        chosen = backend
        let weight = view.weight(backend)
        if point < weight { return chosen }
        point &-= weight  // not below 0
      }
    }
    // Some have gone since they were compared.
    return chosen
  }
}

/// Requests in flight for a weight; compared without division or rounding.
struct Load {
  private let active: UInt64
  private let weight: UInt64

  @inline(__always)
  init(_ eligible: Eligibility, _ backend: Int) {
    active = eligible.view.active(backend)
    weight = eligible.weight(backend)
  }

  @inline(__always)
  init(active: UInt64, weight: UInt64) {
    self.active = active
    self.weight = weight
  }

  /// Above all others.
  static var most: Load { Load(active: 1 << 33, weight: 1) }

  /// How it compares with `other`: below 0, 0 or above 0.
  @inline(__always)
  func compare(_ other: Load) -> Int64 {
    // Weights are below 2^27, and a process has fewer than 2^33 requests in flight: the products
    // stay below 2^60, and where something else stood in a word they only compare wrong.
    Int64(bitPattern: active &* other.weight) &- Int64(bitPattern: other.active &* weight)
  }

  @inline(__always)
  static func < (left: Load, right: Load) -> Bool { left.compare(right) < 0 }

  /// In units of the mean weight.
  @inline(__always)
  func relative(toMean mean: Float) -> Float {
    Float(active) * mean * Float(WarmUp.full) / Float(weight)
  }
}
