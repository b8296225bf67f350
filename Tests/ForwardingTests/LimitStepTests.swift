// Why this file exists: who counts together, what several limits do to one request, and what the
// client is told of it; as a worker asks it.
import Limiting
import Primitives
import Testing

@testable import Forwarding

private func six(_ high: UInt64, _ low: UInt64) -> LimitedRequest {
  LimitedRequest(client: IPAddress(high: high, low: low))
}
private func field(_ values: String..., dropped: Set<Int> = []) -> LimitedRequest {
  LimitedRequest(fields: values.map { ("X-User", $0) }, dropped: dropped)
}

@Suite struct `Limits of a route` {
  // MARK: Keys

  @Test func `clients are told apart by address, without the port (regression 15)`() throws {
    let bench = try LimitBench("a: {rate: 3/h, key: client_ip}", "[a]")
    #expect(bench.passes(5) == 3)
    #expect(bench.passes(5, LimitedRequest(client: IPAddress(v4: 0x7f00_0002))) == 3)
  }

  @Test func `a v6 network of the prefix is one client`() throws {
    let bench = try LimitBench("a: {rate: 3/h, key: client_ip}", "[a]")
    #expect(bench.passes(5, six(0x2001_0db8_0000_0001, 1)) == 3)
    #expect(bench.passes(5, six(0x2001_0db8_0000_0001, 0xffff_0000_0000_0002)) == 0)
    #expect(bench.passes(5, six(0x2001_0db8_0000_0002, 1)) == 3)
    let wide = try LimitBench("a: {rate: 3/h, key: client_ip, ipv6_prefix: 48}", "[a]")
    #expect(wide.passes(5, six(0x2001_0db8_0000_0001, 1)) == 3)
    #expect(wide.passes(5, six(0x2001_0db8_0000_0002, 1)) == 0)
    let single = try LimitBench("a: {rate: 3/h, key: client_ip, ipv6_prefix: 128}", "[a]")
    #expect(single.passes(5, six(0x2001_0db8_0000_0001, 1)) == 3)
    #expect(single.passes(5, six(0x2001_0db8_0000_0001, 2)) == 3)
  }

  @Test func `an address of v4 is not one of v6 with the same number`() throws {
    let bench = try LimitBench("a: {rate: 3/h, key: client_ip, ipv6_prefix: 128}", "[a]")
    #expect(bench.passes(5) == 3)
    #expect(bench.passes(5, six(0, 0x7f00_0001)) == 3)
  }

  @Test func `several lines of a field are one key, joined by a comma`() throws {
    let bench = try LimitBench("a: {rate: 3/h, key: header:X-User}", "[a]")
    #expect(bench.passes(2, field("a", "b")) == 2)
    #expect(bench.passes(2, field("a, b")) == 1)
    #expect(bench.passes(5, field("b, a")) == 3)
    #expect(bench.passes(5, field("a")) == 3)
  }

  @Test func `cookie and query count by their values, and a combination by all of them`() throws {
    let bench = try LimitBench("a: {rate: 2/h, key: [cookie:sid, query:k, route]}", "[a]")
    func request(_ cookie: String, _ query: String) -> LimitedRequest {
      LimitedRequest(target: "/x?\(query)", fields: [("Cookie", cookie)])
    }
    #expect(bench.passes(3, request("sid=1; x=9", "k=1")) == 2)
    #expect(bench.passes(3, request("x=8; sid=1", "y=2&k=1")) == 0)
    #expect(bench.passes(3, request("sid=1", "k=2")) == 2)
    #expect(bench.passes(3, request("sid=2", "k=1")) == 2)
  }

  /// A backend decodes them, so a limit that did not would be got around by writing them so.
  @Test func `a parameter counts as what it means, however it is written`() throws {
    let bench = try LimitBench("a: {rate: 2/h, key: query:api_key, missing_key: skip}", "[a]")
    func passes(_ query: String) -> Int { bench.passes(1, LimitedRequest(target: "/x?\(query)")) }
    #expect(passes("api_key=abc") + passes("y=1&api_key=%61bc") == 2)
    for query in [
      "api_key=abc", "api_key=a%62c", "api%5fkey=abc", "%61pi_key=%61%62%63&y",
      "api_key=&api_key=abc",
    ] {
      #expect(passes(query) == 0, "\(query)")
    }
    #expect(passes("api_key=a+b") + passes("api_key=a%20b") == 2 && passes("api_key=a%20b") == 0)
    // What is given again is one key with what was given before, as field lines are.
    #expect(passes("api_key=1&api_key=2") + passes("api%5Fkey=1&y&api_key=%32") == 2)
    #expect(passes("api_key=1&api_key=2") == 0 && passes("api_key=2&api_key=1") == 1)
    #expect((0..<9).allSatisfy { _ in passes("api_key=&api_key") == 1 }, "a key is a value")
  }

