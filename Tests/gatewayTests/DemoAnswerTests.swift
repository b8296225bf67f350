// Why this file exists: what the demo backends answer is part of what the README shows.

import HTTPSemantics
import Testing

@testable import gateway

@Suite struct `A demo backend` {
  private func answer(_ request: DemoRequest, bodyBytes: Int = 0) -> DemoAnswer {
    DemoAnswer(to: request, bodyBytes: bodyBytes, from: "127.0.0.1:9001")
  }

  private func answer(_ target: String) -> DemoAnswer {
    answer(DemoRequest(method: "GET", target: target))
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func `describes the request, with repeated fields joined`() throws {
    let request = DemoRequest(
      method: "POST", target: "/a?b=\"c\"",
      headers: [
        .init(name: "Host", value: "x"), .init(name: "X-A", value: "1"),
        .init(name: "x-a", value: "2"),
      ])
    let expected =
      #"{"backend":"127.0.0.1:9001","method":"POST","path":"/a?b=\"c\"","#
      + #""headers":{"Host":"x","X-A":"1, 2"},"body_bytes":7}"# + "\n"
    #expect(answer(request, bodyBytes: 7).body == .whole(Array(expected.utf8)))
  }

  @Test func `goes by the end of the path, whatever stands before it`() {
    #expect(answer("/bytes/12").body == .filling(12))
    #expect(answer("/any/prefix/bytes/12?x").body == .filling(12))
    #expect(answer("/api/stream?n=3").body == .events(3))
    #expect(answer("/status/503").status == 503)
    #expect(answer("/slow?x=1&ms=20").delayMilliseconds == 20)
    #expect(answer("/slow").delayMilliseconds == 1_000)
  }

  @Test func `does no more than a demo should`() {
    #expect(answer("/slow?ms=99999999").delayMilliseconds == DemoAnswer.maximumDelay)
    #expect(answer("/slow?ms=-5").delayMilliseconds == 0)
    #expect(answer("/stream?n=99999999").body == .events(DemoAnswer.maximumEvents))
    #expect(answer("/bytes/99999999999").status == 200)
    #expect(answer("/status/99").status == 200)
    #expect(answer("/status/101").status == 200)
  }

  @Test func `sends no body with 204 and 304`() {
    for status in [204, 304] {
      let request = DemoRequest(method: "GET", target: "/status/\(status)")
      #expect(answer(request).body == .whole([]))
      #expect(!text(answer(request).head(for: request)).contains("Content-Length"))
    }
  }

  @Test func `chunks events for those who know chunks, and closes behind them for the others`() {
    let new = DemoRequest(method: "GET", target: "/stream")
    let old = DemoRequest(method: "GET", target: "/stream", version: .http10)
    #expect(text(answer(new).head(for: new)).contains("Transfer-Encoding: chunked"))
    #expect(!text(answer(old).head(for: old)).contains("Transfer-Encoding"))
    #expect(text(answer(old).head(for: old)).contains("Connection: close"))
    #expect(!answer(old).keepsConnection(for: old))
  }

  @Test func `accepts WebSocket only when it is asked for`() {
    let request = DemoRequest(
      method: "GET", target: "/ws",
      headers: [
        .init(name: "Upgrade", value: "websocket"),
        .init(name: "Sec-WebSocket-Key", value: "dGhlIHNhbXBsZSBub25jZQ=="),
      ])
    #expect(answer(request).status == 101)
    #expect(
      text(answer(request).head(for: request)).contains(
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
    #expect(answer("/ws").status == 426)
  }
}
