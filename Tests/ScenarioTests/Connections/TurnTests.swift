// Why this file exists: requests that are ready at once take turns, and none of them may be lost
// for having waited, nor be taken for one that has not come.

import Glibc
import Testing

extension Connections {
  @Suite struct Turns {
    private static let request = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `requests that are ready at once are all answered, whatever their clients do next`()
      throws
    {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(service: "connections: {max: 8}"), [backend]) { gateway in
        let clients = try (0..<320).map { _ in try gateway.connect() }
        for client in clients { try client.send(Turns.request) }
        for client in clients { #expect(try client.readResponse().status == 200) }
        // What comes while it stands still is there in one round of its loop.
        gateway.signal(SIGSTOP)
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

    @Test func `a request that waits for its turn when the gateway stops is answered`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(), [backend]) { gateway in
        let clients = try (0..<200).map { _ in try gateway.connect() }
        for client in clients { try client.send(Turns.request) }
        for client in clients { #expect(try client.readResponse().status == 200) }
        gateway.signal(SIGSTOP)
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
