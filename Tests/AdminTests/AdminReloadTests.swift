// Why this file exists: a reload is decided later than it is asked for; the connection that has
// asked waits for it, others do not, and nothing breaks when it goes away meanwhile.

import Testing

@testable import Admin

private func post(_ path: String, _ fields: String = "") -> String {
  "POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
}

private func get(_ path: String, _ fields: String = "") -> String {
  "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
}

@Suite struct `An order to reload` {
  @Test func `is answered when it is decided, and others are answered meanwhile`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send(post("/reload"))
    running.turn { running.shown.reloads.count == 1 }
    #expect(running.ask(get("/livez")).status == 200)
    running.shown.reloads.removeFirst()(.applied(Array("{\"done\":1}\n".utf8)))
    let answer = asker.answer()
    #expect(answer.status == 200 && answer.body == "{\"done\":1}\n")
    #expect(answer.has("Content-Type: application/json"))
    asker.close()
    running.end()
  }

  @Test func `holds back what comes behind it on its connection`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send(post("/reload") + get("/livez"))
    running.turn { running.shown.reloads.count == 1 }
    asker.send(get("/readyz"))
    running.shown.reloads.removeFirst()(.refused(Array("[]\n".utf8)))
    #expect(asker.answer().status == 422)
    #expect(asker.answer().body == "{\"status\":\"alive\"}\n")
    #expect(asker.answer().body == "{\"status\":\"ready\"}\n")
    asker.close()
    running.end()
  }

  @Test func `may be decided when nobody waits any more`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send(post("/reload"))
    running.turn { running.shown.reloads.count == 1 }
    asker.close()
    let decide = running.shown.reloads.removeFirst()
    decide(.applied([]))
    running.turn { running.server.connectionCount == 0 }
    decide(.applied([]))
    running.end()
  }

  @Test func `that cannot be followed says why`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send(post("/reload"))
    running.turn { running.shown.reloads.count == 1 }
    running.shown.reloads.removeFirst()(.unavailable("the gateway is stopping"))
    let answer = asker.answer()
    #expect(answer.status == 503 && answer.body.contains("the gateway is stopping"))
    asker.close()
    running.end()
  }

  @Test func `is a POST, from who may`() throws {
    let running = try Running.start()
    let wrong = running.ask(get("/reload"))
    #expect(wrong.status == 405 && wrong.has("Allow: POST"))
    #expect(running.ask(post("/reload", "Origin: http://a.test\r\n")).status == 403)
    #expect(running.shown.orders.isEmpty)
    running.end()
  }

  @Test(arguments: [
    ("", "json"), ("Accept: */*\r\n", "json"), ("Accept: text/plain\r\n", "text"),
    ("Accept: Text/Plain;q=0.5, */*\r\n", "text"),
    ("Accept: text/plain, application/json\r\n", "json"),
    ("Accept: text/html\r\nAccept: text/plain\r\n", "text"),
  ])
  func `is answered in text to who asks for text`(_ fields: String, _ format: String) throws {
    let running = try Running.start()
    #expect(running.ask(get("/config/errors", fields)).body == "\(format) errors\n")
    #expect(running.ask(get("/config", fields)).body == "{}\n")
    running.end()
  }
}
