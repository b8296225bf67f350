// Why this file exists: the words of HTTP that a gateway has an opinion on, and the disguises in
// which they come.

enum HTTPWords {
  static let requestLines = [
    "GET / HTTP/1.1", "POST /a/b?q=1 HTTP/1.1", "HEAD /x HTTP/1.1", "OPTIONS * HTTP/1.1",
    "PUT /a/../b HTTP/1.1", "DELETE /%7Ea HTTP/1.1", "TRACE / HTTP/1.1", "PATCH /a HTTP/1.0",
    "GET http://other.example/a?b HTTP/1.1", "OPTIONS http://h HTTP/1.1",
    "GET https://h:80 HTTP/1.1",
    "CONNECT h:443 HTTP/1.1", "PRI * HTTP/2.0", "PURGE / HTTP/1.1", "GET /%2e%2e/a HTTP/1.1",
    "GET /a%2fb HTTP/1.1", "GET / HTTP/1.2", "get / HTTP/1.1", "GET /a#b HTTP/1.1",
    "GET * HTTP/1.1",
    "GET //a HTTP/1.1", "GET ?a HTTP/1.1", "GET http://u@h/ HTTP/1.1", "M-SEARCH / HTTP/1.1",
  ]
  static let statusLines = [
    "HTTP/1.1 200 OK", "HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200 OK",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified", "HTTP/1.1 100 Continue", "HTTP/1.1 103 Early Hints",
    "HTTP/1.1 101 Switching Protocols", "HTTP/1.1 500 Oh", "HTTP/1.1 999 X", "HTTP/1.1 099 X",
    "HTTP/2.0 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 404 Nicht gefunden",
    "HTTP/1.0 100 Continue", "HTTP/1.1 205 Reset", "http/1.1 200 OK", "HTTP/1.1 302 Found",
  ]
  /// The first ends a line, none of the others may.
  static let lineEnds = [
    "\r\n", "\n", "\r", "\r\r\n", "\n\r", "", " \r\n", "\u{0B}\r\n", "\r\n\r\n",
  ]
  static let blanks = [" ", "\t", "  ", " \t ", "\u{0B}", "\u{0C}", "", "\u{A0}"]
  static let separators = [": ", ":", " : ", ":\t", "\t:", "::", ":  ", ": \t", " ", "=", ":\r\n "]
  static let options = [
    "close", "keep-alive", "upgrade", "Close", "TE", "Host", "Content-Length", "Transfer-Encoding",
    "X-Forwarded-For", "Authorization", "Via", "Cookie", "X-Trace", "X-Key", "Trailer", "Date",
    "Keep-Alive", "Expect", "Content-Type", "Server", "User-Agent", "Idempotency-Key", ",", "a b",
  ]
  static let framings = [
    "Content-Length: 5", "Content-Length: +5", "Content-Length: 5, 5", "Content-Length: 05",
    "Content-Length: 0x5", "Content-Length: -1", "Content-Length: 5 5", "Content-Length:",
    "Content-Length: 18446744073709551617", "Content-Length: 9223372036854775808",
    "Content-Length: 1e1", "Content-Length: 5;", "Content_Length: 5", "Content-Length : 5",
    "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked;a=b",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunk", "Transfer-Encoding:\u{0B}chunked", "Transfer-Encoding: ,chunked",
    "Transfer_Encoding: chunked", "Transfer-Encoding : chunked", "Transfer-Encoding: Chunked",
    "Transfer-Encoding:\r\n chunked", "Transfer-Encoding: chunked\u{00}",
    "X: y\r\nTransfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked",
    "Transfer-Encoding\u{00}: chunked",
  ]
  static let bodies = [
    "", "hello", "a", "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n",
    "GET /inner HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\n", "{\"a\":1}", "0\r\nX-Trace: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  ]
  static let addresses = [
    "192.0.2.1", "10.0.0.1", "10.0.0.1:80", "[2001:db8::1]:443", "[2001:db8::1]", "2001:db8::2",
    "::1",
    "::ffff:10.0.0.9", "unknown", "_hidden", "300.1.1.1", "010.0.0.1", "1.2.3", "[::1", "10.0.0.1:",
    "10.0.0.1:99999", "\"10.0.0.1\"", "2001:DB8::0:1", "1:2:3:4:5:6:7:8", "1::2::3", "fe80::1%eth0",
    "",
  ]
  static let parents = [
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-1-2-3",
  ]

  /// Field names with values that mean something, or nearly.
  static let fields: [(name: String, values: [String])] = [
    (
      "Host",
      [
        "h", "H.Example:80", "[::1]:8080", "a b", "h:99999", "u@h", "h:", "", "h/p", "[1.2.3.4]",
        "%68",
        "a,b", "h:0080", "[::1", "[::1]x", "[v1.a]", "a_b",
      ]
    ),
    ("Connection", options + ["close, x-key", "keep-alive, Upgrade", "x-key,,x-trace"]),
    (
      "Content-Length",
      ["0", "1", "5", "05", "5, 5", "+5", "-0", "0x1", "5 ", "99999999999999999999", ""]
    ),
    (
      "Transfer-Encoding",
      ["chunked", "Chunked", "gzip, chunked", "chunked, chunked", "identity", "xchunked", ""]
    ),
    ("Expect", ["100-continue", "100-Continue", "100-continue, x", "200-ok", ""]),
    ("X-Forwarded-For", addresses + ["192.0.2.1, 10.0.0.1", "10.0.0.1,10.0.0.2 , 2001:db8::7"]),
    ("X-Forwarded-Proto", ["https", "http"]), ("X-Forwarded-Host", ["other.example"]),
    ("X-Forwarded-Prefix", ["/p"]), ("X-Real-IP", addresses), ("Forwarded", ["for=192.0.2.1"]),
    ("traceparent", parents),
    (
      "tracestate",
      ["a=1", "a=1,b=2", "t@v=x", "a=", "=1", "A=1", "a=b=c", " , a=1", "a=\u{E9}", "1@a=2"]
    ),
    ("X-Request-ID", ["abc-123", "a b", "", "a/b+c=:@~", "x\u{00}y", "a\"b"]),
    ("Via", ["1.1 other", "1.0 a, 1.1 b"]),
    (
      "Max-Forwards",
      ["0", "1", "007", "-1", "4294967296", "99999999999999999999999", "", "1 ", "a"]
    ),
    (
      "Retry-After",
      ["1", "120", "0", "999999999", "9999999999", "Fri, 31 Dec 1999 23:59:59 GMT", "-1", "1.5"]
    ),
    (
      "Keep-Alive",
      [
        "timeout=5", "timeout=5, max=100", "max=1,Timeout=7", "timeout=", "timeout=x",
        "timeout=99999999999",
      ]
    ),
    (
      "Cookie",
      ["sid=1", "a=b; sid=2", "sid=; sid=3", "xsid=4;sid=5", "sid =6", "sid", "SID=7", ";;sid=8;"]
    ),
    ("X-Key", ["1", "", "a, b"]), ("X_Key", ["2"]), ("X-Trace", ["1", "\u{E9}"]),
    ("TE", ["trailers", "trailers, deflate", "trailers;q=0", "Trailers", "gzip"]),
    ("Trailer", ["X-Trace", "Host"]),
    ("Upgrade", ["websocket", "WebSocket", "h2c", "HTTP/2.0", "a/1", "a, b", "a/", "/a", ""]),
    ("HTTP2-Settings", ["AAMAAABkAARAAAAAAAIAAAAA"]), ("Proxy-Connection", ["keep-alive"]),
    ("Proxy-Authorization", ["Basic eA=="]), ("Proxy-Authenticate", ["Basic"]),
    ("Authorization", ["Bearer t"]), ("User-Agent", ["fuzz/1"]), ("Idempotency-Key", ["k", ""]),
    ("Date", ["Sun, 06 Nov 1994 08:49:37 GMT"]), ("Server", ["s"]),
    ("Content-Type", ["text/plain"]),
    ("Set-Cookie", ["a=b", "c=d"]), ("X-Gateway-Reason", ["no_route"]), ("Range", ["bytes=0-1"]),
  ]
}
