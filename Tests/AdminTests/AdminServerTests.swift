// Why this file exists: what a client of the admin listener sees, over a real socket.

import EventLoop
import Glibc
import Primitives
import Testing

@testable import Admin

@Suite(.serialized, .timeLimit(.minutes(3)))
struct AdminServerTests {
  private func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
  }

  @Test func `Each endpoint shows what it is asked for`() throws {
    let running = try Running.start()
    let alive = running.ask(get("/livez"))
    #expect(alive.status == 200 && alive.body == "{\"status\":\"alive\"}\n")
    #expect(alive.has("Content-Type: application/json") && alive.has("Cache-Control: no-store"))
    #expect(alive.head.contains("\r\nDate: ") && alive.head.contains(" GMT\r\n"))
    let ready = running.ask(get("/readyz?verbose"))
    #expect(ready.status == 200 && ready.body == "{\"status\":\"ready\"}\n")
    let status = running.ask(get("/status"))
    #expect(status.status == 200 && status.body == "{\"services\":[]}\n")
    let metrics = running.ask(get("/metrics"))
    #expect(metrics.status == 200 && metrics.body == "gateway_build_info{version=\"0\"} 1\ntext\n")
    #expect(metrics.has("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
    #expect(metrics.has("Content-Length: 39"))
    running.end()
  }

  @Test func `Metrics come in the form that Accept asks for, with its type`() throws {
    let running = try Running.start()
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n"
    let metrics = running.ask(get("/metrics", accept))
    #expect(metrics.body.hasSuffix("\nopenMetrics\n"))
    #expect(
      metrics.has("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"))
    running.end()
  }

  @Test func `A body in parts is chunked, and the connection goes on behind it`() throws {
    let running = try Running.start()
    running.shown.metrics = ["one ", "two ", "three ", "four "].map { Array($0.utf8) }
    let asker = running.connect()
    asker.send(
      get("/metrics") + "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/livez"))
    let answer = asker.answer()
    #expect(answer.has("Transfer-Encoding: chunked") && !answer.head.contains("Content-Length"))
    #expect(answer.body == "one two three four text\n")
    #expect(asker.answer(isHead: true).has("Transfer-Encoding: chunked"))
    #expect(asker.answer().body == "{\"status\":\"alive\"}\n")
    asker.close()
    running.end()
  }

  @Test func `An HTTP/1.0 client gets a body in parts up to the end of the connection`() throws {
    let running = try Running.start()
    running.shown.metrics = ["one ", "two ", "three "].map { Array($0.utf8) }
    let asker = running.connect()
    asker.send("GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    asker.waitForEnd()
    let text = asker.everything
    #expect(text.contains("\r\nConnection: close\r\n") && !text.contains("chunked"))
    #expect(text.hasSuffix("\r\n\r\none two three text\n"))
    asker.close()
    running.end()
  }

  @Test func `Readiness says why not, and liveness stays`() throws {
    let running = try Running.start()
    running.shown.readiness = .notReady("draining")
    let answer = running.ask(get("/readyz"))
    #expect(answer.status == 503)
    #expect(answer.body == "{\"status\":\"not ready\",\"reason\":\"draining\"}\n")
    #expect(running.ask(get("/livez")).status == 200)
    running.end()
  }

  @Test func `A HEAD is answered with the same head and no body`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send("HEAD /status HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/livez"))
    let head = asker.answer(isHead: true)
    #expect(head.status == 200 && head.has("Content-Length: 16"))
    let next = asker.answer()
    #expect(next.head.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(next.body == "{\"status\":\"alive\"}\n")
    asker.close()
    running.end()
  }

  @Test func `Requests on one connection are answered in order, also when sent together`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send((0..<300).map { get($0 % 2 == 0 ? "/livez" : "/readyz") }.joined())
    for index in 0..<300 {
      let word = index % 2 == 0 ? "alive" : "ready"
      #expect(asker.answer().body == "{\"status\":\"\(word)\"}\n")
    }
    asker.send(get("/livez", "Connection: close\r\n"))
    #expect(asker.answer().has("Connection: close"))
    asker.waitForEnd()
    asker.close()
    running.end()
  }

  @Test func `A request may arrive byte by byte`() throws {
    let running = try Running.start()
    let asker = running.connect()
    for byte in get("/livez") {
      asker.send(String(byte))
      running.loop.runOnce(waiting: false)
    }
    #expect(asker.answer().status == 200)
    asker.close()
    running.end()
  }

  @Test func `An HTTP/1.0 client gets one answer, or more when it asks for that`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(asker.answer().has("Connection: keep-alive"))
    asker.send("GET /livez HTTP/1.0\r\n\r\n")
    #expect(asker.answer().has("Connection: close"))
    asker.waitForEnd()
    asker.close()
    running.end()
  }

  @Test func `What does not exist is 404, and what can only be read is 405`() throws {
    let running = try Running.start()
    let missing = running.ask(get("/index.html"))
    #expect(missing.status == 404 && missing.has("Content-Type: application/problem+json"))
    #expect(
      missing.body.hasPrefix("{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"))
    let written = running.ask("DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(written.status == 405 && written.has("Allow: GET, HEAD"))
    let posted = running.ask(
      "POST /relod HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    #expect(posted.status == 404)
    running.end()
  }

  @Test func `The rules come before the endpoints`() throws {
    let running = try Running.start(token: "secret")
    #expect(running.ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 403)
    #expect(
      running.ask("GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 403
    )
    let post = "POST /livez HTTP/1.1\r\nHost: localhost\r\n"
    let unasked = running.ask(post + "\r\n")
    #expect(unasked.status == 401 && unasked.has("WWW-Authenticate: Bearer"))
    #expect(running.ask(post + "Authorization: Bearer secret\r\n\r\n").status == 405)
    // A client must not be able to talk a rule away by naming its field.
    let origin = post + "Connection: origin\r\nOrigin: null\r\nAuthorization: Bearer secret\r\n\r\n"
    #expect(running.ask(origin).status == 403)
    running.end()
  }

  @Test func `A malformed request is answered and the connection ends`() throws {
    // The end is sent at once; only what still comes is waited for.
    var limits = AdminLimits()
    limits.lingerSeconds = 3600
    let running = try Running.start(limits: limits)
    let long = String(repeating: "a", count: 17_000)
    let bad: [(String, Int)] = [
      ("GET /livez HTTP/1.1\r\n\r\n", 400),
      ("GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
      ("GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
      ("GET /livez HTTP/2.0\r\n\r\n", 505),
      ("NONSENSE /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
      ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
      (
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: \(long)\r\n\r\n",
        431
      ),
      ("GET /\(long) HTTP/1.1\r\n", 414),
    ]
    for (request, status) in bad {
      let asker = running.connect()
      asker.send(request)
      let answer = asker.answer()
      #expect(answer.status == status && answer.has("Connection: close"), "\(request.prefix(40))")
      asker.waitForEnd()
      asker.close()
    }
    running.end()
  }

  @Test func `A request with a body is answered at once, and its body is not the next request`()
    throws
  {
    let running = try Running.start()
    let asker = running.connect()
    asker.send(
      "POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n" + get("/status"))
    #expect(asker.answer().status == 405)
    asker.waitForEnd()
    asker.close()
    running.end()
  }

  @Test func `An answer larger than the socket takes is written to the end`() throws {
    let running = try Running.start()
    running.shown.metrics = [[UInt8](repeating: 0x61, count: 8 << 20), Array("the end ".utf8)]
    let asker = running.connect()
    asker.send(get("/metrics") + get("/livez"))
    let answer = asker.answer()
    #expect(answer.body.utf8.count == (8 << 20) + 13)
    #expect(answer.body.hasSuffix("aathe end text\n"))
    #expect(asker.answer().body == "{\"status\":\"alive\"}\n")
    asker.close()
    running.end()
  }

  @Test func `Who is slow with a head is told so; who is idle is closed`() throws {
    var limits = AdminLimits()
    limits.headSeconds = 0
    let running = try Running.start(limits: limits)
    let slow = running.connect()
    slow.send("GET /li")
    let silent = running.connect()
    let answer = slow.answer()
    // The deadline of the first byte and that of the connect fall together here.
    #expect(answer.status == 408 || slow.hasEnded)
    silent.waitForEnd()
    slow.close()
    silent.close()
    running.end()
  }

  @Test func `A connection too many takes the place of the one idle longest`() throws {
    var limits = AdminLimits()
    limits.connections = 2
    let running = try Running.start(limits: limits)
    let first = running.connect()
    first.send(get("/livez"))
    #expect(first.answer().status == 200)
    let second = running.connect()
    second.send("GET /liv")  // busy
    running.turn { running.server.connectionCount == 2 }
    let third = running.connect()
    third.send(get("/livez") + "GET /liv")  // busy again when it is answered
    #expect(third.answer().status == 200)
    first.waitForEnd()
    for _ in 0..<20 { running.loop.runOnce(waiting: false) }
    let fourth = running.connect()
    let refused = fourth.answer()
    #expect(refused.status == 503 && refused.has("Connection: close"))
    for asker in [first, second, third, fourth] { asker.close() }
    running.end()
  }

  @Test func `Of several idle connections the one idle longest goes`() throws {
    var limits = AdminLimits()
    limits.connections = 3
    let running = try Running.start(limits: limits)
    let askers = (0..<3).map { _ in running.connect() }
    // They became idle in the order 1, 2, 0.
    for index in [0, 1, 2, 0] {
      askers[index].send(get("/livez"))
      #expect(askers[index].answer().status == 200)
    }
    #expect(running.ask(get("/livez")).status == 200)
    askers[1].waitForEnd()
    for index in [0, 2] {
      askers[index].send(get("/livez"))
      #expect(askers[index].answer().status == 200)
    }
    for asker in askers { asker.close() }
    running.end()
  }

  @Test func `A unix socket answers too, counts as local, and its file goes with it`() throws {
    let running = try Running.start(unix: true)
    #expect(running.ask(get("/livez")).status == 200)
    #expect(running.ask("POST /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 405)
    running.end()
    #expect(access(running.path!, F_OK) != 0)
  }

  @Test func `It answers when no descriptor is left, again and again`() async {
    await #expect(processExitsWith: .success) {
      let running = try Running.start()
      let askers = (0..<8).map { _ in running.connect() }
      // Just above what is open, the test runner's own descriptors included.
      var highest: Int32 = 0
      for number in 0..<Int32(4096) where fcntl(number, F_GETFD) >= 0 { highest = number }
      var limit = rlimit(rlim_cur: UInt(highest + 9), rlim_max: UInt(highest + 9))
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      // Somebody else takes every descriptor that becomes free.
      let fill = { while dup(0) >= 0 {} }
      fill()
      for asker in askers {
        asker.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        guard asker.answer().status == 200 else { exit(2) }
        let open = running.server.connectionCount
        asker.finish()
        running.turn { running.server.connectionCount < open }
        fill()
      }
      // What runs at an ordinary exit, a sanitizer say, may want descriptors.
      _exit(0)
    }
  }

  @Test func `Closing ends open connections and leaves nothing on the loop`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send("GET /li")
    running.turn { running.server.connectionCount == 1 }
    running.server.close()
    asker.waitForEnd()
    running.end()
    asker.close()
  }
}
