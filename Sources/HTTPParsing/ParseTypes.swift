// Why this file exists: the words in which both parsers answer. The shell pulls: it feeds bytes,
// gets one step back, and decides; no parser ever calls the shell.
public import HTTPSemantics

/// What one message may cost before it is refused (`limits.head_size`, `limits.head_fields`).
@frozen @usableFromInline
package struct ParseLimits: Equatable, Sendable {
  /// Bytes of the start line and all field lines together with their line ends; the field lines of
  /// trailers count too.
  @usableFromInline package var headSize: Int
  /// Number of field lines, trailers included.
  @usableFromInline package var headFields: Int

  @inlinable
  package init(headSize: Int, headFields: Int) {
    self.headSize = headSize
    self.headFields = headFields
  }
}

/// Why a parser refused a message. Once it has, it refuses everything that follows: the connection
/// cannot be used again.
@frozen @usableFromInline
package enum ParseFailure: UInt8, Sendable {
  case none
  /// Line ends, spacing, body lengths, chunk grammar: the end of the message cannot be known for
  /// certain.
  case framing
  /// A field name or value holds a byte that it may not.
  case field
  /// The request target holds a byte that it may not.
  case target
  /// A well-formed version that is neither 1.0 nor 1.1; also the HTTP/2 preface.
  case version
  /// A well-formed method that the gateway does not know.
  case method
  /// The target alone is longer than `limits.head_size`.
  case targetTooLong
  /// More bytes or more field lines than the limits allow.
  case headTooLarge
  /// The connection ended inside a message.
  case truncated

  /// The reason word of the answer to a request that failed so.
  @inlinable package var reason: Reason {
    switch self {
    case .none: .none
    case .framing, .field, .target, .version, .method, .truncated: .badRequest
    case .targetTooLong: .targetTooLong
    case .headTooLarge: .headTooLarge
    }
  }

  /// What exactly `badRequest` complains of.
  @inlinable package var detail: BadRequestDetail {
    switch self {
    case .none, .targetTooLong, .headTooLarge: .none
    case .framing, .truncated: .framing
    case .field: .field
    case .target: .target
    case .version: .version
    case .method: .method
    }
  }
}

/// Why `feed` came back.
@frozen @usableFromInline
package enum ParseEvent: Equatable, Sendable {
  /// All bytes are used up and the message goes on.
  case needMore
  /// The head is complete; nothing behind it has been looked at.
  case head
  /// No more slices fit: take them away, then feed the rest.
  case spansFull
  /// The message is complete; the bytes behind it, if any, are not consumed.
  case end
  /// Refused. Nothing more will be parsed on this connection.
  case failed(ParseFailure)
}

/// One step: what happened, and how many of the bytes given belong to it.
@frozen @usableFromInline
package struct ParseStep: Equatable, Sendable {
  @usableFromInline package var event: ParseEvent
  @usableFromInline package var consumed: Int

  @inlinable
  package init(_ event: ParseEvent, _ consumed: Int) {
    self.event = event
    self.consumed = consumed
  }
}
