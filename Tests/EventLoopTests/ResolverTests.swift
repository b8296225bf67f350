// Why this file exists: names to addresses, without asking any network: what the machine knows of
// itself is enough.

import EventLoop
import Primitives
import Testing

@Suite(.serialized, .timeLimit(.minutes(3)))
struct ResolverTests {
  let v4Loopback = IPAddress(v4: 0x7f00_0001)

  @Test func `An address in text form is its own answer`() throws {
    #expect(try Resolver.resolve("127.0.0.1") == [v4Loopback])
    #expect(try Resolver.resolve("::1") == [IPAddress(high: 0, low: 1)])
  }

  @Test func `The machine's own name is known, each address once`() throws {
    let found = try Resolver.resolve("localhost")
    #expect(found.contains(v4Loopback))
    #expect(Set(found).count == found.count)
  }

  @Test func `A name that cannot be one is an error that names it`() throws {
    #expect {
      try Resolver.resolve("no such host")
    } throws: { error in
      "\(error)".hasPrefix("look up no such host: ")
    }
  }

  @Test func `A loop gets the same answer without waiting`() throws {
    let loop = try Loop.create()
    var answers: [Result<[IPAddress], EventLoopError>] = []
    let resolution = try Resolution.start(loop, host: "127.0.0.1") { answers.append($0) }
    #expect(answers.isEmpty)
    turn(loop) { !answers.isEmpty }
    #expect(try answers[0].get() == [v4Loopback])
    resolution.cancel()
    _ = try Resolution.start(loop, host: "no such host") { answers.append($0) }
    turn(loop) { answers.count == 2 }
    #expect(throws: EventLoopError.self) { try answers[1].get() }
    #expect(loop.destroy() == 0)
  }

  @Test func `A cancelled look-up is never told`() throws {
    let loop = try Loop.create()
    var called = false
    for _ in 0..<16 {
      let resolution = try Resolution.start(loop, host: "127.0.0.1") { _ in called = true }
      resolution.cancel()
      resolution.cancel()
    }
    while loop.runOnce(waiting: true) {}
    #expect(!called)
    #expect(loop.destroy() == 0)
  }
}
