// Why this file exists: many backends under watch at once: nobody waits for anybody, the number of
// connections is bounded, and what is watched can change at any time.

import EventLoop
import Glibc
import Health
import Primitives
import Testing

@testable import Probing

private let bad = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"

@Suite(.timeLimit(.minutes(3))) struct `Watching backends` {
  // MARK: State

  @Test func `a backend goes down after three failures and back after two passes, told once each`()
    throws
  {
    let stage = try Stage()
    defer { stage.finish() }
    let script = [good, bad, bad, good, bad, bad, bad, bad, good, bad, good, good, good]
    let peer = try stage.peer { .answer(script[min($0, script.count - 1)]) }
    stage.prober.watch([target("b", peer.address)])
    stage.turn { stage.results.count >= script.count }
    let heard = stage.results.prefix(script.count)
    #expect(heard.enumerated().filter(\.element.flipped).map(\.offset) == [6, 11])
    let states = heard.map { $0.isUp ? "u" : "d" }.joined()
    #expect(states == "uuuuuudddddu" + "u")
  }

  @Test func `a backend that is down at first comes up with its first pass`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { .answer($0 < 4 ? bad : good) }
    stage.prober.watch([target("b", peer.address, isInitiallyUp: false)])
    #expect(stage.prober.report(stage.identity("b"))?.isUp == false)
    stage.turn { stage.results.count >= 6 }
    #expect(stage.results.prefix(6).map(\.isUp) == [false, false, false, false, true, true])
    #expect(stage.results.prefix(6).map(\.flipped) == [false, false, false, false, true, false])
  }

  @Test func `the report tells the state, the last result and the next turn`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in .answer(bad) }
    stage.prober.watch([target("b", peer.address, interval: .seconds(30))])
    let before = try #require(stage.prober.report(stage.identity("b")))
    #expect(before.last == nil && before.isUp && before.next != nil)
    stage.turn { !stage.results.isEmpty }
    let after = try #require(stage.prober.report(stage.identity("b")))
    #expect(after.last?.verdict == .fail(.status(500)))
    #expect(after.resultsAgainst == 1 && after.isUp)
    let result = try #require(stage.results.first)
    #expect(after.last?.at == result.at)
    let next = try #require(after.next)
    // A failure is looked into after a quarter of the interval.
    #expect(next > result.at && next <= result.at + .milliseconds(8_250))
    #expect(stage.prober.report(stage.identity("other")) == nil)
  }

  // MARK: Nobody waits for anybody

  @Test func `regression 23: a hanging backend does not delay the probes of another`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let hanging = try stage.peer { _ in .hang }
    let quick = try stage.peer { _ in .answer(good) }
    stage.prober.watch([target("hangs", hanging.address), target("quick", quick.address)])
    stage.turn { hanging.requests.count == 1 && stage.results(of: "quick").count >= 50 }
    // It is asked one question at a time.
    #expect(hanging.connections.count == 1)
    #expect(stage.results(of: "hangs").isEmpty)
  }

  @Test func `more hanging backends than places take at most three quarters of them`() throws {
    let stage = try Stage(places: 8)
    defer { stage.finish() }
    let hanging = try stage.peer { _ in .hang }
    let quick = try stage.peer { _ in .answer(good) }
    let hangers = (1...20).map {
      target("h\($0)", hanging.address, timeout: .milliseconds(30))
    }
    stage.prober.watch(hangers)
    // All are known for what they are, and there are always more of them in line than places.
    stage.turn { hangers.allSatisfy { stage.verdicts(of: $0.identity.backend).count >= 1 } }
    stage.prober.watch(hangers + [target("quick", quick.address)])
    stage.turn { stage.results(of: "quick").count >= 50 }
    #expect(stage.mostHanging == 6)
    #expect(stage.mostHeld <= 8)
    // Each of the hanging ones has its turn all the same.
    stage.turn { hangers.allSatisfy { stage.verdicts(of: $0.identity.backend).count >= 3 } }
    #expect(stage.verdicts(of: "h1").allSatisfy { $0 == .fail(.timeout) })
  }

  @Test func `a thousand backends are all probed over a bounded number of connections`() throws {
    let stage = try Stage(places: 16)
    defer { stage.finish() }
    let peer = try stage.peer { _ in .answer(good) }
    let port = peer.socket.boundEndpoint.port
    let targets = (0..<1_000).map {
      target("b\($0)", .tcp(loopback(port, host: UInt8(1 + $0 % 250))), interval: .seconds(2))
    }
    stage.prober.watch(targets)
    stage.turn { Set(stage.results.map(\.identity)).count == 1_000 }
    #expect(stage.mostHeld <= 16)
    #expect(stage.results.allSatisfy { $0.verdict == .pass(status: 200) })
  }

  @Test func `a backend that does not close gives up its place to one that waits`() throws {
    let stage = try Stage(places: 1)
    defer { stage.finish() }
    let stubborn = try stage.peer { _ in .pieces([good]) }
    stage.prober.watch(
      (0..<5).map { target("b\($0)", stubborn.address, interval: .milliseconds(10)) })
    var isAnyoneKeptWaiting = false
    stage.turn {
      if !stage.prober.answering.isEmpty, !stage.prober.lingering.isEmpty {
        isAnyoneKeptWaiting = true
      }
      return (0..<5).allSatisfy { stage.results(of: "b\($0)").count >= 5 }
    }
    #expect(!isAnyoneKeptWaiting)
  }

  // MARK: Changes

  @Test func `a backend that is watched no more is not asked again`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let leaving = try stage.peer { _ in .answer(good) }
    let staying = try stage.peer { _ in .answer(good) }
    let stays = target("stays", staying.address)
    stage.prober.watch([stays, target("leaves", leaving.address)])
    stage.turn { stage.results(of: "leaves").count >= 3 }
    stage.prober.watch([stays])
    // One that was under way may still be seen by the backend.
    stage.turn { leaving.openNow == 0 }
    let asked = leaving.connections.count
    let results = stage.results(of: "leaves").count
    let seen = stage.results(of: "stays").count
    stage.turn { stage.results(of: "stays").count >= seen + 30 }
    #expect(leaving.connections.count == asked)
    #expect(stage.results(of: "leaves").count == results)
  }

  @Test func `a probe under way when its backend goes has no result and is closed`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let hanging = try stage.peer { _ in .hang }
    stage.prober.watch([target("b", hanging.address, unhealthyAfter: 1)])
    stage.turn { hanging.requests.count == 1 }
    stage.prober.watch([])
    stage.turn { hanging.connections[0].end != nil }
    #expect(stage.results.isEmpty)
  }

  @Test func `a change that does not touch a backend leaves its state and its turn`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in .answer(bad) }
    let watched = target("b", peer.address, interval: .seconds(30), unhealthyAfter: 1)
    stage.prober.watch([watched])
    stage.turn { !stage.results.isEmpty }
    let before = stage.prober.report(stage.identity("b"))
    let other = try stage.peer { _ in .answer(good) }
    stage.prober.watch([watched, target("other", other.address)])
    #expect(stage.prober.report(stage.identity("b")) == before)
    #expect(before?.isUp == false)
  }

  @Test func `another path is asked soon, without the results of the old one`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in .answer(bad) }
    stage.prober.watch([target("b", peer.address, path: "/old", interval: .seconds(3_000))])
    stage.turn { !stage.results.isEmpty }
    stage.prober.watch([target("b", peer.address, path: "/new", interval: .seconds(3_000))])
    #expect(stage.prober.report(stage.identity("b"))?.resultsAgainst == 0)
    stage.turn { stage.results.count >= 2 }
    #expect(peer.requests.last?.hasPrefix("GET /new ") == true)
  }

  @Test func `another path replaces a question under way, whose answer does not count`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { $0 == 0 ? .hang : .answer(good) }
    stage.prober.watch([target("b", peer.address, path: "/old", unhealthyAfter: 1)])
    stage.turn { peer.requests.count == 1 }
    stage.prober.watch([target("b", peer.address, path: "/new", unhealthyAfter: 1)])
    stage.turn { stage.results.count >= 3 }
    #expect(stage.results.allSatisfy { $0.verdict == .pass(status: 200) })
    #expect(peer.requests.filter { $0.hasPrefix("GET /old ") }.count == 1)
  }

  @Test func `a shorter interval takes effect at once`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in .answer(good) }
    stage.prober.watch([target("b", peer.address, interval: .seconds(3_000))])
    stage.turn { !stage.results.isEmpty }
    stage.prober.watch([target("b", peer.address, interval: .milliseconds(5))])
    stage.turn { stage.results.count >= 5 }
  }

  @Test func `the end closes what is asking, and what stands in line`() throws {
    let stage = try Stage(places: 3)
    let hanging = try stage.peer { _ in .hang }
    stage.prober.watch((0..<6).map { target("h\($0)", hanging.address) })
    stage.turn { hanging.requests.count >= 3 && !stage.prober.answering.isEmpty }
    stage.finish()
  }

  @Test func `the end closes what waits for its backend to close`() throws {
    let stage = try Stage()
    let stubborn = try stage.peer { _ in .pieces([good]) }
    stage.prober.watch([target("b", stubborn.address, interval: .seconds(60))])
    stage.turn { !stage.results.isEmpty }
    stage.finish()
    #expect(stage.prober.report(stage.identity("b")) == nil)
  }

  // MARK: Addresses

  @Test func `a unix backend is probed over its socket`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let path = "/tmp/gateway-probing-test-\(getpid()).sock"
    let peer = try ScriptedPeer(stage.loop, unix: path) { _ in .answer(good) }
    stage.peers.append(peer)
    stage.prober.watch([target("unix:\(path)", peer.address)])
    stage.turn { stage.results.count >= 3 }
    #expect(stage.results.allSatisfy { $0.verdict == .pass(status: 200) })
    #expect(peer.requests.first?.contains("\r\nHost: example.com\r\n") == true)
  }
}

extension Stage {
  func identity(_ backend: String) -> ProbeTarget.Identity {
    ProbeTarget.Identity(service: "s", backend: backend)
  }
}
