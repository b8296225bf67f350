// Why this file exists: whatever is counted while an attempt lasts must be given back exactly once,
// on every path. One primitive holds the count, so that no path can give it back twice or forget
// it.
public import Primitives

/// One unit of a shared count, and of a sum that counts it too. Given back at most once; giving
/// back nothing does nothing.
@frozen @usableFromInline
package struct Permit {
  @usableFromInline var word: SharedWord?
  @usableFromInline var total: SharedWord?

  @inlinable init(_ word: SharedWord?, total: SharedWord?) {
    self.word = word
    self.total = total
  }

  @inlinable package static var none: Permit { Permit(nil, total: nil) }

  @inlinable package var isHeld: Bool { word != nil }

  /// Takes one unit of the count.
  /// - Parameter total: the sum of this count and others; nil = nobody asks for it.
  @inlinable package static func take(_ word: SharedWord, total: SharedWord? = nil) -> Permit {
    word.add(1)
    total?.add(1)
    return Permit(word, total: total)
  }

  @inlinable package mutating func release() {
    guard let word else { return }
    self.word = nil
    let left = word.subtract(1)
    precondition(left != .max, "a permit was given back twice")
    total?.subtract(1)
  }
}
