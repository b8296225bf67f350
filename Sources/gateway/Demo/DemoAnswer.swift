// Why this file exists: what a demo backend answers to which path, as a value; the connection
// beside it only sends it.
//
// The end of the path decides, so that it works behind any route and any prefix:
//
//     …/slow?ms=N    an answer after N milliseconds (1,000)
//     …/stream?n=N   N server-sent events (10), one each 500 ms
//     …/bytes/N      N bytes
//     …/status/NNN   an answer with that status
//     …/ws           a WebSocket that echoes
//     …/healthz      an answer, whatever the backend was told to do to others
//     /chaos         what the backend was told to do; POST tells it (see DemoChaos)
//
// and anything else gets the request itself, described as JSON.

import Admin
import HTTPSemantics
import Primitives

/// An answer of a demo backend.
struct DemoAnswer: Equatable {
  enum Body: Equatable {
    case whole([UInt8])
    /// So many bytes of filling, made while they are sent.
    case filling(Int)
    /// So many server-sent events, one each `eventInterval`.
    case events(Int)
  }

  var status = 200
  var contentType = "application/json"
  /// Before the answer begins.
  var delayMilliseconds = 0
  var body: Body
  /// What Sec-WebSocket-Accept says; the connection speaks WebSocket from here on.
  var webSocketAccept: String?

  /// The backend is to break when this is sent.
  var isDeath = false

  static let eventIntervalMilliseconds = 500
  /// Bounds of what a request may ask for: a demo must not become a load of its own.
  static let maximumDelay = 60_000
  static let maximumEvents = 1_000
  static let maximumFilling = 1 << 30

  /// What the backend at `address` answers to a request whose body had `bodyBytes` bytes.
  init(to request: DemoRequest, bodyBytes: Int, from address: String) {
    let segments = request.segments
    let description = Self.describe(request, bodyBytes: bodyBytes, address: address)
    body = .whole(description)
    switch segments.last {
    case "slow":
      delayMilliseconds = request.number("ms", in: 0...Self.maximumDelay) ?? 1_000
    case "stream":
      contentType = "text/event-stream"
      body = .events(request.number("n", in: 1...Self.maximumEvents) ?? 10)
    case "ws":
      if let key = request.header("sec-websocket-key"),
        request.header("upgrade")?.lowercased() == "websocket"
      {
        status = 101
        body = .whole([])
        webSocketAccept = WebSocket.accept(key: key)
      } else {
        status = 426
      }
    default: break
    }
    guard segments.count >= 2, let number = Int(segments[segments.count - 1]) else { return }
    switch segments[segments.count - 2] {
    case "bytes" where (0...Self.maximumFilling).contains(number):
      contentType = "application/octet-stream"
      body = .filling(number)
    case "status" where (200...599).contains(number):
      status = number
      if number == 204 || number == 304 { body = .whole([]) }
    default: break
    }
  }

  /// The answer to a request for `/chaos`, which a POST obeys.
  init(toOrder request: DemoRequest, body: [UInt8], of backend: DemoBackend, now: Instant) {
    self.body = .whole([])
    do throws(DemoChaos.Refusal) {
      switch request.method {
      case "POST":
        guard body.count <= DemoChaos.longestBody else {
          throw DemoChaos.Refusal(status: 413, words: "the order is too long")
        }
        var chaos = try DemoChaos.order(request, body: body)
        chaos.begin(now: now)
        backend.chaos = chaos
        isDeath = chaos.mode == .die
      case "GET", "HEAD": break
      default: throw DemoChaos.Refusal(status: 405, words: "use GET or POST")
      }
      self.body = .whole(backend.chaos.description(of: backend.address))
    } catch {
      status = error.status
      self.body = .whole(Self.problem(error.words))
    }
  }

  /// What a backend that was told to fail answers.
  init(failing status: Int, from address: String) {
    self.status = status
    body = .whole(Self.problem("\(address) was told to fail"))
  }

  private static func problem(_ words: String) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("error", words)
    json.endObject()
    return json.finished
  }

  /// The request as a line of JSON.
  private static func describe(_ request: DemoRequest, bodyBytes: Int, address: String) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.member("backend", address)
    json.member("method", request.method)
    json.member("path", request.target)
    json.key("headers")
    json.beginObject()
    var seen: Set<String> = []
    for header in request.headers where seen.insert(header.name.lowercased()).inserted {
      let all = request.headers.filter { $0.name.lowercased() == header.name.lowercased() }
      json.member(header.name, all.map(\.value).joined(separator: ", "))
    }
    json.endObject()
    json.member("body_bytes", bodyBytes)
    json.endObject()
    return json.finished
  }

  /// The bytes before the body. Events go in chunks to those who know chunks.
  func head(for request: DemoRequest) -> [UInt8] {
    if let accept = webSocketAccept {
      return Array(
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          + "Sec-WebSocket-Accept: \(accept)\r\n\r\n").utf8)
    }
    var text = "HTTP/1.1 \(status) \(status == 200 ? "OK" : "Demo")\r\n"
    if status == 426 { text += "Upgrade: websocket\r\n" }
    switch body {
    case .whole(let bytes):
      if status != 204 && status != 304 {
        text += "Content-Type: \(contentType)\r\nContent-Length: \(bytes.count)\r\n"
      }
    case .filling(let count): text += "Content-Type: \(contentType)\r\nContent-Length: \(count)\r\n"
    case .events:
      text += "Content-Type: \(contentType)\r\nCache-Control: no-store\r\n"
      if isChunked(for: request) { text += "Transfer-Encoding: chunked\r\n" }
    }
    var connection = keepsConnection(for: request) && !isDeath ? [] : ["close"]
    if status == 426 { connection.append("upgrade") }
    if !connection.isEmpty { text += "Connection: \(connection.joined(separator: ", "))\r\n" }
    return Array((text + "\r\n").utf8)
  }

  func isChunked(for request: DemoRequest) -> Bool {
    if case .events = body { return request.version == .http11 }
    return false
  }

  /// Another request may follow on the same connection.
  func keepsConnection(for request: DemoRequest) -> Bool {
    if case .events = body, request.version == .http10 { return false }
    return request.keepAlive
  }
}
