// Why this file exists: answers of the admin listener as values, and how they look on the wire.

import HTTPSemantics
import Primitives

/// An answer before it is written.
struct AdminAnswer {
  var status: UInt16
  var contentType: String
  /// All of it, or what there is before the first of `parts`.
  var body: [UInt8]
  /// What is shown holds for this moment; the page itself says otherwise.
  var cacheControl = "no-store"
  /// Whole values; no CR or LF.
  var fields: [(name: String, value: String)] = []
  /// Makes the next part of a body that is too long to be made at once; an empty one is its end.
  var parts: (() -> [UInt8])?

  init(
    status: UInt16, contentType: String, body: [UInt8],
    fields: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.fields = fields
  }

  /// An answer that is made in parts, unless the first one is all.
  init(status: UInt16, contentType: String, parts: @escaping () -> [UInt8]) {
    self.init(status: status, contentType: contentType, body: parts())
    let second = parts()
    if second.isEmpty { return }
    body += second
    self.parts = parts
  }

  /// A problem as RFC 9457 has it. `detail` is for people.
  static func problem(_ status: UInt16, _ detail: String) -> AdminAnswer {
    var json = JSONWriter()
    json.beginObject()
    json.member("type", "about:blank")
    json.member("title", "\(StatusPhrase.of(status))")
    json.member("status", status)
    json.member("detail", detail)
    json.endObject()
    return AdminAnswer(
      status: status, contentType: "application/problem+json", body: json.finished)
  }

  /// The bytes of the answer. Without `body` when the request was a HEAD; `keepAlive` says that
  /// another request may follow.
  func encoded(isHead: Bool, version: HTTPVersion, keepAlive: Bool, second: Int64) -> [UInt8] {
    let date = [UInt8](unsafeUninitializedCapacity: HTTPDate.length) { room, count in
      HTTPDate.write(second: second, to: room.baseAddress.unsafelyUnwrapped)
      count = HTTPDate.length
    }
    var head = "HTTP/1.1 \(status) \(StatusPhrase.of(status))\r\n"
    head += "Date: \(String(decoding: date, as: UTF8.self))\r\n"
    // A 304 has no content, and a length there would be that of another answer (RFC 9110 section
    // 15.4.5).
    if status != 304 { head += "Content-Type: \(contentType)\r\n" }
    if parts != nil {
      if version == .http11 { head += "Transfer-Encoding: chunked\r\n" }
    } else if status != 304 {
      head += "Content-Length: \(body.count)\r\n"
    }
    // Nobody is to guess the type.
    head += "Cache-Control: \(cacheControl)\r\nX-Content-Type-Options: nosniff\r\n"
    for field in fields { head += "\(field.name): \(field.value)\r\n" }
    switch version {
    case .http11: if !keepAlive { head += "Connection: close\r\n" }
    case .http10: head += keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n"
    }
    head += "\r\n"
    if isHead { return Array(head.utf8) }
    return Array(head.utf8) + (parts == nil ? body : Self.framed(body, version))
  }

  /// A part as it goes out: a chunk, or as it is where the end of the connection is the end of the
  /// body (RFC 9112 section 7.1). The last one is empty.
  static func framed(_ part: [UInt8], _ version: HTTPVersion) -> [UInt8] {
    switch version {
    case .http10: part
    case .http11:
      Array("\(String(part.count, radix: 16))\r\n".utf8) + part + Array("\r\n".utf8)
    }
  }
}
