// Why this file exists: the page is one file that may do nothing but ask this gateway; that is a
// matter of its head, byte by byte, and of its hashes.

import Primitives
import Testing

@testable import Admin

@Suite(.serialized, .timeLimit(.minutes(3)))
struct DashboardPageTests {
  private func get(_ path: String, _ fields: String = "", method: String = "GET") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n"
  }

  private let page = DashboardPage(
    frame: Array("<style>/* style.css */</style><script>/* scripts */</script>".utf8),
    style: Array("a{}".utf8), scripts: [Array("one()".utf8), Array("two()".utf8)])

  @Test func `The parts are put into the frame where it says`() {
    #expect(
      String(decoding: page.body, as: UTF8.self)
        == "<style>a{}</style><script>one()\ntwo()</script>")
  }

  @Test func `The policy names what may run by its hash, and nothing else may`() {
    // printf 'one()\ntwo()' | openssl dgst -sha256 -binary | base64, and so for a{}
    #expect(
      page.policy.contains("script-src 'sha256-3o9wm4gHYljzevTW+BnpT6lvF1GO+NEyCsGtAr8bBGA='"))
    #expect(page.policy.contains("style-src 'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='"))
    #expect(page.policy.hasPrefix("default-src 'none'; "))
    for rule in [
      "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
      "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    ] {
      #expect(page.policy.contains(rule))
    }
    #expect(!page.policy.contains("unsafe") && !page.policy.contains("*"))
  }

  @Test func `The page comes whole, and nobody may guess, frame or keep it unasked`() throws {
    let running = try Running.start()
    let answer = running.ask(get("/"))
    #expect(answer.status == 200)
    for line in [
      "Content-Type: text/html; charset=utf-8", "Cache-Control: no-cache",
      "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
      "Content-Security-Policy: \(DashboardPage.shared.policy)",
      "ETag: \(DashboardPage.shared.tag)", "Content-Length: \(DashboardPage.shared.body.count)",
    ] {
      #expect(answer.has(line), "\(line)")
    }
    #expect(answer.body == String(decoding: DashboardPage.shared.body, as: UTF8.self))
    #expect(answer.body.hasPrefix("<!doctype html>") && answer.body.hasSuffix("</html>\n"))
    running.end()
  }

  @Test func `A HEAD has the same head`() throws {
    let running = try Running.start()
    let asker = running.connect()
    asker.send(get("/", method: "HEAD"))
    let head = asker.answer(isHead: true)
    #expect(head.status == 200 && head.body.isEmpty)
    #expect(head.has("Content-Length: \(DashboardPage.shared.body.count)"))
    #expect(head.has("ETag: \(DashboardPage.shared.tag)"))
    asker.close()
    running.end()
  }

  @Test func `Who has this page already gets 304, and the connection goes on`() throws {
    let running = try Running.start()
    let tag = DashboardPage.shared.tag
    for known in [tag, "W/\(tag)", "\"other\", \(tag)", " \"other\" ,\(tag) ", "*"] {
      let asker = running.connect()
      asker.send(get("/", "If-None-Match: \(known)\r\n") + get("/livez"))
      let answer = asker.answer(isHead: true)
      #expect(answer.status == 304, "\(known)")
      #expect(answer.has("ETag: \(tag)") && answer.has("Cache-Control: no-cache"))
      #expect(answer.has("Content-Security-Policy: \(DashboardPage.shared.policy)"))
      #expect(!answer.head.contains("Content-Length") && !answer.head.contains("Content-Type:"))
      #expect(asker.answer().body == "{\"status\":\"alive\"}\n")
      asker.close()
    }
    let other = running.ask(get("/", "If-None-Match: \"other\"\r\n"))
    #expect(other.status == 200 && !other.body.isEmpty)
    running.end()
  }

  @Test func `The access rules hold for the page too, and it takes no orders`() throws {
    let running = try Running.start()
    #expect(running.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 403)
    let posted = running.ask(get("/", "Content-Length: 0\r\n", method: "POST"))
    #expect(posted.status == 405 && posted.has("Allow: GET, HEAD"))
    #expect(running.ask(get("/index.html")).status == 404)
    running.end()
  }

  @Test func `Nothing in the page makes markup of text, or asks elsewhere`() {
    let text = String(decoding: DashboardPage.shared.body, as: UTF8.self)
    for word in [
      "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
      "createPolicy", "onclick", "https://", "//cdn", "@import", "url(", "EventSource",
      "WebSocket", "sendBeacon",
    ] {
      #expect(!text.contains(word), "\(word)")
    }
    // The icon's drawing, and the name of a namespace.
    let elsewhere = text.matches(of: /http:\/\/[a-z0-9.\/]+/).map { String($0.0) }
    #expect(Set(elsewhere) == ["http://www.w3.org/2000/svg"])
  }

  @Test func `The page is small`() {
    #expect(DashboardPage.shared.body.count < 100_000)
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000),
      "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
    ),
  ])
  func `SHA-256 gives what FIPS 180-4 gives`(text: String, hash: String) {
    let digits = SHA256.hash(Array(text.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    #expect(digits.joined() == hash)
  }
}
