// Why this file exists: what the rest of the gateway wants to know of a response, found in the one
// pass that judges it.
public import Primitives

/// What the rules say of a response.
@frozen @usableFromInline
package enum ResponseVerdict: UInt8, Sendable {
  case accept
  /// 502 `upstream_protocol`; the connection to the backend is closed.
  case refuse
}

/// What the verdict on a response depends on besides the response itself.
@frozen @usableFromInline
package struct ResponseContext {
  @usableFromInline package var requestMethod: Method
  @usableFromInline package var clientVersion: HTTPVersion
  /// The protocol that was offered to the backend; nil when the request carried no Upgrade.
  @usableFromInline package var offeredUpgrade: ByteSlice?

  @inlinable package init(
    requestMethod: Method, clientVersion: HTTPVersion, offeredUpgrade: ByteSlice? = nil
  ) {
    self.requestMethod = requestMethod
    self.clientVersion = clientVersion
    self.offeredUpgrade = offeredUpgrade
  }
}

/// What is worth knowing of an accepted response. An index is one of the head's field table, or -1.
@frozen @usableFromInline
package struct ResponseFacts: Equatable, Sendable {
  /// 100 to 199 but not 101: more heads follow for the same request.
  @usableFromInline package var isInterim = false
  /// 101 with the protocol that was offered: the connection is a tunnel from here on. Upgrade and
  /// Connection lines are dropped; the writer sends its own.
  @usableFromInline package var isUpgrade = false
  /// The backend's Keep-Alive hint in seconds; 0 = none.
  @usableFromInline package var keepAliveSeconds: UInt32 = 0
  /// No trailer of this response is to be passed on: Connection may have named it.
  @usableFromInline package var dropsTrailers = false
  /// -1: the gateway adds a Date (RFC 9110 section 6.6.1).
  @usableFromInline package var dateField: Int32 = -1

  @inlinable package init() {}
}
