// Why this file exists: an order to a demo backend is typed by hand; it means one thing in every
// spelling, and what it does not mean is answered in words.

import Primitives
import Testing

@testable import gateway

@Suite struct `An order to a demo backend` {
  private func order(
    _ query: String, body: String = "", headers: [DemoRequest.Header] = []
  ) throws(DemoChaos.Refusal) -> DemoChaos {
    try DemoChaos.order(
      DemoRequest(method: "POST", target: "/chaos" + query, headers: headers),
      body: Array(body.utf8))
  }

  private func refusal(_ query: String, body: String = "") -> String? {
    do throws(DemoChaos.Refusal) {
      _ = try order(query, body: body)
      return nil
    } catch { return error.words }
  }

  @Test func `is the same as a query, as a form and as JSON`() throws {
    let meant = DemoChaos(mode: .fail(status: 503), permille: 505, duration: .seconds(90))
    for body in [
      "mode=fail&share=50.5%&status=503&for=90s",
      "mode=fail&share=50.5%25&status=503&for=90s\r\n",
      #" {"mode": "fail", "share": "50.5%", "status": 503, "for": "90s"}"#,
    ] {
      #expect(try order("", body: body) == meant)
    }
    #expect(try order("?mode=fail&share=50.5%25&status=503&for=90s") == meant)
    #expect(try order("?mode=fail&share=50.5%25", body: "status=503&for=90s") == meant)
  }

  @Test func `has defaults, and an end where there must be one`() throws {
    #expect(try order("?mode=ok") == DemoChaos())
    #expect(try order("?mode=fail") == DemoChaos(mode: .fail(status: 500)))
    #expect(try order("?mode=slow") == DemoChaos(mode: .slow(.seconds(2))))
    #expect(try order("?mode=slow&delay=1m") == DemoChaos(mode: .slow(.seconds(60))))
    #expect(try order("?mode=die") == DemoChaos(mode: .die, duration: .seconds(15)))
    #expect(
      try order("?mode=die&for=500ms") == DemoChaos(mode: .die, duration: .milliseconds(500)))
  }

  @Test(arguments: [
    ("", "mode must be ok, fail, slow or die"),
    ("?mode=burn", "mode must be ok, fail, slow or die"),
    ("?mode=fail&share=50", "share must be one like 50%"),
    ("?mode=fail&share=101%25", "share must be one like 50%"),
    ("?mode=fail&status=200", "status must be a number from 400 to 599"),
    ("?mode=slow&delay=61s", "delay must be one like 500ms, 2s or 1m, at most 60s"),
    ("?mode=die&for=9999999999999999999s", "for must be one like 500ms, 2s or 1m, at most 600s"),
    ("?mode=die&for=5", "for must be one like 500ms, 2s or 1m, at most 600s"),
    (
      "?mode=ok&wait=1s",
      "unknown setting 'wait'; there are mode, share, status, delay and for"
    ),
  ])
  func `is refused in words when it means nothing`(query: String, words: String) {
    #expect(refusal(query) == words)
  }

  @Test(arguments: ["{", "{}x", #"{"mode"}"#, #"{"mode":"ok",}"#, #"{"mode":["ok"]}"#])
  func `is refused when it is half a JSON object`(body: String) {
    #expect(refusal("", body: body) == "the body is no JSON object of texts and numbers")
  }

  @Test(arguments: ["Via", "X-Forwarded-For", "Forwarded", "Origin", "Sec-Fetch-Site"])
  func `is taken from this machine's own hands only`(field: String) {
    #expect(throws: DemoChaos.Refusal.self) {
      _ = try order("?mode=ok", headers: [.init(name: field, value: "x")])
    }
  }
}

@Suite struct `Chaos in a demo backend` {
  private func at(_ milliseconds: UInt64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  /// How many of a thousand requests are hit.
  private func hits(_ chaos: DemoChaos) -> Int {
    var chaos = chaos
    return (0..<1_000).count { _ in chaos.judge(path: "/x", now: at(0)) != .serve }
  }

  @Test(arguments: [0, 1, 333, 500, 999, 1_000])
  func `hits exactly its share`(permille: Int) {
    #expect(hits(DemoChaos(mode: .fail(status: 500), permille: permille)) == permille)
    #expect(hits(DemoChaos(mode: .slow(.seconds(1)), permille: permille)) == permille)
  }

  @Test func `spreads its share evenly`() {
    var chaos = DemoChaos(mode: .fail(status: 500), permille: 500)
    let verdicts = (0..<4).map { _ in chaos.judge(path: "/x", now: at(0)) }
    #expect(verdicts == [.serve, .fail(status: 500), .serve, .fail(status: 500)])
  }

  @Test func `ends when its time is over`() {
    var chaos = DemoChaos(mode: .slow(.seconds(2)), duration: .seconds(1))
    chaos.begin(now: at(500))
    #expect(chaos.judge(path: "/x", now: at(1_499)) == .delay(.seconds(2)))
    #expect(chaos.judge(path: "/x", now: at(1_500)) == .serve)
    #expect(chaos == DemoChaos())
  }

  @Test func `spares the health check`() {
    var chaos = DemoChaos(mode: .fail(status: 500))
    #expect(chaos.judge(path: "/healthz", now: at(0)) == .serve)
    #expect(chaos.judge(path: "/x", now: at(0)) == .fail(status: 500))
  }
}
