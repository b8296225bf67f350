// Why this file exists: the same walk as round robin, along an order in which a backend comes as
// often as its weight says, and never in bursts.
import Primitives

/// Each backend as often as its weight says.
enum WeightedRoundRobin {
  /// Turns that are looked at one by one; after them the backends are gone through in their order.
  private static let looks = 256

  @inline(__always)
  static func choose(
    _ eligible: Eligibility, _ random: inout Xoroshiro, isRepeat: Bool
  ) -> Int? {
    guard let order = eligible.view.tables.pointee.order else { return nil }
    return Turn.take(eligible, isRepeat: isRepeat) { turn in
      search(eligible, order, from: Int(turn % UInt64(order.count)), &random)
    }
  }

  @inline(__always)
  private static func search(
    _ eligible: Eligibility, _ order: UnsafeBufferPointer<UInt32>, from start: Int,
    _ random: inout Xoroshiro
  ) -> Turn.Taken? {
    var at = start
    var refused: Turn.Taken?
    for passed in 0..<looks {
      let backend = Int(order[at])
      if eligible.contains(backend) {
        if eligible.takesTurn(backend, &random) {
          return Turn.Taken(backend: backend, passed: passed)
        }
        refused = Turn.Taken(backend: backend, passed: passed)
      }
      at = at + 1 < order.count ? at + 1 : 0
    }
    if let refused { return refused }
    return eligible.first(from: Int(order[start])).map { Turn.Taken(backend: $0, passed: 0) }
  }
}
