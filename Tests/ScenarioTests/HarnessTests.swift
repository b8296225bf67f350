// Why this file exists: scenarios can only accuse the gateway if the scripted sides are right, so
// these play them against each other without a gateway between.

import Testing

@Suite(OwnThread(), .timeLimit(.minutes(3)))
struct `The scripted sides` {
  @Test func `exchange a request and a response byte by byte`() throws {
    let backend = ScriptedBackend.answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
    defer { backend.stop() }
    let client = try Wire.connect(to: backend.address)
    let request = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
    for byte in request.utf8 { try client.send(bytes: [byte]) }
    let response = try client.readResponse(to: "POST")
    #expect(response.status == 200)
    #expect(response.text == "abc")
    #expect(response.end == .complete)
    #expect(backend.requests.map(\.text) == ["hi"])
    #expect(backend.connections[0].wire.receivedText == request)
  }

  @Test func `read chunks in their borders, and trailers`() throws {
    let backend = ScriptedBackend.answering(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n"
        + "0\r\nX-Sum: 7\r\n\r\n")
    defer { backend.stop() }
    let client = try Wire.connect(to: backend.address)
    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    for _ in 0..<2 {
      let response = try client.readResponse()
      #expect(response.chunks.map(\.count) == [3, 10])
      #expect(response.text == "abc0123456789")
      #expect(response.trailer("x-sum") == "7")
    }
  }

  @Test func `tell FIN from RST, and a cut body from a whole one`() throws {
    let backend = ScriptedBackend { connection in
      _ = try connection.readRequest()
      try connection.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
      if connection.index == 0 { connection.wire.close() } else { connection.wire.reset() }
    }
    defer { backend.stop() }
    for expected in [StreamEnd.fin, .reset] {
      let client = try Wire.connect(to: backend.address)
      try client.send("GET / HTTP/1.1\r\n\r\n")
      let response = try client.readResponse()
      #expect(response.text == "ab")
      #expect(response.end == .truncated(expected))
      #expect(client.end == expected)
    }
  }

  @Test func `gather interim responses before the final one`() throws {
    let backend = ScriptedBackend.answering(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        + "HTTP/1.1 204 No Content\r\n\r\n")
    defer { backend.stop() }
    let client = try Wire.connect(to: backend.address)
    try client.send("GET / HTTP/1.1\r\n\r\n")
    let response = try client.readResponse()
    #expect(response.interim.map(\.status) == [100, 103])
    #expect(response.interim.last?["link"] == "x")
    #expect(response.status == 204)
  }

  @Test(arguments: ["v6", "unix"]) func `connect by other families`(family: String) throws {
    let directory = makeDirectory()
    defer { removeDirectory(directory) }
    let wanted = family == "v6" ? Address.v6(0) : .unix(directory + "/s")
    let backend = ScriptedBackend(wanted) { try $0.serve { _ in plainAnswer } }
    defer { backend.stop() }
    let client = try Wire.connect(to: backend.address)
    try client.send("GET / HTTP/1.1\r\n\r\n")
    #expect(try client.readResponse().text == "ok")
    client.halfClose()
    #expect(try client.readToEnd() == .fin)
  }

  @Test func `notice that a peer takes no more`() throws {
    let finish = Gate()
    let backend = ScriptedBackend { _ in try finish.pass() }
    defer { backend.stop() }
    let client = try Wire.connect(to: backend.address)
    let block = [UInt8](repeating: 1, count: 65_536)
    let taken = client.sendUntilBlocked(block, limit: 100 << 20)
    #expect(taken > 0 && taken < 100 << 20)
    finish.open()
  }

  @Test func `make a backend that cannot be reached`() throws {
    let backend = UnreachableBackend()
    defer { backend.stop() }
    let socket = Socket.make(backend.address)
    #expect(Socket.startConnecting(socket, to: backend.address) != 0)
    #expect(!Socket.wait(socket, for: 4, until: .after(0.2)))
    Wire(adopting: socket).close()
  }

  @Test func `fill in a configuration without touching other braces`() {
    let text = fill(
      "a: {port: {port}, b: {backend1}, c: {x: 1}}", port: 1, admin: 2, directory: "/d",
      backends: [.v4(9)])
    #expect(text == "a: {port: 1, b: \"127.0.0.1:9\", c: {x: 1}}")
  }

  @Test func `read JSON strictly`() throws {
    let json = try JSON(parsing: #"{"b":[1,-2.5,null,true],"a":"x\u00e9\n\ud83d\ude00"}"#)
    #expect(json.names == ["b", "a"])
    #expect(json["b"]?[1]?.number == -2.5)
    #expect(json["a"]?.text == "xé\n😀")
    for wrong in ["{", "{\"a\":1,}", "{\"a\":1}}", "\"\u{1}\"", "[01x]", "{\"a\":1,\"a\":2}"] {
      #expect(throws: JSONError.self) { try JSON(parsing: wrong) }
    }
  }

  @Test func `read Prometheus text strictly`() {
    let metrics = Metrics(
      "# HELP a A.\n# TYPE a counter\na{x=\"1\",y=\"2\"} 3\na{x=\"2\",y=\"2\"} 4\na{ 2\n")
    #expect(metrics.value("a", ["y": "2"]) == 7)
    #expect(metrics.value("a", ["x": "1"]) == 3)
    #expect(metrics.value("c") == nil)
    #expect(metrics.type("a") == "counter")
    #expect(metrics.faults == ["no sample: a{ 2"])
  }
}
