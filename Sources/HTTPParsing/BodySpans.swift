// Why this file exists: body bytes are forwarded from where they were read. The parser says where
// they are; the shell writes all of them in one call.
public import Primitives

/// A worker's list of body slices found by one or more calls of `feed`. The shell empties it with
/// `clear` after use.
@frozen @usableFromInline
package struct BodySpans {
  @usableFromInline package var slices: UnsafeMutablePointer<ByteSlice>
  @usableFromInline package var capacity: Int
  @usableFromInline package var count: Int
  /// Total length of the slices.
  @usableFromInline package var bytes: Int

  /// Room for `capacity` slices. Allocates; not for the request path.
  package static func create(capacity: Int) -> BodySpans {
    precondition(capacity > 0)
    return BodySpans(slices: .allocate(capacity: capacity), capacity: capacity)
  }

  @inlinable
  init(slices: UnsafeMutablePointer<ByteSlice>, capacity: Int) {
    self.slices = slices
    self.capacity = capacity
    count = 0
    bytes = 0
  }

  /// Gives the memory back.
  package mutating func destroy() { slices.deallocate() }

  @inlinable
  package mutating func clear() {
    count = 0
    bytes = 0
  }

  @inlinable package var isFull: Bool { count == capacity }

  /// Precondition: not full.
  @inlinable
  package mutating func append(_ base: UnsafePointer<UInt8>, _ length: Int) {
    precondition(count < capacity)
    (slices + count).initialize(to: ByteSlice(base, length))
    count += 1
    bytes += length
  }
}
