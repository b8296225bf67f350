// Why this file exists: both round robins walk one sequence that all workers share; how a turn is
// taken, passed on and used up is the same for both.
import Primitives

/// A walk along a sequence that the whole process shares.
enum Turn {
  struct Taken {
    var backend: Int
    /// Turns that fell on others, who could not take them.
    var passed: Int
  }

  /// Turns that one pick may take while others keep coming between.
  private static let tries = 4

  /// Round robin's usual case in few steps: nobody was tried or is warming up, there is no maximum,
  /// and the turn falls on one that is eligible. Otherwise nil; the turn of one that is not is used
  /// up.
  @inline(__always)
  static func takeAtOnce(_ view: BackendView, _ request: PickRequest) -> Int? {
    if view.hasConditions(request.tried, isAnyWarming: view.isAnyWarming) { return nil }
    let turn = view.tables.pointee.sequence.add(1) &- 1
    let backend = Int(turn % UInt64(view.count))
    return view.isEligible(backend) ? backend : nil
  }

  /// Takes a turn: one atomic increment. Turns that others could not take are used up as well, or
  /// the backend behind one that is down would have the turns of both. When another worker has come
  /// between, it has walked over the same ones: then a turn of our own is taken.
  ///
  /// A repeat of a request takes no turn, it is passed on from where the sequence stands: otherwise
  /// every first try after a repeat would fall on the backend that had failed before.
  @inline(__always)
  static func take(
    _ eligible: Eligibility, isRepeat: Bool, _ search: (UInt64) -> Taken?
  ) -> Int? {
    let sequence = eligible.view.tables.pointee.sequence
    if isRepeat { return search(sequence.load())?.backend }
    var left = tries
    while true {
      // Wrapping: turn 0 is the first; where the word wraps, one turn may repeat.
      let next = sequence.add(1)
      guard let taken = search(next &- 1) else { return nil }
      if taken.passed == 0 { return taken.backend }
      let end = next &+ UInt64(taken.passed)
      left -= 1
      if sequence.compareExchange(expected: next, desired: end) == next || left == 0 {
        return taken.backend
      }
    }
  }
}
