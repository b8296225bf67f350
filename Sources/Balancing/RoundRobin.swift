// Why this file exists: round robin is one sequence that all workers walk together; each worker
// with its own would send bursts to the same backend.
import Primitives

/// Each backend in turn. Weights are not looked at.
enum RoundRobin {
  /// Takes one turn. A turn that falls on a backend which is not eligible passes to the next one. A
  /// repeat of a request takes no turn of its own, it is passed on from where the sequence stands:
  /// otherwise every first try after a repeat would fall on the backend that had failed before. At
  /// least one backend exists.
  @inline(__always)
  static func choose(
    _ eligible: Eligibility, _ sequence: SharedWord, isRepeat: Bool
  ) -> Int? {
    // Wrapping: turn 0 is the first; where the word wraps, one turn may repeat.
    let turn = isRepeat ? sequence.load() : sequence.add(1) &- 1
    return eligible.first(from: Int(turn % UInt64(eligible.view.count)))
  }
}
