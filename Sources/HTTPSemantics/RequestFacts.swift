// Why this file exists: what the rest of the gateway wants to know of a request is found in the one
// pass that judges it, and kept as positions and flags.
public import Primitives

/// What to do with a field whose name has an underscore (`http.underscore_fields`). Servers that
/// turn names into variables cannot tell `X_Y` from `X-Y`.
@frozen @usableFromInline
package enum UnderscoreFields: UInt8, CaseIterable, Sendable {
  case drop
  case reject
  /// Forwarded, unless it would be taken for a field that a rule of the gateway speaks of.
  case keep
}

/// The settings that the rules for requests ask for.
@frozen @usableFromInline
package struct RequestRuleSettings: Equatable, Sendable {
  @usableFromInline package var underscoreFields: UnderscoreFields

  @inlinable package init(underscoreFields: UnderscoreFields = .drop) {
    self.underscoreFields = underscoreFields
  }
}

/// What the rules say of a request. A refused one is answered and its connection closed: after an
/// ambiguous head nobody knows where the next request begins.
@frozen @usableFromInline
package enum RequestVerdict: Equatable, Sendable {
  case accept
  case refuse(Reason, BadRequestDetail)

  @inlinable package static func bad(_ detail: BadRequestDetail) -> RequestVerdict {
    .refuse(.badRequest, detail)
  }
}

/// In which form the target came (RFC 9112 section 3.2). CONNECT's authority-form is refused.
@frozen @usableFromInline
package enum TargetForm: UInt8, Sendable {
  case origin
  case absolute
  /// `OPTIONS *`, or OPTIONS with an absolute target of neither path nor query: routed as `/`,
  /// forwarded as `*`.
  case asterisk
}

/// What Max-Forwards asks for; it counts for OPTIONS and TRACE only (RFC 9110 section 7.6.2).
@frozen @usableFromInline
package enum MaxForwards: Equatable, Sendable {
  /// Absent, or of no meaning to the method: the field passes as it came.
  case absent
  /// Zero: the gateway is the final recipient and answers by itself.
  case answer
  /// One is taken off; the line is dropped and this value written instead.
  case forward(UInt32)
}

/// What is worth knowing of an accepted request. Positions are relative to the head's base; an
/// index is one of the head's field table, or -1 when there is no such line or it is dropped.
@frozen @usableFromInline
package struct RequestFacts: Equatable, Sendable {
  // Where to
  @usableFromInline package var form = TargetForm.origin
  /// Host and port as the client named them: of an absolute target, else of the Host field. Empty
  /// for an HTTP/1.0 request without Host.
  @usableFromInline package var authority = ByteRange.empty
  /// The authority without port; the brackets of an IPv6 address belong to it.
  @usableFromInline package var host = ByteRange.empty
  /// -1 = not given.
  @usableFromInline package var port: Int32 = -1
  /// Path and query of the target as sent; may be empty or begin with `?` when an absolute target
  /// has no path. Give it to `PathPolicy.normalise`.
  @usableFromInline package var pathAndQuery = ByteRange.empty

  // What the client can take, or asks of this hop
  /// Expect: 100-continue on HTTP/1.1 with a body to come.
  @usableFromInline package var expectsContinue = false
  /// TE: trailers. Every TE line is dropped; the writer sends its own.
  @usableFromInline package var takesTrailers = false
  /// No trailer of this request is to be passed on: Connection may have named it.
  @usableFromInline package var dropsTrailers = false
  /// The one protocol that a GET without body offers to switch to; empty = none. Every Upgrade line
  /// is dropped; the writer sends its own when `UpgradeRule` allows it.
  @usableFromInline package var upgrade = ByteRange.empty
  @usableFromInline package var maxForwards = MaxForwards.absent

  // Lines somebody reads
  @usableFromInline package var userAgentField: Int32 = -1
  @usableFromInline package var requestIDField: Int32 = -1
  /// Below 0 also when there are several.
  @usableFromInline package var traceparentField: Int32 = -1
  /// The first one; there may be more.
  @usableFromInline package var tracestateField: Int32 = -1
  @usableFromInline package var hasIdempotencyKey = false
  /// Any of X-Forwarded-*, Forwarded or X-Real-IP came in.
  @usableFromInline package var hasForwardingIdentity = false
  /// Fields dropped because of an underscore.
  @usableFromInline package var underscoreDrops: UInt16 = 0

  @inlinable package init() {}
}
