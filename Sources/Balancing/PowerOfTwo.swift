// Why this file exists: comparing two at random costs the same for any number of backends and,
// other than looking for the very least, never makes all workers choose the same one.
import Primitives

/// The less loaded of two different backends drawn at random (M. Mitzenmacher, "The Power of Two
/// Choices in Randomized Load Balancing", 2001). Drawn by weight; load is requests in flight for
/// the weight; between equals the one drawn first, so that idle backends are used as their weights
/// say.
enum PowerOfTwo {
  @inline(__always)
  static func choose(_ eligible: Eligibility, _ random: inout Xoroshiro) -> Int? {
    guard let (first, second) = drawTwo(eligible, &random) else { return nil }
    guard let second else { return first }
    return Load(eligible, second) < Load(eligible, first) ? second : first
  }

  /// Two different ones; one when there is only one; nil when there is none.
  @inline(__always)
  static func drawTwo(
    _ eligible: Eligibility, _ random: inout Xoroshiro
  ) -> (first: Int, second: Int?)? {
    guard let first = eligible.draw(&random) else { return nil }
    if eligible.view.eligibleCount < 2 { return (first, nil) }
    return (first, eligible.draw(&random, except: first))
  }
}
