// Why this file exists: requests that somebody has used, or could use, to make two readers
// disagree, each with the one answer it gets from parser and rules together. The neighbours that
// must pass stand at the end, so that a rule which refuses everything does not look right.
import Testing

/// A request and the last line of its log: `failed` with a word of the contract, or `end`.
struct Malformed: CustomTestStringConvertible {
  var name: String
  var input: String
  var verdict: String

  init(_ name: String, _ input: String, _ verdict: String) {
    self.name = name
    self.input = input
    self.verdict = verdict
  }
  var testDescription: String { name }
}

enum MalformedCorpus {
  static let all =
    lineEnds + requestLines + names + values + lengths + codings + smuggling + hosts + targets
    + connections + good

  private static func get(_ fields: String) -> String {
    "GET / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"
  }
  private static func post(_ fields: String, _ body: String) -> String {
    "POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body
  }

  static let lineEnds = [
    Malformed(
      "bare LF behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", "failed framing"),
    Malformed(
      "bare CR behind the request line", "GET / HTTP/1.1\rHost: h\r\n\r\n", "failed framing"),
    Malformed(
      "CR CR LF behind the request line", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n",
      "failed framing"),
    Malformed(
      "bare LF behind a field", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", "failed framing"),
    Malformed("CR CR LF behind a field", get("X: y\r\r\n"), "failed framing"),
    Malformed("bare LF as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", "failed field"),
    Malformed("bare CR as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\rX", "failed framing"),
    Malformed("LF LF everywhere", "GET / HTTP/1.1\nHost: h\n\n", "failed framing"),
    Malformed("bare CR in a value", get("X: a\rb\r\n"), "failed framing"),
    Malformed(
      "bare CR hides a second field", get("X: a\rTransfer-Encoding: chunked\r\n"),
      "failed framing"),
    Malformed(
      "bare LF hides a second field", get("X: a\nTransfer-Encoding: chunked\r\n"),
      "failed framing"),
    Malformed("two empty lines first", "\r\n\r\n" + get(""), "failed framing"),
    Malformed("bare LF first", "\n" + get(""), "failed framing"),
    Malformed("bare CR first", "\r" + get(""), "failed framing"),
    Malformed("line folding", get("X: a\r\n b\r\n"), "failed field"),
    Malformed("line folding with a tab", get("X: a\r\n\tb\r\n"), "failed field"),
    Malformed("folding of an empty value", get("X:\r\n b\r\n"), "failed field"),
    Malformed(
      "folding hides a coding", get("X: a\r\n Transfer-Encoding: chunked\r\n"), "failed field"),
    Malformed(
      "folding before the first field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
      "failed framing"),
  ]

  static let requestLines = [
    Malformed(
      "two spaces before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed(
      "two spaces behind the target", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("a space at the end", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("a space first", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("a tab before the target", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("a tab behind the target", "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed(
      "a form feed as separator", "GET /\u{0C}HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("no version", "GET /\r\n\r\n", "failed framing"),
    Malformed("lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("version of one digit", "GET / HTTP/1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("version of three digits", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("version without a dot", "GET / HTTP/11\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("version with a comma", "GET / HTTP/1,1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("version of letters", "GET / HTTP/a.b\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("version 0.9", "GET / HTTP/0.9\r\nHost: h\r\n\r\n", "failed version"),
    Malformed("version 1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", "failed version"),
    Malformed("version 2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "failed version"),
    Malformed("version 3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "failed version"),
    Malformed("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "failed version"),
    Malformed("RTSP with GET", "GET / RTSP/1.0\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("RTSP with its method", "DESCRIBE / RTSP/1.0\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("a method of RTSP", "SETUP / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("ICE", "SOURCE / ICE/1.0\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("a method of ICE", "SOURCE / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("PRI as a method", "PRI / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("an unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("a lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("the beginning of a method", "GE / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("a method and more", "GETS / HTTP/1.1\r\nHost: h\r\n\r\n", "failed method"),
    Malformed("a method that is no token", "G{T / HTTP/1.1\r\nHost: h\r\n\r\n", "failed framing"),
    Malformed("TLS on a plain port", "\u{16}\u{03}\u{01}\u{02}\0", "failed framing"),
    Malformed("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "failed methodNotAllowed"),
    Malformed(
      "TRACE with a body", "TRACE / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na",
      "failed framing"),
  ]

  static let names = [
    Malformed("space before the colon", get("X : y\r\n"), "failed field"),
    Malformed("tab before the colon", get("X\t: y\r\n"), "failed field"),
    Malformed(
      "space before the colon of a length", post("Content-Length : 5\r\n", "hello"),
      "failed field"),
    Malformed(
      "space before the colon of a coding", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n"),
      "failed field"),
    Malformed("space inside a name", get("X Y: z\r\n"), "failed field"),
    Malformed("empty name", get(": y\r\n"), "failed field"),
    Malformed("no colon", get("Xy\r\n"), "failed field"),
    Malformed("NUL in a name", get("X\0: y\r\n"), "failed field"),
    Malformed("byte above 127 in a name", get("X\u{E4}: y\r\n"), "failed field"),
    Malformed("parenthesis in a name", get("X(): y\r\n"), "failed field"),
    Malformed("line end inside a name", get("Transfer-Encoding\r\n: chunked\r\n"), "failed field"),
    Malformed("vertical tab before a name", get("\u{0B}X: y\r\n"), "failed field"),
  ]

  static let values = [
    Malformed("NUL in a value", get("X: a\0b\r\n"), "failed field"),
    Malformed("DEL in a value", get("X: a\u{7F}b\r\n"), "failed field"),
    Malformed("vertical tab in a value", get("X: a\u{0B}b\r\n"), "failed field"),
    Malformed("escape in a value", get("X: \u{1B}[0m\r\n"), "failed field"),
    Malformed(
      "an expectation that nobody knows", post("Expect: a\r\nContent-Length: 1\r\n", "a"),
      "failed field"),
    Malformed(
      "two expectations",
      post("Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", "a"),
      "failed field"),
    Malformed(
      "Max-Forwards of no digits",
      "OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: a\r\n\r\n", "failed field"),
  ]

  static let lengths = [
    Malformed(
      "two lengths that differ", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
      "failed framing"),
    Malformed(
      "two lengths that agree", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
      "failed framing"),
    Malformed("a list of lengths", post("Content-Length: 5, 5\r\n", "hello"), "failed framing"),
    Malformed("a list without space", post("Content-Length: 5,6\r\n", "hello"), "failed framing"),
    Malformed("plus sign", post("Content-Length: +5\r\n", "hello"), "failed framing"),
    Malformed("minus sign", post("Content-Length: -5\r\n", "hello"), "failed framing"),
    Malformed("space inside", post("Content-Length: 5 5\r\n", "hello"), "failed framing"),
    Malformed("hexadecimal", post("Content-Length: 0x5\r\n", "hello"), "failed framing"),
    Malformed("letters behind", post("Content-Length: 5a\r\n", "hello"), "failed framing"),
    Malformed("a fraction", post("Content-Length: 5.0\r\n", "hello"), "failed framing"),
    Malformed("an exponent", post("Content-Length: 5e0\r\n", "hello"), "failed framing"),
    Malformed("quoted", post("Content-Length: \"5\"\r\n", "hello"), "failed framing"),
    Malformed(
      "digits of another script", post("Content-Length: \u{B2}\r\n", "hi"), "failed framing"),
    Malformed("empty", post("Content-Length:\r\n", "hello"), "failed framing"),
    Malformed("blank", post("Content-Length: \t \r\n", "hello"), "failed framing"),
    Malformed("2^64", post("Content-Length: 18446744073709551616\r\n", "a"), "failed framing"),
    Malformed(
      "2^64 + 5", post("Content-Length: 18446744073709551621\r\n", "hello"),
      "failed framing"),
    Malformed("2^63", post("Content-Length: 9223372036854775808\r\n", "a"), "failed framing"),
    Malformed("folded", post("Content-Length:\r\n 5\r\n", "hello"), "failed field"),
    Malformed(
      "an empty one behind a good one",
      post("Content-Length: 5\r\nContent-Length:\r\n", "hello"), "failed framing"),
  ]

  static let codings = [
    Malformed("not chunked", post("Transfer-Encoding: gzip\r\n", "a"), "failed framing"),
    Malformed("identity", post("Transfer-Encoding: identity\r\n", "a"), "failed framing"),
    Malformed(
      "chunked not last", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "chunked last of two", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "identity and chunked", post("Transfer-Encoding: identity, chunked\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "chunked twice in a line", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "chunked in two lines",
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "a second line takes it back",
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "the first of two lines is another",
      post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed("a prefix", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed("a suffix", post("Transfer-Encoding: chunkedx\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed("quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed(
      "a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed(
      "a comma behind", post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "a comma before", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed(
      "vertical tab before", post("Transfer-Encoding: \u{0B}chunked\r\n", "0\r\n\r\n"),
      "failed field"),
    Malformed(
      "vertical tab behind", post("Transfer-Encoding: chunked\u{0B}\r\n", "0\r\n\r\n"),
      "failed field"),
    Malformed("NUL behind", post("Transfer-Encoding: chunked\0\r\n", "0\r\n\r\n"), "failed field"),
    Malformed(
      "tab behind", post("Transfer-Encoding: chunked\t\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed(
      "two words", post("Transfer-Encoding: chunked chunked\r\n", "0\r\n\r\n"),
      "failed framing"),
    Malformed("empty", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), "failed framing"),
    Malformed("folded", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), "failed field"),
    Malformed(
      "on HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "failed framing"),
  ]

  static let smuggling = [
    Malformed(
      "CL.TE",
      post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG"), "failed framing"),
    Malformed(
      "TE.CL",
      post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "1\r\nG\r\n0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "CL.TE with another case",
      post("content-length: 6\r\ntransfer-ENCODING: Chunked\r\n", "0\r\n\r\nG"), "failed framing"),
    Malformed(
      "CL.TE with an unknown coding",
      post("Content-Length: 1\r\nTransfer-Encoding: x\r\n", "G"), "failed framing"),
    Malformed(
      "CL.0: a length of none and a body",
      post("Content-Length: 0\r\n", "GET /admin HTTP/1.1\r\nX: "), "more"),
    Malformed("a length on a GET hides nothing", get("Content-Length: 5\r\n") + "hello", "end"),
    Malformed(
      "a second request instead of chunk data",
      post("Transfer-Encoding: chunked\r\n", "GET / HTTP/1.1\r\n\r\n"), "failed framing"),
    Malformed(
      "a chunk's size with a sign", post("Transfer-Encoding: chunked\r\n", "+1\r\na\r\n0\r\n\r\n"),
      "failed framing"),
    Malformed(
      "a bare LF in a chunk extension",
      post("Transfer-Encoding: chunked\r\n", "1;\na\r\n0\r\n\r\n"), "failed framing"),
    Malformed(
      "a length that Connection wants to remove",
      post("Connection: content-length\r\nContent-Length: 5\r\n", "hello"), "end"),
    Malformed(
      "a coding that Connection wants to remove",
      post("Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), "end"),
  ]

  static let hosts = [
    Malformed("no Host", "GET / HTTP/1.1\r\n\r\n", "failed host"),
    Malformed("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "failed host"),
    Malformed("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "failed host"),
    Malformed(
      "two Hosts and an absolute target",
      "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "failed host"),
    Malformed(
      "two Hosts on HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "failed host"),
    Malformed("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "failed host"),
    Malformed("a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "failed host"),
    Malformed("a space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "failed host"),
    Malformed("a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "failed host"),
    Malformed("a query in Host", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", "failed host"),
    Malformed("a fragment in Host", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", "failed host"),
    Malformed("a user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "failed host"),
    Malformed("a scheme in Host", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", "failed host"),
    Malformed("a port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", "failed host"),
    Malformed("a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "failed host"),
    Malformed("a signed port", "GET / HTTP/1.1\r\nHost: a:+80\r\n\r\n", "failed host"),
    Malformed("two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", "failed host"),
    Malformed("a port only", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "failed host"),
    Malformed("a backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", "failed host"),
    Malformed("percent-encoding", "GET / HTTP/1.1\r\nHost: a%2eb\r\n\r\n", "failed host"),
    Malformed("an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "failed host"),
    Malformed("IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", "failed host"),
    Malformed("bytes above 127", "GET / HTTP/1.1\r\nHost: \u{E4}\r\n\r\n", "failed host"),
  ]

  static let targets = [
    Malformed("a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("bytes above 127", "GET /\u{E4} HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("NUL", "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("encoded slash", "GET /a%2fb HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("encoded backslash", "GET /a%5Cb HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("backslash", "GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("half a triplet", "GET /a%2 HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("no slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed("another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed(
      "a user in the target", "GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed(
      "no host in the target", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
    Malformed(
      "a bad port in the target", "GET http://h:99999/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "failed target"),
    Malformed("an asterisk with GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", "failed target"),
  ]

  static let connections = [
    Malformed("Connection of no tokens", get("Connection: a b\r\n"), "failed field"),
    Malformed("Connection with a quoted word", get("Connection: \"close\"\r\n"), "failed field"),
    Malformed(
      "too many options",
      get("Connection: " + (0..<40).map { "a\($0)" }.joined(separator: ",") + "\r\n"),
      "failed field"),
  ]

  static let good = [
    Malformed("a plain GET", get(""), "end"),
    Malformed("an empty line first", "\r\n" + get(""), "end"),
    Malformed("a body", post("Content-Length: 5\r\n", "hello"), "end"),
    Malformed("a length with blanks around", post("Content-Length: \t5 \r\n", "hello"), "end"),
    Malformed("a length with zeros", post("Content-Length: 005\r\n", "hello"), "end"),
    Malformed(
      "a chunked body", post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n"), "end"),
    Malformed("another letter case", post("transfer-encoding: CHUNKED\r\n", "0\r\n\r\n"), "end"),
    Malformed("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "end"),
    Malformed("an IPv6 host", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", "end"),
    Malformed("absolute form", "GET https://h:1/p?q HTTP/1.1\r\nHost: other\r\n\r\n", "end"),
    Malformed("dots above the root", "GET /../a/%2e%2e/b HTTP/1.1\r\nHost: h\r\n\r\n", "end"),
    Malformed("OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "end"),
    Malformed(
      "every visible byte in a value",
      get("X: !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\u{80}\u{FF}\r\n"), "end"),
    Malformed("every token byte in a name", get("!#$%&'*+-.^`|~09azAZ: y\r\n"), "end"),
    Malformed("an underscore in a name is dropped, not refused", get("X_Y: z\r\n"), "end"),
    Malformed(
      "Expect with a body", post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "a"), "end"),
  ]
}
