// Why this file exists: a name is compared once, when its line is parsed, and is a number from then
// on. The length decides which few names are possible; eight bytes are compared at a time.
package import Primitives

/// Gives a field name its `FieldKind`. Names are matched exactly but for letter case: bytes that
/// differ from a letter only by the case bit, and no other, are folded.
package enum FieldClassifier {
  /// The kind of the field called `name`; `other` for a name no rule speaks of. Reads only the
  /// bytes of the name.
  package static func kind(of name: ByteSlice) -> FieldKind {
    kind(UnsafeRawPointer(name.base), name.count)
  }

  /// Gives each of `count` fields its kind, takes the blanks from the end of its value, and marks
  /// those whose line reads "name: value" and ends at once. The offsets are from `base`.
  package static func finish(
    _ base: UnsafePointer<UInt8>, _ fields: UnsafeMutablePointer<Field>, _ count: Int
  ) {
    var field = fields
    let last = fields + count
    while field < last {
      let name = UnsafeRawPointer(base + Int(field.pointee.nameOffset))
      field.pointee.kind = kind(name, Int(field.pointee.nameLength))
      let value = Int(field.pointee.valueOffset)
      let colon = Int(field.pointee.nameOffset) &+ Int(field.pointee.nameLength)  // 32-bit numbers
      if field.pointee.valueLength > 0 {
        let end = base + value + Int(field.pointee.valueLength)
        // Nothing below a space may end a value but the tab, and a space is a blank too.
        if end[-1] <= 0x20 {
          trim(field, end)
        } else if value == colon &+ 2, HeadLines.isColonAndSpace(base + colon),
          HeadLines.isLineEnd(end)
        {
          field.pointee.flags = Field.asWritten
        }
      }
      field += 1
    }
  }

  private static func trim(_ field: UnsafeMutablePointer<Field>, _ end: UnsafePointer<UInt8>) {
    var length = Int(field.pointee.valueLength)
    let start = end - length
    while length > 0, isBlank(start[length - 1]) { length -= 1 }
    field.pointee.valueLength = UInt32(length)
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  @inline(__always)
  private static func kind(_ p: UnsafeRawPointer, _ count: Int) -> FieldKind {
    switch count {
    case 2: return matches(p, "te") ? .te : .other
    case 3: return ofThree(p)
    case 4: return ofFour(p)
    case 5: return matches(p, "range") ? .forbiddenInTrailer : .other
    case 6: return ofSix(p)
    case 7: return ofSeven(p)
    case 8: return ofEight(p)
    case 9: return ofNine(p)
    case 10: return ofTen(p)
    case 11: return ofEleven(p)
    case 12: return ofTwelve(p)
    case 13: return ofThirteen(p)
    case 14: return ofFourteen(p)
    case 15: return ofFifteen(p)
    case 16: return ofSixteen(p)
    case 17: return ofSeventeen(p)
    case 18: return ofEighteen(p)
    case 19: return ofNineteen(p)
    default: return count > 12 && startsForwarded(p) ? .xForwardedOther : .other
    }
  }

  @inline(__always)
  private static func ofThree(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "via") { return .via }
    return matches(p, "age") ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofFour(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "host") { return .host }
    if matches(p, "date") { return .date }
    return matches(p, "vary") ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofSix(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "cookie") { return .cookie }
    if matches(p, "server") { return .server }
    if matches(p, "expect") { return .expect }
    return matches(p, "pragma") ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofSeven(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "upgrade") { return .upgrade }
    if matches(p, "trailer") { return .trailer }
    return matches(p, "expires") || matches(p, "warning") ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofEight(_ p: UnsafeRawPointer) -> FieldKind {
    let forbidden = matches(p, "if-match") || matches(p, "if-range") || matches(p, "location")
    return forbidden ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofNine(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "x-real-ip") { return .xRealIP }
    return matches(p, "forwarded") ? .forwarded : .other
  }

  @inline(__always)
  private static func ofTen(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "connection") { return .connection }
    if matches(p, "user-agent") { return .userAgent }
    if matches(p, "keep-alive") { return .keepAlive }
    if matches(p, "tracestate") { return .tracestate }
    return matches(p, "set-cookie") ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofEleven(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "traceparent") { return .traceparent }
    return matches(p, "retry-after") ? .retryAfter : .other
  }

  @inline(__always)
  private static func ofTwelve(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "content-type") { return .contentType }
    if matches(p, "x-request-id") { return .xRequestID }
    if matches(p, "max-forwards") { return .maxForwards }
    return startsForwarded(p) ? .xForwardedOther : .other
  }

  @inline(__always)
  private static func ofThirteen(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "authorization") { return .authorization }
    let forbidden =
      matches(p, "cache-control") || matches(p, "if-none-match") || matches(p, "content-range")
    if forbidden { return .forbiddenInTrailer }
    return startsForwarded(p) ? .xForwardedOther : .other
  }

  @inline(__always)
  private static func ofFourteen(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "content-length") { return .contentLength }
    if matches(p, "http2-settings") { return .http2Settings }
    return startsForwarded(p) ? .xForwardedOther : .other
  }

  @inline(__always)
  private static func ofFifteen(_ p: UnsafeRawPointer) -> FieldKind {
    if startsForwarded(p) {
      return matches(p, "x-forwarded-for") ? .xForwardedFor : .xForwardedOther
    }
    return matches(p, "idempotency-key") ? .idempotencyKey : .other
  }

  @inline(__always)
  private static func ofSixteen(_ p: UnsafeRawPointer) -> FieldKind {
    if startsForwarded(p) {
      return matches(p, "x-forwarded-host") ? .xForwardedHost : .xForwardedOther
    }
    if matches(p, "proxy-connection") { return .proxyConnection }
    if matches(p, "x-gateway-reason") { return .gatewayReason }
    let forbidden =
      matches(p, "content-encoding") || matches(p, "content-language")
      || matches(p, "content-location") || matches(p, "www-authenticate")
    return forbidden ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofSeventeen(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "transfer-encoding") { return .transferEncoding }
    if startsForwarded(p) {
      return matches(p, "x-forwarded-proto") ? .xForwardedProto : .xForwardedOther
    }
    return matches(p, "if-modified-since") ? .forbiddenInTrailer : .other
  }

  @inline(__always)
  private static func ofEighteen(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "proxy-authenticate") { return .proxyAuthenticate }
    return startsForwarded(p) ? .xForwardedOther : .other
  }

  @inline(__always)
  private static func ofNineteen(_ p: UnsafeRawPointer) -> FieldKind {
    if matches(p, "proxy-authorization") { return .proxyAuthorization }
    if matches(p, "if-unmodified-since") { return .forbiddenInTrailer }
    return startsForwarded(p) ? .xForwardedOther : .other
  }

  @inline(__always)
  private static func startsForwarded(_ p: UnsafeRawPointer) -> Bool { matches(p, "x-forwarded-") }

  @inline(__always)
  private static func matches(_ p: UnsafeRawPointer, _ lowercase: StaticString) -> Bool {
    FieldWord.begins(p, with: lowercase)
  }
}
