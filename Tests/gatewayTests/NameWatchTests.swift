// Why this file exists: names are asked on the loop and never waited for, what changes is handed on
// once, and memory is asked for until it is free; with stand-ins for the resolver and the workers.

import EventLoop
import Primitives
import Proxy
import Testing

@testable import Configuration
@testable import gateway

/// Answers when it is told to.
private final class Resolving: NameSource {
  var waiting: [(host: String, completion: (Answer) -> Void)] = []
  var cancelled: [String] = []

  func lookUp(
    _ host: String, on loop: Loop, _ completion: @escaping (Answer) -> Void
  ) throws(EventLoopError) -> () -> Void {
    waiting.append((host, completion))
    return { self.cancelled.append(host) }
  }

  func answer(_ last: UInt32...) {
    let first = waiting.removeFirst()
    first.completion(.success(last.map { IPAddress(v4: 0x7F00_0000 | $0) }))
  }

  func fail(_ reason: String) {
    let first = waiting.removeFirst()
    first.completion(.failure(EventLoopError(operation: "look up", reason: reason)))
  }
}

private func configuration(_ services: String...) throws -> GatewayConfiguration {
  let list = services.enumerated().map { "  s\($0): \($1)" }.joined(separator: "\n")
  let text = """
    listeners: [{address: 127.0.0.1:8080}]
    services:
    \(list)
    routes: [{match: {path: /*}, service: s0}]

    """
  return try configuration(text: text)
}

@Suite struct `The watch over names` {
  private let loop: Loop
  private let resolving = Resolving()
  private let lines = LogLines()
  private let watch: NameWatch

  init() throws {
    loop = try Loop.create()
    watch = NameWatch(loop, lines.logger(), seed: 1, source: resolving)
  }

  @Test func `hands on what changed, once, and nothing else`() throws {
    var changes: [[String: [IPAddress]]] = []
    watch.onChange = { changes.append($0) }
    watch.watch(
      try configuration("{backends: [one.test:80, 127.0.0.1:80], resolve_every: 100ms}"))
    #expect(resolving.waiting.map(\.host) == ["one.test"])
    func turn() { while resolving.waiting.isEmpty { loop.runOnce(waiting: true) } }
    resolving.answer(1, 2)
    #expect(changes.count == 1)
    turn()
    resolving.answer(2, 1)
    #expect(changes.count == 1)
    turn()
    resolving.fail("no name server")
    turn()
    resolving.fail("no name server")
    #expect(changes.count == 1)
    turn()
    resolving.answer(2)
    #expect(changes.last == ["one.test": [IPAddress(v4: 0x7F00_0002)]] && changes.count == 2)
    #expect(
      lines.take() == [
        "notice: a name has its addresses",
        "warning: a name does not resolve; its last addresses stay in use",
        "notice: a name has other addresses",
      ])
    watch.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `asks one name once, at the shorter pace of two services`() throws {
    watch.watch(
      try configuration(
        "{backends: [one.test:80], resolve_every: 1h}",
        "{backends: [one.test:81, two.test:80], resolve_every: 100ms}"))
    #expect(resolving.waiting.map(\.host) == ["one.test", "two.test"])
    resolving.answer(1)
    while resolving.waiting.count < 2 { loop.runOnce(waiting: true) }
    #expect(resolving.waiting.map(\.host) == ["two.test", "one.test"])
    watch.close()
    #expect(Set(resolving.cancelled) == ["one.test", "two.test"])
    #expect(loop.destroy() == 0)
  }

  @Test func `has the names of the next configuration before that is in use`() throws {
    var changes = 0
    watch.onChange = { _ in changes += 1 }
    let current = try configuration("{backends: [one.test:80]}")
    let next = try configuration("{backends: [two.test:80, three.test:80]}")
    watch.watch(current)
    resolving.answer(1)
    #expect(changes == 1)
    var isReady = false
    watch.prepare(next, after: current) { isReady = true }
    #expect(resolving.waiting.map(\.host) == ["three.test", "two.test"])
    resolving.answer(3)
    #expect(!isReady)
    resolving.fail("no such name")
    #expect(isReady)
    // Neither has anybody else been told, nor the present ones forgotten.
    #expect(changes == 1)
    #expect(Set(watch.addresses.keys) == ["one.test", "three.test"])
    watch.watch(next)
    #expect(Set(watch.addresses.keys) == ["three.test"])
    isReady = false
    watch.prepare(current, after: next) { isReady = true }
    watch.watch(next)
    #expect(resolving.cancelled == ["one.test"])
    watch.prepare(next, after: next) { isReady = true }
    #expect(isReady)
    watch.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `holds up a start until each name has an answer or a failure, and no longer`() throws {
    watch.onChange = { _ in Issue.record("there is nobody yet to tell") }
    watch.watch(try configuration("{backends: [one.test:80, two.test:80]}"))
    let resolving = resolving
    let owner = Unmanaged.passUnretained(resolving)
    let timer = Timer.create(loop, owner: owner.toOpaque()) { owner in
      let resolving = Unmanaged<Resolving>.fromOpaque(owner).takeUnretainedValue()
      resolving.answer(1)
      resolving.fail("unknown")
    }
    timer.start(at: loop.now + .milliseconds(1))
    watch.awaitFirstAnswers(atMost: .seconds(50))
    #expect(watch.addresses.keys.sorted() == ["one.test"])
    #expect(lines.take().last == "warning: a name does not resolve; it stands for no address")
    timer.close()
    watch.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `starts without the answers when they take too long`() throws {
    watch.watch(try configuration("{backends: [one.test:80]}"))
    watch.awaitFirstAnswers(atMost: .milliseconds(1))
    #expect(watch.addresses.isEmpty && resolving.waiting.count == 1)
    var changes = 0
    watch.onChange = { _ in changes += 1 }
    resolving.answer(1)
    #expect(changes == 1)
    watch.close()
    #expect(loop.destroy() == 0)
  }

  @Test func `needs no name for addresses`() throws {
    watch.watch(try configuration("{backends: [127.0.0.1:80, '[::1]:80', 'unix:/x']}"))
    watch.awaitFirstAnswers()
    #expect(resolving.waiting.isEmpty)
    watch.close()
    #expect(loop.destroy() == 0)
  }
}

@Suite struct `Changes of what is in use` {
  private final class Target: ChangeTarget {
    var live: LiveConfiguration
    var adopted: [LiveConfiguration] = []
    /// So often there is something left.
    var remaining = 0

    init(_ live: LiveConfiguration) { self.live = live }

    func adopt(_ live: LiveConfiguration, _ prepared: PreparedChange) {
      self.live = live
      adopted.append(live)
    }
    func collect() -> Bool {
      remaining -= 1
      return remaining < 0
    }
  }

  @Test func `are handed on, told to who follows, and collected until nothing is left`() throws {
    let loop = try Loop.create()
    let target = Target(
      LiveConfiguration(try configuration("{backends: [one.test:80]}"), names: [:], generation: 4))
    target.remaining = 3
    let changes = Changes(target, loop)
    var told: [[String: [IPAddress]]] = []
    changes.onAdopted.append { told.append($0.names) }
    let names = ["one.test": [IPAddress(v4: 0x7F00_0001)]]
    changes.adopt(names: names)
    #expect(target.adopted.map(\.generation) == [4] && told == [names])
    #expect(target.remaining == 2)
    while loop.runOnce(waiting: true) {}
    #expect(target.remaining == -1)
    changes.close()
    #expect(loop.destroy() == 0)
  }
}
