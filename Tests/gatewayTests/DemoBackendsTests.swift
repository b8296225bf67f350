// Why this file exists: the demo backends over real sockets, on ports of the system's choosing.

import EventLoop
import Glibc
import Primitives
import Testing

@testable import gateway

@Suite(.serialized, .timeLimit(.minutes(3))) struct `The demo backends` {
  /// Nobody listens there.
  private struct Refused: Error {}

  /// Sends some bytes and gives what comes back until the peer closes, or until `enough` says so.
  private func exchange(
    _ endpoint: Endpoint, _ text: String, _ bytes: [UInt8] = [],
    until enough: (String) -> Bool = { _ in false }
  ) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = endpoint.port.bigEndian
    name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &name) {
      connect(
        descriptor, UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self),
        socklen_t(MemoryLayout<sockaddr_in>.size))
    }
    if connected != 0 { throw Refused() }
    let message = Array(text.utf8) + bytes
    #expect(send(descriptor, message, message.count, 0) == message.count)
    var answer: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while !enough(String(decoding: answer, as: UTF8.self)) {
      let count = recv(descriptor, &room, room.count, 0)
      if count <= 0 { break }
      answer += room[..<count]
    }
    return String(decoding: answer, as: UTF8.self)
  }

  @Test func `answer pipelined requests in order, each in its own name`() throws {
    let backends = try DemoBackends.start(ports: [0, 0])
    defer { backends.stop() }
    for endpoint in backends.endpoints {
      let answer = try exchange(
        endpoint,
        "POST /one HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
          + "GET /bytes/3 HTTP/1.1\r\nHost: x\r\n\r\n"
          + "GET /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
      )
      #expect(answer.contains("\"backend\":\"\(endpoint)\",\"method\":\"POST\",\"path\":\"/one\""))
      #expect(answer.contains("\"body_bytes\":3}\n"))
      #expect(answer.contains("\r\n\r\nxxxHTTP/1.1 200 OK"))
      #expect(answer.hasSuffix("\"body_bytes\":0}\n"))
    }
  }

  @Test func `send a large body whole`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    let answer = try exchange(
      backends.endpoints[0], "GET /bytes/1000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answer.drop { $0 != "x" }.count == 1_000_000)
  }

  @Test func `take a body that is larger than their buffer`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    let answer = try exchange(
      backends.endpoints[0],
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n",
      [UInt8](repeating: 0, count: 200_000))
    #expect(answer.hasSuffix("\"body_bytes\":200000}\n"))
  }

  @Test func `send events as they happen`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    // The first is there long before the last is due: the exchange ends at the first.
    let first = try exchange(backends.endpoints[0], "GET /stream?n=900 HTTP/1.1\r\nHost: x\r\n\r\n")
    {
      $0.contains("\"event\":1,")
    }
    #expect(!first.contains("\"event\":900,"))
  }

  @Test func `echo WebSocket frames behind the handshake`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    let answer = try exchange(
      backends.endpoints[0],
      "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
      // "hi" and a close, both masked with zeros.
      [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69, 0x88, 0x80, 0, 0, 0, 0])
    #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
    #expect(answer.contains("\r\n\r\n\u{FFFD}\u{2}hi\u{FFFD}\0"))
  }

  // MARK: Chaos

  private func order(_ endpoint: Endpoint, _ form: String) throws -> String {
    try exchange(
      endpoint,
      "POST /chaos HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
        + "\(form.utf8.count)\r\n\r\n\(form)")
  }

  private func get(_ endpoint: Endpoint, _ path: String) throws -> String {
    try exchange(endpoint, "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
  }

  private func status(_ answer: String) -> String { String(answer.dropFirst(9).prefix(3)) }

  @Test func `fail every second request when they are told to, but not the health check`() throws {
    let backends = try DemoBackends.start(ports: [0, 0])
    defer { backends.stop() }
    let (first, second) = (backends.endpoints[0], backends.endpoints[1])
    let answer = try order(first, "mode=fail&share=50%&status=502")
    #expect(status(answer) == "200")
    let told = "{\"backend\":\"\(first)\",\"mode\":\"fail\",\"status\":502,\"share\":\"50%\"}\n"
    #expect(answer.hasSuffix(told))
    #expect(try get(first, "/chaos").hasSuffix(told))
    let seen = try (0..<6).map { _ in status(try get(first, "/x")) }
    #expect(seen == ["200", "502", "200", "502", "200", "502"])
    for _ in 0..<4 { #expect(status(try get(first, "/healthz")) == "200") }
    for _ in 0..<4 { #expect(status(try get(second, "/x")) == "200") }
    _ = try order(first, "mode=ok")
    for _ in 0..<4 { #expect(status(try get(first, "/x")) == "200") }
  }

  @Test func `refuse connections when they are told to die, and come back by themselves`() throws {
    let backends = try DemoBackends.start(ports: [0, 0])
    defer { backends.stop() }
    let (first, second) = (backends.endpoints[0], backends.endpoints[1])
    // One is dead for longer than the test can take, one for no longer than it must.
    #expect(try order(first, #"{"mode":"die","for":"300s"}"#).contains("\"for\":\"300s\""))
    // A program that another test is just starting may hold the closed door open up to its exec.
    while (try? get(first, "/x")) != nil {}
    for _ in 0..<3 { #expect(throws: Refused.self) { try get(first, "/x") } }
    _ = try order(second, "mode=die&for=50ms")
    while (try? get(second, "/x")) == nil {}
    #expect(status(try get(second, "/x")) == "200")
  }

  @Test func `break the connections that are open when they die`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    let endpoint = backends.endpoints[0]
    // The stream goes on for minutes unless somebody ends it.
    var isOrdered = false
    let events = try exchange(endpoint, "GET /stream?n=900 HTTP/1.1\r\nHost: x\r\n\r\n") {
      if $0.contains("\"event\":1,") && !isOrdered {
        isOrdered = true
        _ = try? order(endpoint, "mode=die&for=1m")
      }
      return false
    }
    #expect(isOrdered)
    #expect(!events.contains("\"event\":900,"))
  }

  @Test func `refuse an order that came through a gateway`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    let answer = try exchange(
      backends.endpoints[0],
      "POST /chaos?mode=die HTTP/1.1\r\nHost: x\r\nVia: 1.1 gateway\r\nConnection: close\r\n"
        + "Content-Length: 0\r\n\r\n")
    #expect(status(answer) == "403")
    #expect(status(try get(backends.endpoints[0], "/x")) == "200")
  }

  @Test func `refuse what is no request and close`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    #expect(try exchange(backends.endpoints[0], "bad\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
  }

  @Test func `say that an address is taken`() throws {
    let backends = try DemoBackends.start(ports: [0])
    defer { backends.stop() }
    let port = backends.endpoints[0].port
    #expect(throws: EventLoopError(operation: "listen on 127.0.0.1:\(port)", code: EADDRINUSE)) {
      try DemoBackends.start(ports: [port])
    }
  }
}
