// Why this file exists: the demo backends over real sockets, on ports of the system's choosing.

import EventLoop
import Glibc
import Primitives
import Testing

@testable import gateway

@Suite(.serialized, .timeLimit(.minutes(1))) struct `The demo backends` {
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
    try #require(connected == 0)
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
    // The first is there before the second is due: the exchange ends at the first.
    let first = try exchange(backends.endpoints[0], "GET /stream?n=900 HTTP/1.1\r\nHost: x\r\n\r\n")
    {
      $0.contains("\"event\":1,")
    }
    #expect(!first.contains("\"event\":3,"))
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
