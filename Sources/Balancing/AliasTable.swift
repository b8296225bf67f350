// Why this file exists: choosing one of many at random in proportion to weights must cost the same
// for ten backends and for ten thousand.
import Primitives

/// Walker's alias table (M. D. Vose, "A linear algorithm for generating random numbers with a given
/// distribution", 1991): each of n columns is cut once; the part below the cut is the column's own,
/// the part above it belongs to its alias. One random word, two loads. Immutable.
struct AliasTable {
  private let cuts: UnsafeMutablePointer<UInt64>
  private let aliases: UnsafeMutablePointer<UInt32>
  private let count: Int

  /// One weight or more, each above 0, their sum times their number below 2^63.
  init(_ weights: [UInt32], in arena: Arena) {
    cuts = arena.allocate(UInt64.self, count: weights.count)
    aliases = arena.allocate(UInt32.self, count: weights.count)
    count = weights.count
    fill(weights)
  }

  private func fill(_ weights: [UInt32]) {
    let sum = weights.reduce(UInt64(0)) { $0 + UInt64($1) }
    // In units of which each column holds `sum`.
    var heights = weights.map { UInt64($0) * UInt64(weights.count) }
    var low = heights.indices.filter { heights[$0] < sum }
    var high = heights.indices.filter { heights[$0] >= sum }
    while let column = low.popLast(), let donor = high.last {
      set(column, cut: heights[column], of: sum, alias: donor)
      heights[donor] -= sum - heights[column]
      if heights[donor] < sum {
        high.removeLast()
        low.append(donor)
      }
    }
    for column in high { set(column, cut: sum, of: sum, alias: column) }
  }

  private func set(_ column: Int, cut: UInt64, of sum: UInt64, alias: Int) {
    // cut / sum in parts of 2^64; the whole is one part short, which its alias, itself, makes good.
    let part = cut == sum ? .max : sum.dividingFullWidth((cut, 0)).quotient
    (cuts + column).initialize(to: part)
    (aliases + column).initialize(to: UInt32(alias))
  }

  /// - Parameter random: all 64 bits random: the product's high word is the column, its low word
  ///   the height.
  @inline(__always)
  func choose(_ random: UInt64) -> Int {
    let product = random.multipliedFullWidth(by: UInt64(truncatingIfNeeded: count))
    let column = Int(truncatingIfNeeded: product.high)  // below count
    return product.low < cuts[column] ? column : Int(aliases[column])
  }
}
