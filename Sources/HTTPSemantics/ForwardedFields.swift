// Why this file exists: what the gateway says of itself and of the client to the next hop has one
// wording, whoever writes the head.
public import Primitives

/// The list that goes on as X-Forwarded-For.
package enum ForwardedFor {
  /// Appends the value to `writer`: the members of all lines that are not dropped, in order, then
  /// the peer's address without its port.
  package static func write(_ head: RequestHead, peer: IPAddress, into writer: inout ByteWriter) {
    for index in 0..<head.fieldCount {
      guard case .xForwardedFor = head.fields[index].kind, !head.fields[index].isDropped else {
        continue
      }
      var list = FieldList(head.value(index))
      while let member = list.next() {
        writer.append(member)
        writer.append(", ")
      }
    }
    guard writer.reserve(IPAddress.maximumTextLength) else { return }
    writer.cursor += peer.write(to: writer.cursor)
  }
}

/// Via (RFC 9110 section 7.6.3).
@frozen @usableFromInline
package enum Via {
  /// The line that we add to a message received in `version`, under the one name the gateway has.
  @inlinable @inline(__always) package static func put(_ version: HTTPVersion, _ pen: inout Pen) {
    // Two words of known length instead of one of two: stores, no call.
    switch version {
    case .http10: pen.put("Via: 1.0 gateway\r\n")
    case .http11: pen.put("Via: 1.1 gateway\r\n")
    }
  }
  /// The bytes that `put` writes.
  @inlinable package static var lineLength: Int { 18 }
}
