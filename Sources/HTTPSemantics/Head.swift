// Why this file exists: a parsed message head as positions in the bytes it came in. HTTPParsing
// fills it, the rules of this room judge it, the head writers copy from it. Nothing here owns
// memory.
public import Primitives

/// One field line, by position relative to the head's base. 16 bytes.
@frozen @usableFromInline
package struct Field {
  @usableFromInline package var nameOffset: UInt32
  @usableFromInline package var valueOffset: UInt32
  @usableFromInline package var valueLength: UInt32
  @usableFromInline package var nameLength: UInt16
  @usableFromInline package var kind: FieldKind
  @usableFromInline package var flags: UInt8

  /// Set by a rule of this room: this line is not forwarded.
  @inlinable package static var dropped: UInt8 { 1 }
  /// Set by `FieldClassifier.finish`: the line reads "name: value" and its end follows at once, so
  /// it goes on as the bytes it came in. Who moves `valueOffset` or `valueLength` takes it away.
  @inlinable package static var asWritten: UInt8 { 2 }

  @inlinable
  package init(
    nameOffset: UInt32, nameLength: UInt16, valueOffset: UInt32, valueLength: UInt32,
    kind: FieldKind
  ) {
    self.nameOffset = nameOffset
    self.nameLength = nameLength
    self.valueOffset = valueOffset
    self.valueLength = valueLength
    self.kind = kind
    self.flags = 0
  }
  @inlinable package var isDropped: Bool { flags & Field.dropped != 0 }
  @inlinable package mutating func drop() { flags |= Field.dropped }

  @inlinable package var name: ByteRange {
    ByteRange(offset: nameOffset, length: UInt32(nameLength))
  }
  /// Without the white space around it.
  @inlinable package var value: ByteRange { ByteRange(offset: valueOffset, length: valueLength) }
}

/// How the end of a body is known (RFC 9112 section 6.3).
@frozen @usableFromInline
package enum Framing: Equatable, Sendable {
  /// No body at all.
  case none
  /// Content-Length.
  case length(UInt64)
  /// Transfer-Encoding: chunked.
  case chunked
  /// Until the connection closes; responses only.
  case untilClose

  /// No byte of body can follow the head.
  @inlinable package var isEmpty: Bool {
    switch self {
    case .none: true
    case .length(let count): count == 0
    case .chunked, .untilClose: false
    }
  }
}

@frozen @usableFromInline
package enum HTTPVersion: UInt8, Sendable {
  case http10
  case http11
}

/// A whole request head. `base` and `fields` are valid until the owner of the bytes reads again.
/// The bytes from `base` on are the head as it was received, in one piece, and `fields` has one
/// entry for each of its lines, in order: the rules of this room look at what stands between them.
@frozen @usableFromInline
package struct RequestHead {
  @usableFromInline package var base: UnsafePointer<UInt8>
  @usableFromInline package var fields: UnsafeMutablePointer<Field>
  @usableFromInline package var fieldCount: Int
  @usableFromInline package var method: Method
  @usableFromInline package var version: HTTPVersion
  /// As it was sent: origin-form, absolute-form, authority-form or `*`.
  @usableFromInline package var target: ByteRange
  @usableFromInline package var framing: Framing
  /// The client may send another request on this connection (RFC 9112 section 9.3).
  @usableFromInline package var keepAlive: Bool
  /// The parser has refused all bytes that may not stand in a field: the rules look no more.
  @usableFromInline package var bytesAreProved: Bool
  /// Bytes of the method, which stands one space before the target. No method that a parser knows
  /// has more than 255.
  @usableFromInline package var methodLength: UInt8

  /// The method as it was sent.
  @inlinable package var methodText: ByteRange {
    ByteRange(offset: target.offset - UInt32(methodLength) - 1, length: UInt32(methodLength))
  }

  @inlinable
  package init(
    base: UnsafePointer<UInt8>, fields: UnsafeMutablePointer<Field>, fieldCount: Int,
    method: Method, version: HTTPVersion, target: ByteRange, framing: Framing, keepAlive: Bool,
    bytesAreProved: Bool = false, methodLength: UInt8 = 0
  ) {
    self.base = base
    self.fields = fields
    self.fieldCount = fieldCount
    self.method = method
    self.methodLength = methodLength
    self.version = version
    self.target = target
    self.framing = framing
    self.keepAlive = keepAlive
    self.bytesAreProved = bytesAreProved
  }
}

/// A whole response head. `base` and `fields` are valid until the owner of the bytes reads again.
/// As for a request, the bytes are in one piece and `fields` has every line, in order.
@frozen @usableFromInline
package struct ResponseHead {
  @usableFromInline package var base: UnsafePointer<UInt8>
  @usableFromInline package var fields: UnsafeMutablePointer<Field>
  @usableFromInline package var fieldCount: Int
  @usableFromInline package var version: HTTPVersion
  @usableFromInline package var status: UInt16
  /// The reason phrase as it was sent; may be empty.
  @usableFromInline package var phrase: ByteRange
  @usableFromInline package var framing: Framing
  /// The backend may be sent another request on this connection.
  @usableFromInline package var keepAlive: Bool
  /// The parser has refused all bytes that may not stand in a field: the rules look no more.
  @usableFromInline package var bytesAreProved: Bool

  @inlinable
  package init(
    base: UnsafePointer<UInt8>, fields: UnsafeMutablePointer<Field>, fieldCount: Int,
    version: HTTPVersion, status: UInt16, phrase: ByteRange, framing: Framing, keepAlive: Bool,
    bytesAreProved: Bool = false
  ) {
    self.base = base
    self.fields = fields
    self.fieldCount = fieldCount
    self.version = version
    self.status = status
    self.phrase = phrase
    self.framing = framing
    self.keepAlive = keepAlive
    self.bytesAreProved = bytesAreProved
  }
}
