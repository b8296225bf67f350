// Why this file exists: a gateway that has too much in memory, or whose loop is late, refuses new
// work in words, goes on telling its operator, and takes work again by itself (semantics section
// 9).

import Glibc
import Testing

extension Operations {
  @Suite struct Overload {
    @Test func `above the memory limit clients are shed in words and the admin is not`() throws {
      let backend = ScriptedBackend.answering()
      try withGateway(configuration(top: "limits: {memory: 1MiB}", workers: 2), [backend]) {
        gateway in
        try eventually("requests to be shed") {
          try gateway.metrics().value("gateway_shedding") == 4
        }
        for _ in 0..<20 {
          let answer = try gateway.get()
          #expect(answer.status == 503)
          #expect(answer.reason == "overloaded")
          #expect(answer["Retry-After"] == "1")
          #expect(answer["Connection"] == "close")
        }
        try gateway.waitForMetric(
          "gateway_local_responses_total", ["reason": "overloaded"], toBe: 20)
        #expect(try gateway.admin("/livez").status == 200)
        let status = try JSON(parsing: try gateway.admin("/status").text)
        #expect(status["shedding"]?.text == "new connections and requests")
        #expect(try gateway.waitForLogLines("memory is above limits.memory").count == 1)
        #expect(backend.requests.isEmpty)
      }
    }

    @Test(.enabled(if: !isSanitized, "a sanitizer's allocator gives nothing back"))
    func `memory that is free again is given back, and clients are served again`() throws {
      var base = 0
      try withGateway(configuration(), [ScriptedBackend.answering()]) { gateway in
        _ = try gateway.get()
        base = gateway.residentMemory
      }
      let limits =
        "limits: {head_size: 64KiB, memory: \((base >> 20) + 12)MiB}\ntimeouts: {head: 1m}"
      try withGateway(configuration(top: limits), [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        func ask() throws -> Message {
          try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
          return try client.readResponse()
        }
        #expect(try ask().status == 200)
        let half = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 60_000)
        var hoarders: [Wire] = []
        try eventually("requests on an open connection to be shed", within: 20) {
          if hoarders.count < 400, let hoarder = try? gateway.connect() {
            try? hoarder.send(half)
            hoarders.append(hoarder)
          }
          let answer = try ask()
          return answer.status == 503 && answer.reason == "overloaded"
        }
        for hoarder in hoarders { hoarder.close() }
        try eventually("new connections to be served again", within: 20) {
          (try? gateway.get().status) == 200
        }
        #expect(try ask().status == 200)
        try gateway.waitForMetric("gateway_shedding", toBe: 0)
        #expect(try gateway.waitForLogLines("memory is below limits.memory again").count == 1)
        #expect(gateway.logLines("memory is above limits.memory").count == 1)
      }
    }

    @Test func `a loop that is late sheds requests and then serves again`() throws {
      let text = configuration(top: "limits: {loop_lag: 100ms}")
      try withGateway(text, [ScriptedBackend.answering()]) { gateway in
        let client = try gateway.connect()
        let statuses = Monitor<[Int]>([])
        let end = Gate()
        let traffic = Helper {
          while !end.isOpen {
            guard (try? client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) != nil,
              let answer = try? client.readResponse()
            else { return }
            statuses.update { $0.append(answer.status) }
          }
        }
        try statuses.wait("traffic") { $0.count > 20 }
        let stopped = monotonicNow()
        gateway.freeze()
        // What is tested is a length of time; nothing else can be waited for.
        try eventually("the loop to have stood still") { monotonicNow() - stopped > 700_000_000 }
        gateway.signal(SIGCONT)
        try statuses.wait("requests to be shed") { $0.contains(503) }
        try statuses.wait("requests to be served again") { $0.last == 200 }
        end.open()
        try traffic.join()
        #expect(Set(statuses.value) == [200, 503])
        // A machine that is busy may hold the loop up once more.
        try eventually("each beginning and its end to be logged") {
          let ends = gateway.logLines("event loop keeps up again").count
          return ends > 0
            && ends == gateway.logLines("event loop is later than limits.loop_lag").count
        }
        try eventually("the lag to be gone") {
          (try gateway.metrics().value("gateway_event_loop_lag_seconds") ?? 1) < 0.1
        }
      }
    }
  }
}
