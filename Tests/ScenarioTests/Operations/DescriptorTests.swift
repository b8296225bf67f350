// Why this file exists: when descriptors run out the gateway sheds, keeps its admin listener, and
// recovers by itself; and no descriptor is lost on the way.

import Glibc
import Testing

extension Operations {
  @Suite struct Descriptors {
    @Test func `exhausted descriptors are shed, administered and recovered from`() throws {
      let gate = Gate()
      let backend = ScriptedBackend { connection in
        try connection.serve { request in
          if request.target == "/held" { try gate.pass(within: 40) }
          return plainAnswer
        }
      }
      try withGateway(configuration(), [backend], descriptors: 96) { gateway in
        var clients: [Wire] = []
        for _ in 0..<200 {
          guard let client = try? gateway.connect() else { continue }
          try? client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
          clients.append(client)
        }
        try eventually("the gateway to be full") {
          gateway.openDescriptors > 60
        }
        for _ in 0..<5 {
          #expect(try gateway.admin("/livez").status == 200)
          #expect(try gateway.metrics().value("gateway_client_connections") ?? 0 > 0)
        }
        // What we lack is no fault of the backend's.
        let metrics = try gateway.metrics()
        for reason in ["connect_failed", "connect_refused"] {
          #expect(metrics.value("gateway_local_responses_total", ["reason": reason]) == 0)
        }
        try eventually("clients to be refused") {
          try gateway.metrics().value("gateway_local_responses_total", ["reason": "overloaded"])
            ?? 0 > 0
        }
        gate.open()
        for client in clients { client.close() }
        try eventually("honest clients to be served again", within: 20) {
          (try? gateway.get("/after").status) == 200
        }
        #expect(gateway.isRunning)
      }
    }

    @Test func `a thousand connections leave no descriptor behind`() throws {
      let backend = ScriptedBackend { connection in
        while let request = try connection.readRequest() {
          if request.target == "/cut" { return connection.wire.reset() }
          try connection.write(plainAnswer)
        }
      }
      let text = configuration(service: "retries: {attempts: 0}")
      try withGateway(text, [backend]) { gateway in
        for _ in 0..<20 { _ = try gateway.get() }
        _ = try gateway.admin("/livez")
        let before = gateway.openDescriptors
        for round in 0..<250 {
          _ = try gateway.get("/whole")
          _ = try gateway.get("/cut")
          let half = try gateway.connect()
          try half.send("GET / HTTP/1.1\r\nHo")
          if round % 2 == 0 { half.reset() } else { half.close() }
          let gone = try gateway.connect()
          try gone.send("GET /whole HTTP/1.1\r\nHost: a\r\n\r\n")
          gone.reset()
        }
        try eventually("the descriptors of clients to be closed") {
          gateway.openDescriptors <= before + 2
        }
      }
    }
  }
}
