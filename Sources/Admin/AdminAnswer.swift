// Why this file exists: answers of the admin listener as values, and how they look on the wire.

import HTTPSemantics
import Primitives

/// An answer before it is written.
struct AdminAnswer: Sendable {
  var status: UInt16
  var contentType: String
  var body: [UInt8]
  /// Whole values; no CR or LF.
  var fields: [(name: String, value: String)] = []

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
    head += "Content-Type: \(contentType)\r\nContent-Length: \(body.count)\r\n"
    // What is shown holds for this moment, and is for nobody to guess the type of.
    head += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
    for field in fields { head += "\(field.name): \(field.value)\r\n" }
    switch version {
    case .http11: if !keepAlive { head += "Connection: close\r\n" }
    case .http10: head += keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n"
    }
    head += "\r\n"
    return Array(head.utf8) + (isHead ? [] : body)
  }
}
