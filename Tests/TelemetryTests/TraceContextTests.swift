// Why this file exists: a trace id taken wrongly joins strangers' requests, one refused wrongly
// cuts a trace in two.
import Primitives
import Telemetry
import Testing

private let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

private func text(_ context: TraceContext) -> String {
  String(decoding: written(capacity: 55) { context.write(to: &$0) }, as: UTF8.self)
}

@Suite struct TraceContextTests {
  @Test func `a valid traceparent is read and written the same`() throws {
    let context = try #require(withSlice(good, TraceContext.parse))
    #expect(context.traceHigh == 0x0af7_6519_16cd_43dd)
    #expect(context.traceLow == 0x8448_eb21_1c80_319c)
    #expect(context.span == 0xb7ad_6b71_6920_3331)
    #expect(context.isSampled)
    #expect(text(context) == good)
  }

  @Test(arguments: [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true)])
  func `only the sampled flag is understood and passed on`(flags: String, sampled: Bool) throws {
    let context = try #require(withSlice(good.dropLast(2) + flags, TraceContext.parse))
    #expect(context.isSampled == sampled)
    #expect(text(context) == good.dropLast(2) + (sampled ? "01" : "00"))
  }

  @Test(arguments: [
    "", "00", "00-", String(good.dropLast()), good + "0", good + "-", good + "-00", good + " ",
    " " + good,
    "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
    "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "0A-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
    "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333 -01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
    "01-00000000000000000000000000000000-b7ad6b7169203331-01",
  ])
  func `what is no traceparent is refused`(value: String) {
    #expect(withSlice(value, TraceContext.parse) == nil)
  }

  @Test(arguments: ["", "-", "-what the future brings", "-00"])
  func `a higher version is read by its first four fields and written as 00`(
    rest: String
  ) throws {
    let context = try #require(withSlice("cc" + good.dropFirst(2) + rest, TraceContext.parse))
    #expect(text(context) == good)
  }

  @Test func `half an id of zeros is allowed`() {
    for value in [
      "00-00000000000000008448eb211c80319c-b7ad6b7169203331-01",
      "00-0af7651916cd43dd0000000000000000-b7ad6b7169203331-01",
    ] { #expect(withSlice(value, TraceContext.parse) != nil) }
  }

  @Test func `no truncation and no single changed byte traps`() {
    for count in 0..<good.utf8.count {
      #expect(withSlice(String(good.prefix(count)), TraceContext.parse) == nil)
    }
    for position in 0..<good.utf8.count {
      for byte in UInt8.min...UInt8.max {
        var bytes = Array(good.utf8)
        bytes[position] = byte
        guard let context = withSlice(bytes, TraceContext.parse) else { continue }
        #expect(withSlice(text(context), TraceContext.parse) == context)
      }
    }
  }

  @Test func `a child keeps the trace and has a span of its own`() {
    var random = Xoroshiro(seed: 1)
    let start = TraceContext.start(random: &random, isSampled: true)
    let child = start.child(random: &random)
    #expect(child.traceHigh == start.traceHigh && child.traceLow == start.traceLow)
    #expect(child.span != start.span && child.isSampled)
    #expect(withSlice(text(start), TraceContext.parse) == start)
    let other = TraceContext.start(random: &random, isSampled: false)
    #expect(other.traceLow != start.traceLow && !other.isSampled)
  }

  @Test func `too little room writes nothing`() {
    let context = TraceContext(traceHigh: 1, traceLow: 2, span: 3, isSampled: true)
    for capacity in 0..<55 { #expect(written(capacity: capacity) { context.write(to: &$0) } == []) }
  }
}

@Suite struct TraceStateTests {
  private func isValid(_ lines: String...) -> Bool {
    var state = TraceState()
    for line in lines { withSlice(line) { state.take($0) } }
    return state.isValid
  }

  @Test(arguments: [
    "", "a=1", "congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1 , b=2",
    "a=1,,b=2",
    " a=1\t", "a=1;b", "fw529a3039@dt=FfffFFff", "1a@b=c", "a_-*/0=!~", "a= b", ",",
    "a=" + String(repeating: "v", count: 256), String(repeating: "k", count: 256) + "=1",
    String(repeating: "k", count: 241) + "@" + String(repeating: "s", count: 14) + "=1",
  ])
  func `a list of members is valid`(line: String) { #expect(isValid(line)) }

  @Test(arguments: [
    "a", "=1", "a=", "A=1", "1a=1", "a b=1", "a=b=c", "a=é", "a=\u{1}", "@b=1", "a@=1", "a@1=1",
    "a@b@c=1", "a\u{7f}=1", "a=1,b", "a=" + String(repeating: "v", count: 257),
    String(repeating: "k", count: 257) + "=1", String(repeating: "k", count: 242) + "@b=1",
    "k@" + String(repeating: "s", count: 15) + "=1",
  ])
  func `what is no list of members is not`(line: String) {
    #expect(!isValid(line))
  }

  @Test func `at most 32 members, over all lines`() {
    let sixteen = (0..<16).map { "k\($0)=1" }.joined(separator: ",")
    #expect(isValid(sixteen, sixteen))
    #expect(!isValid(sixteen, sixteen, "x=1"))
    #expect(isValid(sixteen, sixteen, ",,"))
  }

  @Test func `at most 512 bytes, over all lines with their commas`() {
    let line = "a=" + String(repeating: "v", count: 253)
    let rest = "b=" + String(repeating: "v", count: 254)
    #expect(line.utf8.count + 1 + rest.utf8.count == 512)
    #expect(isValid(line, rest))
    #expect(!isValid(line, rest + "v"))
  }
}
