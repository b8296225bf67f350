// Why this file exists: the raw requests that must never be forwarded, each with the status that
// the contract gives it. Every known form of request smuggling has its lines here.

/// A request that is refused before any byte of it reaches a backend.
struct RefusedRequest: Sendable {
  let name: String
  let bytes: [UInt8]
  let status: Int
  var reason = "bad_request"

  init(_ name: String, _ text: String, status: Int = 400, reason: String = "bad_request") {
    self.name = name
    self.bytes = Array(text.utf8)
    self.status = status
    self.reason = reason
  }

  init(_ name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    status = 400
  }
}

/// A POST with these framing fields, and a body that hides a second request.
private func framed(_ name: String, _ fields: String) -> RefusedRequest {
  RefusedRequest(
    name,
    "POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// A GET with this in place of its fields.
private func fields(_ name: String, _ text: String) -> RefusedRequest {
  RefusedRequest(name, "GET / HTTP/1.1\r\n\(text)\r\n")
}

/// A GET of this target.
private func target(_ name: String, _ text: String, status: Int = 400) -> RefusedRequest {
  RefusedRequest(name, "GET \(text) HTTP/1.1\r\nHost: a\r\n\r\n", status: status)
}

let framingCorpus: [RefusedRequest] = [
  framed("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
  framed("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
  framed("CL.TE with an unknown coding", "Content-Length: 6\r\nTransfer-Encoding: x\r\n"),
  framed("CL.TE in other letter case", "content-length: 5\r\ntransfer-ENCODING: Chunked\r\n"),
  framed("two lengths that differ", "Content-Length: 5\r\nContent-Length: 0\r\n"),
  framed("a list of lengths that differ", "Content-Length: 5, 0\r\n"),
  framed("a length with a plus", "Content-Length: +5\r\n"),
  framed("a negative length", "Content-Length: -5\r\n"),
  framed("a hexadecimal length", "Content-Length: 0x5\r\n"),
  framed("a length with a space inside", "Content-Length: 5 5\r\n"),
  framed("a length with letters after it", "Content-Length: 5abc\r\n"),
  framed("an empty length", "Content-Length:\r\n"),
  framed("a length that is a comma", "Content-Length: ,\r\n"),
  framed("a fractional length", "Content-Length: 5.0\r\n"),
  framed("a length above 64 bits", "Content-Length: 18446744073709551621\r\n"),
  framed("a length with a quote", "Content-Length: \"5\"\r\n"),
  framed("a vertical tab before the length", "Content-Length: \u{0b}5\r\n"),
  framed("TE.TE with an unknown second", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
  framed("TE.TE, chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
  framed("chunked twice in one line", "Transfer-Encoding: chunked, chunked\r\n"),
  framed("chunked is not last", "Transfer-Encoding: chunked, identity\r\n"),
  framed("identity", "Transfer-Encoding: identity\r\n"),
  framed("a coding that is not chunked", "Transfer-Encoding: gzip\r\n"),
  framed("a coding that begins like chunked", "Transfer-Encoding: chunkedx\r\n"),
  framed("a coding that ends like chunked", "Transfer-Encoding: xchunked\r\n"),
  framed("chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
  framed("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
  framed("a vertical tab before chunked", "Transfer-Encoding: \u{0b}chunked\r\n"),
  framed("a form feed after chunked", "Transfer-Encoding: chunked\u{0c}\r\n"),
  framed("an empty coding", "Transfer-Encoding:\r\n"),
  framed("a comma for a coding", "Transfer-Encoding: ,\r\n"),
  framed("a space before the colon", "Transfer-Encoding : chunked\r\n"),
  framed("a tab before the colon", "Transfer-Encoding\t: chunked\r\n"),
  framed("a folded coding", "Transfer-Encoding:\r\n chunked\r\n"),
  framed("a length behind a space before the colon", "Content-Length : 5\r\n"),
  RefusedRequest(
    "chunked by HTTP/1.0",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  RefusedRequest(
    "chunked and a length by HTTP/1.0",
    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"),
]

let fieldCorpus: [RefusedRequest] = [
  fields("no Host", ""),
  fields("two Hosts", "Host: a\r\nHost: b\r\n"),
  fields("two equal Hosts", "Host: a\r\nHost: a\r\n"),
  fields("a list of Hosts", "Host: a, b\r\n"),
  fields("userinfo in Host", "Host: user@a\r\n"),
  fields("a path in Host", "Host: a/b\r\n"),
  fields("a space in Host", "Host: a b\r\n"),
  fields("a query in Host", "Host: a?b\r\n"),
  fields("a fragment in Host", "Host: a#b\r\n"),
  fields("a backslash in Host", "Host: a\\b\r\n"),
  fields("a port that is no number in Host", "Host: a:b\r\n"),
  fields("a port that is too large in Host", "Host: a:65536\r\n"),
  fields("two ports in Host", "Host: a:1:2\r\n"),
  fields("an open bracket in Host", "Host: [::1\r\n"),
  fields("no address in brackets in Host", "Host: [x]\r\n"),
  fields("a broken escape in Host", "Host: a%zz\r\n"),
  fields("a scheme in Host", "Host: http://a\r\n"),
  fields("a folded value", "Host: a\r\nX-A: 1\r\n  continued\r\n"),
  fields("a folded first line", " Host: a\r\nHost: a\r\n"),
  fields("a space before a colon", "Host: a\r\nX-A : 1\r\n"),
  fields("a line without a colon", "Host: a\r\nX-A\r\n"),
  fields("an empty name", "Host: a\r\n: 1\r\n"),
  fields("a name with a space", "Host: a\r\nX A: 1\r\n"),
  fields("a name with a bracket", "Host: a\r\nX(A): 1\r\n"),
  fields("a bare CR in a value", "Host: a\r\nX-A: 1\rX-B: 2\r\n"),
  fields("a bare LF after a value", "Host: a\r\nX-A: 1\nX-B: 2\r\n"),
  fields("a bare LF before the end", "Host: a\r\nX-A: 1\n"),
  fields("two CRs before an LF", "Host: a\r\nX-A: 1\r\r\n"),
  fields("a NUL in a value", "Host: a\r\nX-A: 1\u{0}2\r\n"),
  fields("a NUL in a name", "Host: a\r\nX\u{0}A: 1\r\n"),
  fields("a control byte in a value", "Host: a\r\nX-A: 1\u{1}2\r\n"),
  fields("a DEL in a value", "Host: a\r\nX-A: 1\u{7f}2\r\n"),
  RefusedRequest(
    "a byte above ASCII in a name",
    bytes: Array("GET / HTTP/1.1\r\nHost: a\r\nX-".utf8) + [0xe9] + Array(": 1\r\n\r\n".utf8)),
  RefusedRequest("bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n"),
  RefusedRequest("a bare CR ends the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n"),
]

let requestLineCorpus: [RefusedRequest] = [
  target("a fragment in the target", "/a#b"),
  target("a control byte in the target", "/a\u{1}b"),
  target("a tab in the target", "/a\tb"),
  target("a DEL in the target", "/a\u{7f}"),
  target("a character above ASCII in the target", "/é"),
  target("a target without a slash", "a/b"),
  target("an asterisk for a GET", "*"),
  target("an authority for a GET", "a:80"),
  target("an absolute form without authority", "http:///x"),
  target("an absolute form with userinfo", "http://u@a/"),
  target("an absolute form with two ports", "http://a:1:2/"),
  target("another scheme", "ftp://a/x"),
  target("an encoded NUL", "/a%00b"),
  target("an encoded slash", "/a%2Fb"),
  target("an encoded slash in small letters", "/a%2fb"),
  target("an encoded backslash", "/a%5Cb"),
  target("a percent sign without digits", "/a%"),
  target("a percent sign with one digit", "/a%2"),
  target("a percent sign with other letters", "/a%zz"),
  RefusedRequest("two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
  RefusedRequest("two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
  RefusedRequest("a tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
  RefusedRequest("a space at the end of the line", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
  RefusedRequest("a fourth part", "GET / x HTTP/1.1\r\nHost: a\r\n\r\n"),
  RefusedRequest("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"),
  RefusedRequest("HTTP/0.9", "GET /\r\n\r\n"),
  RefusedRequest("another protocol", "GET / ICE/1.0\r\nHost: a\r\n\r\n"),
  RefusedRequest("the protocol in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n"),
  RefusedRequest("no dot in the version", "GET / HTTP/11\r\nHost: a\r\n\r\n"),
  RefusedRequest("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", status: 505),
  RefusedRequest("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", status: 505),
  RefusedRequest("HTTP/0.9 in words", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", status: 505),
  RefusedRequest("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505),
  RefusedRequest("an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", status: 501),
  RefusedRequest("a method in small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", status: 501),
  RefusedRequest(
    "CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", status: 405,
    reason: "method_not_allowed"),
]

/// Chunked bodies that break the grammar of RFC 9112 section 7.1 after a valid head.
let chunkCorpus: [(name: String, body: String)] = [
  ("a chunk size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
  ("a chunk size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
  ("a chunk size with a minus", "-5\r\nhello\r\n0\r\n\r\n"),
  ("a space before the chunk size", " 5\r\nhello\r\n0\r\n\r\n"),
  ("a space after the chunk size", "5 \r\nhello\r\n0\r\n\r\n"),
  ("a space after the last chunk size", "5\r\nhello\r\n0 \r\n\r\n"),
  ("an empty chunk size", "\r\nhello\r\n0\r\n\r\n"),
  ("letters for a chunk size", "xyz\r\nhello\r\n0\r\n\r\n"),
  ("a chunk size above 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
  ("a chunk size ended by LF", "5\nhello\r\n0\r\n\r\n"),
  ("a chunk size ended by CR", "5\rhello\r\n0\r\n\r\n"),
  ("a chunk extension ended by LF", "5;a\nhello\r\n0\r\n\r\n"),
  ("a chunk extension with a bare CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
  ("a chunk extension with a NUL", "5;a=\u{0}\r\nhello\r\n0\r\n\r\n"),
  ("a chunk longer than its size", "5\r\nhelloX\r\n0\r\n\r\n"),
  ("a chunk ended by LF", "5\r\nhello\n0\r\n\r\n"),
  ("a chunk ended by two bytes that are no CRLF", "5\r\nhelloXX0\r\n\r\n"),
  ("a last chunk ended by LF", "5\r\nhello\r\n0\n\n"),
  ("a trailer with a space before its colon", "0\r\nX-A : 1\r\n\r\n"),
  ("a folded trailer", "0\r\nX-A: 1\r\n 2\r\n\r\n"),
  ("a trailer with a bare LF", "0\r\nX-A: 1\nX-B: 2\r\n\r\n"),
  ("a trailer with a NUL", "0\r\nX-A: \u{0}\r\n\r\n"),
]