  @Test func `parts do not run into each other`() throws {
    let bench = try LimitBench("a: {rate: 1/h, key: [header:X-User, query:k]}", "[a]")
    func request(_ user: String, _ query: String) -> LimitedRequest {
      LimitedRequest(target: "/x?k=\(query)", fields: [("X-User", user)])
    }
    for parts in [("ab", "c"), ("a", "bc"), ("abc", "x"), ("x", "abc")] {
      #expect(bench.passes(2, request(parts.0, parts.1)) == 1)
    }
  }

  /// A client must not get rid of a rule by naming what the rule reads.
  @Test func `a line that Connection names counts, one that is not believed does not`() throws {
    let bench = try LimitBench("a: {rate: 3/h, key: header:X-User, missing_key: skip}", "[a]")
    #expect(bench.passes(9, field("a", dropped: [0])) == 3)
    let cookies = try LimitBench("a: {rate: 3/h, key: cookie:sid, missing_key: skip}", "[a]")
    #expect(cookies.passes(9, LimitedRequest(fields: [("Cookie", "sid=1")], dropped: [0])) == 3)
    let chain = try LimitBench("a: {rate: 3/h, key: header:X-Forwarded-For}", "[a]")
    for number in 0..<9 {
      let forged = LimitedRequest(fields: [("X-Forwarded-For", "9.9.9.\(number)")], dropped: [0])
      #expect((chain.ask(forged).outcome.refused < 0) == (number < 3))
    }
  }

  @Test func `requests without the key count together, or not at all`() throws {
    let share = try LimitBench("a: {rate: 3/h, key: header:X-User}", "[a]")
    #expect(share.passes(2) + share.passes(5, field("")) == 3)
    #expect(share.passes(5, field("a")) == 3)
    let skip = try LimitBench("a: {rate: 3/h, key: header:X-User, missing_key: skip}", "[a]")
    #expect(skip.passes(9) == 9 && skip.look() == [nil])
    let noAddress = try LimitBench("a: {rate: 3/h, key: client_ip}", "[a]")
    #expect(noAddress.passes(9, LimitedRequest(client: nil)) == 3)
    #expect(noAddress.passes(9) == 3)
  }

  // MARK: Modes

  @Test func `shadow lets all pass and says which it would have refused; off counts nothing`()
    throws
  {
    let bench = try LimitBench("a: {rate: 3/h, key: client_ip, mode: shadow}", "[a]")
    let outcomes = (0..<5).map { _ in bench.ask() }
    #expect(outcomes.map(\.outcome.refused) == [-1, -1, -1, -1, -1])
    #expect(outcomes.map(\.outcome.shadowed) == [0, 0, 0, 1, 1])
    #expect(outcomes.map(\.outcome.named) == [-1, -1, -1, 0, 0])
    #expect(outcomes.allSatisfy { $0.told.isEmpty })
    let off = try LimitBench("a: {rate: 3/h, key: client_ip, mode: off}", "[a]")
    #expect(off.passes(9) == 9 && off.ask().told.isEmpty)
    #expect(off.entry(0).counters.table.count == 0)
  }

  // MARK: Several limits

  @Test func `a request that one limit refuses is charged to none`() throws {
    let bench = try LimitBench(
      "all: {rate: 10/h, key: global}\nown: {rate: 2/h, key: header:X-User}", "[all, own]")
    #expect(bench.passes(50, field("a")) == 2)
    // Of ten for all, two are taken: eight are left for others, not one less.
    let others = (0..<50).reduce(0) { $0 + bench.passes(1, field("b\($1)")) }
    #expect(others == 8)
  }

  @Test func `what is charged before a limit in shadow stays`() throws {
    let bench = try LimitBench(
      "a: {rate: 3/h, key: global}\nb: {rate: 1/h, key: global, mode: shadow}", "[a, b]")
    let outcomes = (0..<4).map { _ in bench.ask().outcome }
    #expect(outcomes.map(\.refused) == [-1, -1, -1, 0])
    #expect(outcomes.map(\.shadowed) == [0, 2, 2, 0])
  }

  @Test func `the wait is that of the limit that takes longest, whichever refuses first`() throws {
    let bench = try LimitBench(
      "short: {rate: 1/s, key: global}\nlong: {rate: 1/m, key: client_ip}", "[short, long]")
    #expect(bench.passes(1) == 1)
    let both = bench.ask().outcome
    #expect(both.refused == 0 && both.wait == .seconds(60) && both.isShared)
    let later = bench.ask(LimitedRequest(seconds: 2)).outcome
    #expect(later.refused == 1 && later.wait == .seconds(58) && !later.isShared)
    #expect(bench.ask(LimitedRequest(seconds: 60)).outcome.refused == -1)
  }

  // MARK: What the client is told

