// Why this file exists: where exactly a head becomes too large, and with which word; the same
// however its bytes were cut.
import HTTPParsing
import HTTPSemantics
import Testing

@Suite struct LimitsTests {
  private func player(_ headSize: Int, _ headFields: Int = 100) -> Player {
    var player = Player()
    player.limits = ParseLimits(headSize: headSize, headFields: headFields)
    return player
  }

  @Test func `a head of exactly the limit passes, one byte more does not`() {
    let head = raw("GET / HTTP/1.1\r\nHost: h\r\nX: abcdef\r\n\r\n")
    #expect(player(head.count).playEveryWay(head).last == "end")
    #expect(player(head.count - 1).playEveryWay(head) == ["failed headTooLarge"])
  }

  @Test func `an empty line before the request line does not count`() {
    let head = raw("\r\nGET / HTTP/1.1\r\n\r\n")
    #expect(player(head.count - 2).playEveryWay(head).last == "end")
    #expect(player(head.count - 3).playEveryWay(head) == ["failed headTooLarge"])
  }

  @Test func `a target that alone reaches the limit is called so`() {
    let head = raw("GET /" + String(repeating: "a", count: 60) + " HTTP/1.1\r\n\r\n")
    #expect(player(32).playEveryWay(head) == ["failed targetTooLong"])
    #expect(player(70).playEveryWay(head) == ["failed headTooLarge"])
  }

  @Test func `the limit holds before the grammar, wherever the fault behind it lies`() {
    let head = raw("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 60) + "\0\r\n\r\n")
    #expect(player(40).playEveryWay(head) == ["failed headTooLarge"])
    #expect(player(200).playEveryWay(head) == ["failed field"])
  }

  @Test func `as many fields as allowed pass, one more does not`() {
    let three = raw("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n")
    #expect(player(1024, 3).playEveryWay(three).last == "end")
    #expect(player(1024, 2).playEveryWay(three) == ["failed headTooLarge"])
  }

  @Test func `a name longer than 65535 bytes is too large`() {
    let head = raw("GET / HTTP/1.1\r\n" + String(repeating: "a", count: 65_536) + ": x\r\n\r\n")
    let large = player(1 << 20)
    #expect(large.play(head) == ["failed headTooLarge"])
    #expect(large.play(head, cuts: [40_000, 60_000]) == ["failed headTooLarge"])
    let fits = raw("GET / HTTP/1.1\r\n" + String(repeating: "a", count: 65_535) + ": x\r\n\r\n")
    #expect(large.play(fits).last == "end")
  }

  @Test func `every request of a connection has the whole limit for itself`() {
    let one = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\n\r\n"
    #expect(player(60, 2).playEveryWay(raw(one + one + one)).filter { $0 == "end" }.count == 3)
  }

  @Test func `a response has limits too`() {
    var player = player(30)
    player.side = .response()
    let response = raw("HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 30) + "\r\n\r\n")
    #expect(player.playEveryWay(response) == ["failed headTooLarge"])
  }

  @Test func `each failure has its reason word and its detail`() {
    let rows: [(ParseFailure, Reason, BadRequestDetail)] = [
      (.none, .none, .none), (.framing, .badRequest, .framing), (.field, .badRequest, .field),
      (.target, .badRequest, .target), (.version, .badRequest, .version),
      (.method, .badRequest, .method), (.truncated, .badRequest, .framing),
      (.targetTooLong, .targetTooLong, .none), (.headTooLarge, .headTooLarge, .none),
    ]
    for (failure, reason, detail) in rows {
      #expect(failure.reason == reason)
      #expect(failure.detail == detail)
    }
  }

  /// A reload changes the limits at any moment.
  @Test(arguments: [(100, 64), (64, 100), (64, 1)])
  func `a head that has begun keeps the limits that it began with`(first: Int, later: Int) {
    let run = PlayerRun(player(2_000, first))
    defer { run.destroy() }
    #expect(run.feed(raw("GET / HTTP/1.1\r\n" + String(repeating: "a:\r\n", count: 60))))
    run.player.limits = ParseLimits(headSize: 2_000, headFields: later)
    #expect(run.feed(raw(String(repeating: "a:\r\n", count: first - 60))))
    #expect(!run.feed(raw("a:\r\n\r\n")))
    #expect(run.log == ["failed headTooLarge"])
  }

  @Test func `a head that has begun keeps its size when less is allowed later`() {
    let run = PlayerRun(player(1_000))
    defer { run.destroy() }
    #expect(run.feed(raw("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 600))))
    run.player.limits = ParseLimits(headSize: 100, headFields: 100)
    #expect(run.feed(raw("bcd\r\n\r\n")))
    #expect(run.finish().last == "end")
    // The next one has the new limit.
    #expect(!run.feed(raw("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 100))))
  }
}
