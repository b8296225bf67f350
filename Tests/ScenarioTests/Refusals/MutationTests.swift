// Why this file exists: beyond the forms that somebody has thought of, bytes changed at random (by
// a fixed seed) must neither end the gateway nor carry a second request past it.

import Testing

/// A small generator with a seed, so that a failure can be played again.
private struct Dice {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
    return word ^ (word >> 31)
  }

  mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : Int(next() % UInt64(bound)) }
}

/// What breaks parsers more often than a random byte does.
private let fragments: [[UInt8]] = [
  "\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "0", "\r\n\r\n", "chunked", "gzip, chunked",
  "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n",
  "Host: b\r\n", "Connection: close\r\n", "Connection: upgrade\r\nUpgrade: websocket\r\n",
  "Expect: 100-continue\r\n", "HTTP/1.0", "HTTP/1.1", "%00", "%2e%2e/", "/../", "ffffffffffffffff",
  "18446744073709551615", "GET /second HTTP/1.1\r\nHost: a\r\n\r\n", "0\r\n\r\n", "\u{e9}", "*",
].map { Array($0.utf8) }

private func mutated(_ seeds: [[UInt8]], _ dice: inout Dice) -> [UInt8] {
  var bytes = seeds[dice.below(seeds.count)]
  for _ in 0...dice.below(3) {
    let place = dice.below(bytes.count + 1)
    switch dice.below(6) {
    case 0: if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: dice.next()) }
    case 1: if place < bytes.count { bytes.remove(at: place) }
    case 2: bytes.insert(contentsOf: fragments[dice.below(fragments.count)], at: place)
    case 3:
      let end = min(bytes.count, place + dice.below(20))
      bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 4: bytes.removeSubrange(place..<min(bytes.count, place + dice.below(12)))
    default:
      let other = seeds[dice.below(seeds.count)]
      bytes = bytes.prefix(place) + other.suffix(dice.below(other.count + 1))
    }
  }
  return bytes
}

private let soundRequests = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /a/../b?q=%20 HTTP/1.1\r\nHost: a:80\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
    + "5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
  "GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
    + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n",
].map { Array($0.utf8) }

private let soundResponses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
    + "5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Type: a/b\r\n\r\nuntil the end",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
  "HTTP/1.1 503 No\r\nRetry-After: 1\r\nConnection: close, X-A\r\nContent-Length: 0\r\n\r\n",
].map { Array($0.utf8) }

extension Refusals {
  @Suite struct Mutations {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `changed requests end neither the gateway nor the next client's luck`(seed: UInt64)
      throws
    {
      let backend = ScriptedBackend { connection in
        // A backend that reads strictly: what it cannot read ends its connection.
        while let request = try? connection.readRequest(within: 5) {
          guard connection.wire.end == nil else { return }
          let body = request.method == "HEAD" ? "" : "ok"
          try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\(body)")
        }
      }
      let text = configuration(
        top: "timeouts:\n  head: 2s\n  body_idle: 2s", service: "timeouts: {response: 2s}")
      var dice = Dice(state: seed)
      let seeds =
        soundRequests + (framingCorpus + fieldCorpus + requestLineCorpus).map(\.bytes)
      try withGateway(text, [backend]) { gateway in
        for round in 0..<300 where gateway.isRunning {
          let bytes = mutated(seeds, &dice)
          let client = try gateway.connect()
          try? client.send(bytes: bytes)
          client.halfClose()
          do {
            try client.readToEnd()
          } catch {
            Issue.record("seed \(seed), round \(round): \(error)\n\(readable(bytes))")
          }
          client.close()
          if !gateway.isRunning { Issue.record("round \(round) ended it: \(readable(bytes))") }
        }
        let good = try gateway.get("/good")
        #expect(good.status == 200)
        #expect(backend.requests.contains { $0.target == "/good" })
      }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `changed responses end neither the gateway nor the next client's luck`(seed: UInt64)
      throws
    {
      let script = Monitor<[[UInt8]]>([])
      let backend = ScriptedBackend { connection in
        guard let request = try connection.readRequest() else { return }
        if request.target == "/good" { return try connection.write(plainAnswer) }
        try? connection.wire.send(bytes: script.update { $0.popLast() ?? [] })
        connection.wire.halfClose()
        _ = try? connection.waitForEnd(within: 5)
      }
      let text = configuration(
        top: "timeouts:\n  tunnel_idle: 1s",
        service: "timeouts: {response: 2s, idle: 2s}\nretries: {attempts: 0}")
      var dice = Dice(state: seed)
      try withGateway(text, [backend]) { gateway in
        for round in 0..<300 where gateway.isRunning {
          let bytes = mutated(soundResponses, &dice)
          script.update { $0 = [bytes] }
          let client = try gateway.connect()
          let request = soundRequests[[0, 2, 6][round % 3]]
          try client.send(bytes: request)
          client.halfClose()
          do {
            try client.readToEnd()
          } catch {
            Issue.record("seed \(seed), round \(round): \(error)\n\(readable(bytes))")
          }
          client.close()
          if !gateway.isRunning { Issue.record("round \(round) ended it: \(readable(bytes))") }
        }
        let good = try gateway.get("/good")
        #expect(good.text == "ok")
      }
    }
  }
}
