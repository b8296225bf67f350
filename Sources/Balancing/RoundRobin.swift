// Why this file exists: round robin is one sequence that all workers walk together; each worker
// with its own would send bursts to the same backend.
import Primitives

/// Each backend in turn. Weights are not looked at.
enum RoundRobin {
  /// Takes one turn. A turn that falls on a backend which is not eligible passes to the next one.
  @inline(__always)
  static func choose(_ eligible: Eligibility, _ random: inout Xoroshiro, isRepeat: Bool) -> Int? {
    Turn.take(eligible, isRepeat: isRepeat) { turn in
      search(eligible, from: Int(turn % UInt64(eligible.count)), &random)
    }
  }

  /// The first that takes the turn, and how many passed it on.
  @inline(__always)
  private static func search(
    _ eligible: Eligibility, from start: Int, _ random: inout Xoroshiro
  ) -> Turn.Taken? {
    var (at, passed) = (start, 0)
    for refusal in 0...Eligibility.refusals {
      guard let backend = eligible.first(from: at) else { return nil }
      passed += backend >= at ? backend - at : backend + eligible.count - at
      if refusal == Eligibility.refusals || eligible.takesTurn(backend, &random) {
        return Turn.Taken(backend: backend, passed: passed)
      }
      at = backend + 1 < eligible.count ? backend + 1 : 0
      passed += 1
    }
    return nil
  }
}
