// Why this file exists: whatever is counted while an attempt lasts must be given back exactly once,
// on every path. One primitive holds the count, so that no path can give it back twice or forget
// it.
public import Primitives

/// One unit of a shared count. Given back at most once; giving back nothing does nothing.
@frozen @usableFromInline
package struct Permit {
  @usableFromInline var word: SharedWord?

  @inlinable init(_ word: SharedWord?) { self.word = word }

  @inlinable package static var none: Permit { Permit(nil) }

  @inlinable package var isHeld: Bool { word != nil }

  /// Takes one unit of the count.
  @inlinable package static func take(_ word: SharedWord) -> Permit {
    word.add(1)
    return Permit(word)
  }

  @inlinable package mutating func release() {
    guard let word else { return }
    self.word = nil
    let left = word.subtract(1)
    precondition(left != .max, "a permit was given back twice")
  }
}