  @Test func `a client is told what it has left, and when all of it is back`() throws {
    let bench = try LimitBench(
      "own: {rate: 10/m, key: client_ip}\nwindow: {algorithm: sliding_window, rate: 4/90s, "
        + "key: header:X-User, missing_key: skip}\nall: {rate: 90/s, key: global}",
      "[own, window, all]")
    #expect(
      bench.ask(field("a")).told
        == "RateLimit-Policy: \"own\";q=10;w=60, \"window\";q=4;w=90\r\n"
        + "RateLimit: \"own\";r=9;t=6, \"window\";r=3;t=180\r\n")
    #expect(
      bench.ask().told == "RateLimit-Policy: \"own\";q=10;w=60\r\nRateLimit: \"own\";r=8;t=12\r\n",
      "it does not count at the other one")
    _ = bench.passes(20)
    #expect(
      bench.ask(LimitedRequest(seconds: 5.5)).told
        == "RateLimit-Policy: \"own\";q=10;w=60\r\nRateLimit: \"own\";r=0;t=1\r\n")
  }

  @Test func `a quota and its time together are the rate, never more`() throws {
    func told(_ limit: String) throws -> String {
      String(try LimitBench("a: \(limit)", "[a]").ask().told.prefix { $0 != "\r\n" })
    }
    #expect(
      try told("{rate: 100/s, burst: 200, key: client_ip}") == "RateLimit-Policy: \"a\";q=200;w=2")
    #expect(
      try told("{rate: 100/s, burst: 50, key: client_ip}") == "RateLimit-Policy: \"a\";q=50;w=1")
    #expect(
      try told("{rate: 1/h, burst: 1, key: client_ip}") == "RateLimit-Policy: \"a\";q=1;w=3600")
    #expect(try told("{rate: 1/h, key: client_ip, headers: false}") == "")
    // Rates whose interval is no whole number of nanoseconds.
    for rate in ["3/s", "7/s", "60/s", "600/s"] {
      let count = rate.prefix { $0 != "/" }
      #expect(try told("{rate: \(rate), key: client_ip}").hasSuffix("q=\(count);w=1"), "\(rate)")
    }
    #expect(try told("{rate: 700/m, key: client_ip}").hasSuffix("q=700;w=60"))
    #expect(try told("{rate: 60/s, burst: 61, key: client_ip}").hasSuffix("q=61;w=2"))
  }

  @Test func `a look charges nothing and says what a request would be told`() throws {
    let bench = try LimitBench("a: {rate: 3/h, key: client_ip}", "[a]")
    for _ in 0..<9 { #expect(bench.look().map { $0?.remaining } == [3]) }
    #expect(bench.entry(0).counters.table.count == 0)
    #expect(bench.passes(2) == 2)
    #expect(bench.look().map { $0?.remaining } == [1])
    #expect(bench.passes(2) == 1)
    #expect(bench.look().map { $0?.isAllowed } == [false])
  }

  // MARK: Another configuration

  @Test func `a changed limit keeps its counters; with another period it begins anew`() throws {
    let bench = try LimitBench("a: {rate: 5/h, key: client_ip}", "[a]")
    #expect(bench.passes(9) == 5)
    try bench.change("a: {rate: 5/h, burst: 8, key: client_ip, headers: false}", "[a]")
    #expect(bench.passes(9) == 3)
    try bench.change("a: {rate: 2/h, key: client_ip}", "[a]")
    #expect(bench.passes(9) == 0)
    try bench.change("a: {rate: 2/h, key: client_ip, mode: off}", "[a]")
    #expect(bench.passes(9) == 9)
    try bench.change("a: {rate: 2/h, key: client_ip}", "[a]")
    #expect(bench.passes(9) == 0, "off forgets nothing")
    try bench.change("a: {rate: 2/m, key: client_ip}", "[a]")
    #expect(bench.passes(9) == 2)
    try bench.change("a: {rate: 2/m, key: [client_ip, route]}", "[a]")
    #expect(bench.passes(9) == 2)
    try bench.change("a: {rate: 2/m, key: [route, client_ip]}", "[a]")
    #expect(bench.passes(9) == 0, "the order of the parts says nothing")
  }

  @Test func `room for more keys, or for fewer, keeps who is counted`() throws {
    let bench = try LimitBench("a: {rate: 5/h, key: client_ip, max_keys: 100}", "[a]")
    #expect(bench.passes(3) == 3)
    try bench.change("a: {rate: 5/h, key: client_ip, max_keys: 5000}", "[a]")
    #expect(bench.entry(0).counters.table.capacity == 5_000)
    #expect(bench.passes(1) == 1)
    try bench.change("a: {rate: 5/h, key: client_ip, max_keys: 1}", "[a]")
    #expect(bench.passes(9) == 1)
    let outgrown = bench.registry.takeAbandoned()
    #expect(outgrown.outgrownLimits.count == 2 && outgrown.limits.isEmpty)
    bench.registry.recycle(outgrown)
    #expect(bench.passes(9) == 0)
  }

  @Test func `the counters of a limit that no snapshot has are given back`() throws {
    let bench = try LimitBench("a: {rate: 5/h, key: client_ip}", "[a]")
    #expect(bench.passes(9) == 5)
    try bench.change("b: {rate: 5/h, key: client_ip}", "[b]")
    let abandoned = bench.registry.takeAbandoned()
    #expect(abandoned.limits.count == 1 && abandoned.limitUses.count == 1)
    bench.registry.recycle(abandoned)
    try bench.change("a: {rate: 5/h, key: client_ip}", "[a]")
    #expect(bench.passes(9) == 5)
  }
}
