// Why this file exists: where the parts of a head lie. One table per worker serves every head that
// arrives in one read; a connection whose head is incomplete keeps the table that it was lent until
// the head is judged.
public import HTTPSemantics
public import Primitives

/// Positions found while a head is parsed, all relative to the `base` that `feed` was given.
@frozen @usableFromInline
package struct HeadTable {
  /// Room for `capacity` field lines.
  @usableFromInline package var fields: UnsafeMutablePointer<Field>
  @usableFromInline package var capacity: Int
  @usableFromInline package var count: Int
  /// The first byte of the start line (an empty line before a request line is not part of it).
  @usableFromInline package var start: UInt32
  /// The first byte behind the head; set when it is complete.
  @usableFromInline package var end: UInt32
  /// The method's bytes, for a method that is forwarded as it came. Requests only, set when the
  /// head is complete.
  @usableFromInline package var method: ByteRange
  /// The request target as it was sent. Requests only.
  @usableFromInline package var target: ByteRange

  /// A table for heads of at most `maxFields` field lines (`ParseLimits.headFields`). Allocates;
  /// not for the request path.
  package static func create(maxFields: Int) -> HeadTable {
    precondition(maxFields > 0 && maxFields <= 65_535)
    return HeadTable(fields: .allocate(capacity: maxFields), capacity: maxFields)
  }

  @inlinable
  init(fields: UnsafeMutablePointer<Field>, capacity: Int) {
    self.fields = fields
    self.capacity = capacity
    count = 0
    start = 0
    end = 0
    method = .empty
    target = .empty
  }

  /// Gives the memory back.
  package mutating func destroy() { fields.deallocate() }

  mutating func reset(start first: Int) {
    count = 0
    start = UInt32(first)
    end = UInt32(first)
    target = .empty
    method = .empty
  }

  /// Bytes of the complete head, as `limits.head_size` counts them.
  @inlinable package var headLength: Int { Int(end - start) }
}
