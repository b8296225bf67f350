// Why this file exists: which backend is meant must be plain whatever its address holds, and who
// may say so is decided before.

import Testing

@testable import Admin

@Suite(.serialized, .timeLimit(.minutes(3)))
struct BackendOrderTests {
  @Test(arguments: [
    ("/backends/users/127.0.0.1:9001/drain", "users 127.0.0.1:9001 true"),
    ("/backends/users/127.0.0.1%3A9001/ready", "users 127.0.0.1:9001 false"),
    ("/backends/a.b-c_d/[::1]:80/drain", "a.b-c_d [::1]:80 true"),
    ("/backends/a/%5B2001:db8::1%5D:80/drain", "a [2001:db8::1]:80 true"),
    ("/backends/a/unix:%2Frun%2Fa.sock/drain", "a unix:/run/a.sock true"),
    ("/backends/a/unix:/run/a.sock/drain", "a unix:/run/a.sock true"),
    ("/backends/a/unix:/run/drain/ready", "a unix:/run/drain false"),
    ("/backends/a/unix:/run/%C3%A4%20b/ready", "a unix:/run/ä b false"),
  ])
  func `An order names its backend`(path: String, meant: String) throws {
    let order = try #require(BackendOrder(path: path))
    #expect("\(order.service) \(order.address) \(order.isDraining)" == meant)
  }

  @Test(arguments: [
    "/backends/", "/backends/a", "/backends/a/b", "/backends/a/drain", "/backends/a//drain",
    "/backends//b/drain", "/backends/a/b/stop", "/backends/a/b/drain/", "/backends/a/%4/drain",
    "/backends/a/%zz/drain", "/backends/a/%FF/drain", "/backends/a/%+1/drain", "/other/a/b/drain",
  ])
  func `What names none is no order`(path: String) {
    #expect(BackendOrder(path: path) == nil)
  }

  private let fields = "Host: localhost\r\nContent-Length: 0\r\n"

  @Test func `An order is handed on, and what became of it is told`() throws {
    let running = try Running.start()
    let post = "POST /backends/a/10.0.0.1:80/drain HTTP/1.1\r\n\(fields)\r\n"
    running.shown.verdict = .done(backends: ["10.0.0.1:80"], usable: 2)
    let done = running.ask(post)
    #expect(done.status == 200)
    #expect(
      done.body == #"{"service":"a","backends":["10.0.0.1:80"],"draining":true,"#
        + "\"usable_backends\":2}\n")
    running.shown.verdict = .noService(["users", "shop"])
    let noService = running.ask(post)
    #expect(noService.status == 404)
    #expect(noService.body.contains(#""detail":"there is no service 'a'; there are users, shop""#))
    running.shown.verdict = .noBackend(["10.0.0.2:80"])
    #expect(
      running.ask(post).body.contains(
        "the service 'a' has no backend '10.0.0.1:80'; there is 10.0.0.2:80"))
    #expect(running.shown.orders == Array(repeating: "a 10.0.0.1:80 true", count: 3))
    running.end()
  }

  @Test func `Nobody gives an order without the right to`() throws {
    let running = try Running.start(token: "secret")
    let post = "POST /backends/a/b/drain HTTP/1.1\r\n\(fields)"
    #expect(running.ask(post + "\r\n").status == 401)
    let bearer = "Authorization: Bearer secret\r\n"
    #expect(running.ask(post + bearer + "Origin: http://localhost\r\n\r\n").status == 403)
    #expect(running.ask(post + bearer + "Sec-Fetch-Site: cross-site\r\n\r\n").status == 403)
    #expect(running.shown.orders == [])
    let get = running.ask("GET /backends/a/b/drain HTTP/1.1\r\n\(fields)\r\n")
    #expect(get.status == 405 && get.has("Allow: POST"))
    #expect(running.ask(post.replacing("drain", with: "burn") + bearer + "\r\n").status == 404)
    #expect(running.shown.orders == [])
    #expect(running.ask(post + bearer + "\r\n").status == 404)
    #expect(running.shown.orders == ["a b true"])
    running.end()
  }

  @Test func `Readiness tells of backends, and does not hang on them`() throws {
    let running = try Running.start()
    running.shown.services = [
      AdminService(name: "well", backends: 1, unusable: []),
      AdminService(
        name: "ill", backends: 2,
        unusable: [.init(address: "10.0.0.1:80", state: "down", reason: "probe_failed: timeout")]),
    ]
    let answer = running.ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(answer.status == 200)
    #expect(
      answer.body == #"{"status":"ready","services":[{"name":"well","backends":1,"usable":1},"#
        + #"{"name":"ill","backends":2,"usable":1,"unusable":[{"address":"10.0.0.1:80","#
        + #""state":"down","reason":"probe_failed: timeout"}]}]}"# + "\n")
    running.end()
  }
}
