// Why this file exists: memory and numbers must come back as soon as nobody can use them, and not
// one step before; here the workers are played by hand, step by step.
import Balancing
import Configuration
import Forwarding
import Primitives
import Telemetry
import Testing

@testable import Proxy

/// A configuration with one service for each entry of `services`, and a route of the same name.
func liveConfiguration(
  _ services: [(name: String, backends: [String], more: String)],
  names: [String: [IPAddress]] = [:],
  generation: UInt64 = 1, more: String = ""
) throws -> LiveConfiguration {
  var text = "listeners: [{address: 127.0.0.1:0}]\nadmin: none\nworkers: 1\n"
  text += "logging: {access: {output: none}}\n\(more)\nservices:\n"
  for service in services {
    let backends = service.backends.joined(separator: ", ")
    let more = service.more.isEmpty ? "" : ", " + service.more
    text += "  \(service.name): {backends: [\(backends)]\(more)}\n"
  }
  text += "routes:\n"
  for service in services {
    text += "  - {name: \(service.name), match: {path: /\(service.name)/*}, "
    text += "service: \(service.name)}\n"
  }
  let environment = ConfigurationEnvironment(
    variable: { _ in nil }, file: { _ in .failure(.system(2)) }, missingFileIsWarning: false)
  let result = ConfigurationLoader.load(
    Array(text.utf8), fileName: "test", environment: environment)
  let words = DiagnosticRenderer.text(result, isColoured: false)
  let configuration = try #require(result.configuration, "\(words)")
  return LiveConfiguration(configuration, names: names, generation: generation)
}

func addresses(_ last: ClosedRange<UInt32>) -> [IPAddress] {
  last.map { IPAddress(v4: 0x7F00_0000 | $0) }
}

private let start = Instant(nanoseconds: 1_000_000_000)

/// One worker's part, without a loop.
private struct Follower {
  let chain: SnapshotChain
  let index: Int
  var change: ChangeRef
  var metrics: MetricsShard
  var held: [UnsafePointer<Snapshot>] = []

  init(_ chain: SnapshotChain, _ index: Int) {
    self.chain = chain
    self.index = index
    change = chain.first
    metrics = chain.shards[index]
  }

  /// Takes one change over; false when there is none.
  mutating func step() -> Bool {
    guard let next = change.pointee.following else { return false }
    if let shards = next.pointee.shards {
      shards[index].take(over: metrics, without: next.pointee.forgotten)
      metrics = shards[index]
    } else {
      metrics.forget(backends: next.pointee.forgotten.backends)
    }
    change = next
    chain.adopted[8 * index].storeReleasing(next.pointee.sequence)
    return true
  }

  mutating func catchUp() { while step() {} }

  mutating func begin() {
    held.append(change.pointee.snapshot)
    Snapshot.users(of: change.pointee.snapshot, worker: index).increment()
  }

  mutating func endFirst() {
    Snapshot.users(of: held.removeFirst(), worker: index).decrementReleasing()
  }

  /// The number of the only backend whose label ends like this.
  func number(_ service: Int, _ label: String) -> Int? {
    let snapshot = change.pointee.snapshot.pointee
    let entry = snapshot.services[service]
    for position in 0..<entry.view.count {
      let backend = snapshot.backends[Int(entry.first) + position]
      let text = String(decoding: backend.label.buffer, as: UTF8.self)
      if text.hasSuffix(label) { return backend.shared.poolIndex }
    }
    return nil
  }
}

@Suite struct `A chain of snapshots` {
  private func chain(_ live: LiveConfiguration, workers: Int = 2) -> (SnapshotChain, [Follower]) {
    let chain = SnapshotChain(live, workers: workers, hashKey: 7, now: start)
    return (chain, (0..<workers).map { Follower(chain, $0) })
  }

