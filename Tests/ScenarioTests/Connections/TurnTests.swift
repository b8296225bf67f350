// Why this file exists: requests that are ready at once take turns, and none of them may be lost
// for having waited, nor be taken for one that has not come.

import Glibc
import Testing

extension Connections {
  @Suite struct Turns {
    private static let request = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let modest = "GET /modest HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let answering = """
      listeners: [{address: "127.0.0.1:{port}"}]
      admin: {address: "127.0.0.1:{admin}"}
      workers: 1
      services: {}
      routes: [{match: {path: /*}, respond: {status: 200, body: ok}}]

      """
    /// One failure opens the breaker, and what waits for the one connection is refused.
    private static let breaking = """
      listeners: [{address: "127.0.0.1:{port}"}]
      admin: {address: "127.0.0.1:{admin}"}
      workers: 1
      services:
        main:
          backends: [{backend1}]
          connections: {max: 1, queue: 1024, queue_timeout: 1m}
          retries: {attempts: 0}
          circuit_breaker: {consecutive_failures: 1, open: 1m}
      routes:
        - {match: {path: /modest}, respond: {status: 200, body: ok}}
        - {match: {path: /*}, service: main}

      """

    private static func wait(for count: Int, _ gateway: GatewayProcess) throws {
      try eventually("all of them to wait") {
        let status = try JSON(parsing: gateway.admin("/status").text)
        return status["services"]?[0]?["waiting"]?.integer == count
      }
    }

    /// The last line of a modest client's comes within so many of them all.
    private static func expectModest(
      _ gateway: GatewayProcess, _ count: Int, within most: Int
    ) throws {
      var places: [Int] = []
      try eventually("the lines of the modest clients") {
        let lines = gateway.output.split(separator: "\n").filter { $0.contains("request_id") }
        places = lines.indices.filter { lines[$0].contains("/modest") }
        return places.count == count
      }
      #expect(try #require(places.last) < most, "\(places)")
    }

    @Test func `requests that are ready at once are all answered, whatever their clients do next`()
      throws
    {
      let backend = ScriptedBackend.answering()
      let text = configuration(service: "connections: {max: 8, queue_timeout: 1m}")
      try withGateway(text, [backend]) { gateway in
        let clients = try (0..<320).map { _ in try gateway.connect() }
        for client in clients { try client.send(Turns.request) }
        for client in clients { #expect(try client.readResponse().status == 200) }
        // What comes while it stands still is there in one round of its loop.
        gateway.freeze()
        for (index, client) in clients.enumerated() {
          switch index % 5 {
          case 0: try client.send(Turns.request)
          case 1: try client.send(Turns.request + Turns.request)
          case 2:
            try client.send(Turns.request)
            client.halfClose()
          case 3: try client.send("GET /x HTTP/1.1\r\nHo")
          default:
            try client.send(Turns.request)
            client.reset()
          }
        }
        gateway.signal(SIGCONT)
        for (index, client) in clients.enumerated() {
          switch index % 5 {
          case 0: #expect(try client.readResponse().status == 200)
          case 1:
            #expect(try client.readResponse().status == 200)
            #expect(try client.readResponse().status == 200)
          case 2:
            #expect(try client.readResponse().status == 200)
            #expect(try client.readToEnd() == .fin)
          case 3:
            try client.send("st: a\r\n\r\n")
            #expect(try client.readResponse().status == 200)
          default: break
          }
        }
        try gateway.waitForMetric("gateway_client_connections", toBe: 3 * 64)
        #expect(try gateway.get("/last").status == 200)
      }
    }

    /// The longer the line, the more a client in it might have had kept.
    @Test func `a client that waits for its turn is read from only as far as there is room`()
      throws
    {
      try withGateway(Turns.answering) { gateway in
        let busy = try (0..<512).map { _ in try gateway.connect() }
        let eager = try (0..<48).map { _ in try gateway.connect() }
        for client in busy + eager {
          try client.send(Turns.request)
          #expect(try client.readResponse().status == 200)
        }
        let many = String(repeating: Turns.request, count: 40)
        let part = String(repeating: "x", count: 20_000)
        gateway.freeze()
        for client in busy { try client.send(many) }
        for client in eager {
          try client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 220000\r\n\r\n\(part)")
        }
        gateway.signal(SIGCONT)
        for _ in 0..<10 { for client in eager { try client.send(part) } }
        for client in busy {
          for _ in 0..<40 { #expect(try client.readResponse().status == 200) }
        }
        for client in eager { #expect(try client.readResponse().status == 200) }
      }
    }

    /// Each of them makes its client's next request begin, which comes to the same line.
    @Test func `a whole line that is refused at once needs no more of the stack than one`() throws {
      let gate = Gate()
      let backend = ScriptedBackend { connection in
        guard try connection.readHead() != nil else { return }
        try gate.pass(within: 60)
        connection.wire.reset()
      }
      try withGateway(Turns.breaking, [backend]) { gateway in
        let first = try gateway.connect()
        try first.send(Turns.request)
        try backend.waitForRequests(1)
        let clients = try (0..<900).map { _ in try gateway.connect() }
        for client in clients { try client.send(Turns.request + Turns.request) }
        try Turns.wait(for: 900, gateway)
        gate.open()
        for client in clients {
          for _ in 0..<2 {
            let answer = try client.readResponse()
            #expect(answer.status == 503 && answer["X-Gateway-Reason"] == "circuit_open")
          }
        }
      }
    }

    /// However much one client has sent ahead, and however its requests end.
    @Test(arguments: [1, 8])
    func `who sends one request waits for one of each client that sends many`(_ greedy: Int) throws
    {
      try withGateway(Turns.answering) { gateway in
        let clients = try (0..<greedy).map { _ in try gateway.connect() }
        let modest = try (0..<4).map { _ in try gateway.connect() }
        for client in clients + modest {
          try client.send(Turns.request)
          #expect(try client.readResponse().status == 200)
        }
        gateway.freeze()
        for client in clients {
          try client.send(String(repeating: Turns.request, count: 800))
          client.halfClose()
        }
        for client in modest { try client.send(Turns.modest) }
        gateway.signal(SIGCONT)
        for client in modest { #expect(try client.readResponse().status == 200) }
        for client in clients {
          for _ in 0..<800 { #expect(try client.readResponse().status == 200) }
          #expect(try client.readToEnd() == .fin)
        }
        try Turns.expectModest(gateway, 4, within: 400)
      }
    }

    /// The breaker refuses all that wait, in one look at the line.
    @Test func `a line that is refused at once lets the others have their turns`() throws {
      let (gate, broken) = (Gate(), Gate())
      let backend = ScriptedBackend { connection in
        guard try connection.readHead() != nil else { return }
        try gate.pass(within: 60)
        connection.wire.reset()
        broken.open()
      }
      try withGateway(Turns.breaking, [backend]) { gateway in
        let first = try gateway.connect()
        let modest = try (0..<200).map { _ in try gateway.connect() }
        for client in modest {
          try client.send(Turns.modest)
          #expect(try client.readResponse().status == 200)
        }
        try first.send(Turns.request)
        try backend.waitForRequests(1)
        let clients = try (0..<200).map { _ in try gateway.connect() }
        for client in clients { try client.send(String(repeating: Turns.request, count: 10)) }
        try Turns.wait(for: 200, gateway)
        gateway.freeze()
        gate.open()
        try broken.pass()
        for client in modest { try client.send(Turns.modest) }
        gateway.signal(SIGCONT)
        for client in modest { #expect(try client.readResponse().status == 200) }
        for client in clients {
          for _ in 0..<10 { #expect(try client.readResponse().status == 503) }
        }
        try Turns.expectModest(gateway, 400, within: 1_200)
      }
    }

    @Test func `a request that waits for its turn when the gateway stops is answered`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let clients = try (0..<200).map { _ in try gateway.connect() }
        for client in clients { try client.send(Turns.request) }
        for client in clients { #expect(try client.readResponse().status == 200) }
        gateway.freeze()
        for client in clients { try client.send(Turns.request) }
        gateway.signal(SIGTERM)
        gateway.signal(SIGCONT)
        for client in clients {
          let answer = try client.readResponse()
          #expect(answer.status == 200)
          #expect(try client.readToEnd() == .fin)
        }
        #expect(try gateway.waitForEnd() == .exited(0))
      }
    }
  }
}
