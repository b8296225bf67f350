// Why this file exists: an Upgrade that is let through by mistake turns the connection into one
// that nobody checks.
import HTTPSemantics
import Primitives
import Testing

@Suite struct UpgradeRuleTests {
  private func offered(
    _ fields: String, _ line: String = "GET / HTTP/1.1", parserFraming: Framing? = nil
  ) -> String {
    let request = JudgedRequest(
      "\(line)\r\nHost: a\r\n\(fields)\r\n", parserFraming: parserFraming)
    #expect(request.verdict == .accept)
    #expect(!request.forwarded.contains { $0.lowercased().hasPrefix("upgrade") })
    return request.text(request.facts.upgrade)
  }

  @Test func `a GET without body may offer one protocol`() {
    #expect(offered("Connection: Upgrade\r\nUpgrade: websocket\r\n") == "websocket")
    #expect(offered("Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n") == "WebSocket")
    #expect(offered("Connection: upgrade\r\nUpgrade: a/1\r\nContent-Length: 0\r\n") == "a/1")
  }

  @Test func `any other offer is taken out and the request goes on`() {
    #expect(offered("Upgrade: websocket\r\n") == "")
    #expect(offered("Connection: upgrade\r\n") == "")
    #expect(offered("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n") == "")
    #expect(offered("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n") == "")
    #expect(offered("Connection: upgrade\r\nUpgrade: websocket/\r\n") == "")
    #expect(offered("Connection: upgrade\r\nUpgrade: /1\r\n") == "")
    #expect(offered("Connection: upgrade\r\nUpgrade: a/1/2\r\n") == "")
    #expect(offered("Connection: upgrade\r\nUpgrade:\r\n") == "")
    let good = "Connection: upgrade\r\nUpgrade: websocket\r\n"
    #expect(offered(good, "GET / HTTP/1.0") == "")
    #expect(offered(good, "POST / HTTP/1.1") == "")
    #expect(offered(good + "Content-Length: 1\r\n") == "")
    #expect(offered(good + "Transfer-Encoding: chunked\r\n") == "")
  }

  private func select(_ offer: String, from allowed: [String]) -> Int? {
    let slices = allowed.map { text in
      let bytes = Array(text.utf8)
      let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
      copy.initialize(from: bytes, count: bytes.count)
      return ByteSlice(UnsafePointer(copy), bytes.count)
    }
    defer { for slice in slices { slice.base.deallocate() } }
    return slices.withUnsafeBufferPointer { list in
      withBytes(offer) { UpgradeRule.select($0, allowed: list) }
    }
  }

  @Test func `only a protocol of the route is accepted`() {
    #expect(select("websocket", from: ["websocket"]) == 0)
    #expect(select("WEBSOCKET", from: ["mqtt", "websocket"]) == 1)
    #expect(select("websocket", from: []) == nil)
    #expect(select("", from: ["websocket"]) == nil)
    #expect(select("websockets", from: ["websocket"]) == nil)
  }

  @Test(arguments: ["h2c", "H2C", "http", "HTTP/2.0", "HTTP/1.1", "http/"])
  func `HTTP itself is never accepted`(name: String) {
    #expect(select(name, from: [name]) == nil)
  }
}
