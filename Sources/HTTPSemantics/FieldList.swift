// Why this file exists: a comma-separated list is the one structure that most fields share, and one
// that several field lines of the same name continue (RFC 9110 section 5.6.1).
public import Primitives

/// Walks the members of one comma-separated value, white space around them removed, empty members
/// left out. Does not know quoted strings: for lists of tokens and addresses.
@frozen @usableFromInline
package struct FieldList {
  @usableFromInline package var rest: ByteSlice

  @inlinable package init(_ value: ByteSlice) { rest = value }

  /// The next member; nil at the end.
  @inlinable package mutating func next() -> ByteSlice? {
    while rest.count > 0 {
      var length = 0
      while length < rest.count, rest.base[length] != 0x2c { length &+= 1 }  // bounded by count
      let member = ASCII.trimmed(ByteSlice(rest.base, length))
      let taken = length < rest.count ? length &+ 1 : length
      rest = ByteSlice(rest.base + taken, rest.count &- taken)
      if member.count > 0 { return member }
    }
    return nil
  }

  /// The last member; nil when there is none. What stands before it stays in the list.
  @inlinable package mutating func nextFromRight() -> ByteSlice? {
    while rest.count > 0 {
      var start = rest.count
      while start > 0, rest.base[start &- 1] != 0x2c { start &-= 1 }
      let member = ASCII.trimmed(ByteSlice(rest.base + start, rest.count &- start))
      rest = ByteSlice(rest.base, start > 0 ? start &- 1 : 0)
      if member.count > 0 { return member }
    }
    return nil
  }
}
