// Why this file exists: a repeat goes to a backend that has not failed this request yet; for that
// the few already tried are remembered with the exchange.

/// The backends that attempts of one exchange went to, by index. Room for eight; a ninth takes the
/// place of the first, which bounds what a request costs, not whether it is answered. 36 bytes.
@frozen @usableFromInline
package struct TriedBackends: Equatable, Sendable {
  @usableFromInline package var indices: SIMD8<UInt32>
  @usableFromInline package var count: UInt32

  @inlinable package static var capacity: Int { 8 }

  @inlinable package init() {
    indices = SIMD8(repeating: .max)
    count = 0
  }

  @inlinable package var isEmpty: Bool { count == 0 }

  @inlinable package mutating func insert(_ backend: Int) {
    indices[Int(count & 7)] = UInt32(backend)
    count &+= 1  // four thousand million attempts of one request do not happen
  }

  @inlinable package func contains(_ backend: Int) -> Bool {
    if count == 0 { return false }
    for slot in 0..<TriedBackends.capacity where indices[slot] == UInt32(backend) { return true }
    return false
  }
}