  @Test func `keeps the words and the number of what stays`() throws {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...2)])
    var (chain, workers) = chain(live, workers: 1)
    defer { chain.destroy() }
    let second = try #require(workers[0].number(0, "127.0.0.2:80"))
    let words = chain.current.pointer.pointee.backends[1].shared
    words.active.store(5)
    live.names = ["one.test": addresses(2...3)]
    chain.adopt(live, now: start)
    workers[0].catchUp()
    #expect(workers[0].number(0, "127.0.0.2:80") == second)
    #expect(workers[0].number(0, "127.0.0.1:80") == nil)
    #expect(chain.current.pointer.pointee.backends[0].shared.active.load() == 5)
    #expect(chain.revision == 2)
  }

  @Test func `frees a snapshot when the last worker and the last exchange have left it`()
    throws
  {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...1)])
    var (chain, workers) = chain(live)
    defer { chain.destroy() }
    workers[0].begin()
    live.names = ["one.test": addresses(2...2)]
    chain.adopt(live, now: start)
    #expect(!chain.collect() && chain.retiredCount == 1)
    workers[0].catchUp()
    #expect(!chain.collect() && chain.retiredCount == 1, "one worker has not looked yet")
    workers[1].catchUp()
    #expect(!chain.collect() && chain.retiredCount == 1, "an exchange is under way")
    #expect(chain.exchangesInFlight == 1)
    workers[0].endFirst()
    #expect(chain.collect() && chain.retiredCount == 0)
    #expect(chain.exchangesInFlight == 0)
  }

  @Test func `a worker that sleeps through many changes takes them all, in their order`() throws {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...1)])
    var (chain, workers) = chain(live)
    defer { chain.destroy() }
    for last in 2...40 as ClosedRange<UInt32> {
      live.names = ["one.test": addresses(1...last)]
      chain.adopt(live, now: start)
      workers[0].catchUp()
    }
    workers[0].metrics.poolOpened(backend: 39).add(3)
    workers[1].metrics.poolOpened(backend: 0).add(4)
    #expect(chain.retiredCount == 39)
    var seen: [Int] = []
    while workers[1].step() {
      seen.append(workers[1].change.pointee.snapshot.pointee.backendCount)
    }
    #expect(seen == Array(2...40))
    #expect(chain.collect())
    #expect(chain.shards.map { $0.poolOpened(backend: 0).value } == [0, 4])
    #expect(chain.shards.map { $0.poolOpened(backend: 39).value } == [3, 0])
  }

  @Test func `a number is given again when all have forgotten its owner, and counts from nothing`()
    throws
  {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...2)])
    var (chain, workers) = chain(live)
    defer { chain.destroy() }
    func adopt(_ range: ClosedRange<UInt32>, catchingUp: Bool = true) {
      live.names = ["one.test": addresses(range)]
      chain.adopt(live, now: start)
      if catchingUp { for index in workers.indices { workers[index].catchUp() } }
    }
    let old = try #require(workers[0].number(0, "127.0.0.1:80"))
    workers[0].metrics.poolOpened(backend: old).add(9)
    adopt(2...3)
    #expect(workers[0].number(0, "127.0.0.3:80") == 2, "the first may still be in use")
    #expect(chain.collect())
    // It is abandoned now; this change has the workers forget it.
    adopt(2...4, catchingUp: false)
    #expect(!chain.collect())
    for index in workers.indices { workers[index].catchUp() }
    #expect(workers[0].number(0, "127.0.0.4:80") == 3)
    #expect(chain.collect())
    adopt(2...5)
    #expect(workers[0].number(0, "127.0.0.5:80") == old)
    #expect(workers[0].metrics.poolOpened(backend: old).value == 0)
  }

  @Test func `a backend that comes back while an exchange holds it is the same one`() throws {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...1)])
    var (chain, workers) = chain(live, workers: 1)
    defer { chain.destroy() }
    workers[0].begin()
    let number = try #require(workers[0].number(0, "127.0.0.1:80"))
    for range in [2...2, 1...2] as [ClosedRange<UInt32>] {
      live.names = ["one.test": addresses(range)]
      chain.adopt(live, now: start)
      workers[0].catchUp()
    }
    #expect(workers[0].number(0, "127.0.0.1:80") == number)
  }

  @Test func `the layout names what draining exchanges still use, and no more`() throws {
    var (chain, workers) = try chain(
      liveConfiguration([("a", ["10.0.0.1:80"], ""), ("b", ["10.0.0.2:80"], "")]), workers: 1)
    defer { chain.destroy() }
    workers[0].begin()
    chain.adopt(try liveConfiguration([("b", ["10.0.0.3:80"], "")], generation: 2), now: start)
    workers[0].catchUp()
    chain.collect()
    #expect(chain.layout.routes.map(\.name) == ["-", "a", "b"])
    #expect(chain.layout.backends.map(\.name) == ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"])
    workers[0].endFirst()
    chain.collect()
    #expect(chain.layout.routes.map(\.name) == ["-", "b"])
    #expect(chain.layout.services.map(\.name) == ["-", "b"])
    #expect(chain.layout.backends.map(\.name) == ["10.0.0.3:80"])
    #expect(chain.gauges.count == 1)
  }

  @Test func `a route that goes to another service is counted anew`() throws {
    var (chain, workers) = try chain(
      liveConfiguration([("a", ["10.0.0.1:80"], ""), ("b", ["10.0.0.2:80"], "")]), workers: 1)
    defer { chain.destroy() }
    let before = chain.current.pointer.pointee.routes[0].number
    var other = try liveConfiguration(
      [("a", ["10.0.0.1:80"], ""), ("b", ["10.0.0.2:80"], "")], generation: 2)
    var share = other.configuration.routes[0].services[0]
    share.service = 1
    other.configuration.routes[0].action = .forward([share])
    chain.adopt(other, now: start)
    workers[0].catchUp()
    #expect(chain.current.pointer.pointee.routes[0].number != before)
    #expect(chain.current.pointer.pointee.position(ofRoute: before) == nil)
  }

  @Test func `snapshots of one configuration share their routes`() throws {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...1)])
    let (chain, _) = chain(live)
    defer { chain.destroy() }
    let routes = chain.current.pointer.pointee.routes
    live.names = ["one.test": addresses(1...2)]
    chain.adopt(live, now: start)
    #expect(chain.current.pointer.pointee.routes == routes)
    live.generation = 2
    chain.adopt(live, now: start)
    #expect(chain.current.pointer.pointee.routes != routes)
  }

  @Test func `one address under two names is one backend`() throws {
    let live = try liveConfiguration(
      [("a", ["one.test:80", "two.test:80", "127.0.0.2:80"], "")],
      names: ["one.test": addresses(1...2), "two.test": addresses(2...3)])
    let (chain, workers) = chain(live)
    defer { chain.destroy() }
    #expect(chain.current.pointer.pointee.backendCount == 3)
    #expect(workers[0].number(0, "127.0.0.3:80") == 2)
  }

  @Test func `thousands of changes need no more numbers than there are backends at once`() throws {
    var live = try liveConfiguration(
      [("a", ["one.test:80"], "")], names: ["one.test": addresses(1...3)])
    var (chain, workers) = chain(live)
    defer { chain.destroy() }
    var random = Xoroshiro(seed: 11)
    for round in 0..<2_000 {
      let first = UInt32(random.below(200)) + 1
      live.names = ["one.test": addresses(first...first + UInt32(random.below(4)))]
      if round % 50 == 0 {
        let name = "a\(round)"
        live = try liveConfiguration(
          [(name, ["one.test:80"], "")], names: live.names, generation: live.generation + 1)
      }
      chain.adopt(live, now: start)
      for index in workers.indices {
        switch random.below(4) {
        case 0: _ = workers[index].step()
        case 1: workers[index].begin()
        default: workers[index].catchUp()
        }
        if workers[index].held.count > Int(random.below(4)) { workers[index].endFirst() }
      }
    }
    for index in workers.indices {
      workers[index].catchUp()
      while !workers[index].held.isEmpty { workers[index].endFirst() }
    }
    #expect(chain.collect())
    #expect(chain.retiredCount == 0)
    #expect(chain.registry.backendNumbers < 100)
    #expect(chain.registry.routeNumbers < 10 && chain.registry.serviceNumbers < 10)
  }
}
