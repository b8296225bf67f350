// Why this file exists: the whole of it with real threads: workers that serve while everything
// under them is exchanged again and again, and nobody notices.
import EventLoop
import Glibc
import Primitives
import Telemetry
import Testing

@testable import Proxy

@Suite(.serialized, .timeLimit(.minutes(2))) struct `A data plane that is changed while it serves` {
  private let facts = SharedFacts()
  private let backend: LoopbackBackend

  init() throws {
    Signals.ignoreBrokenPipes()
    backend = try LoopbackBackend(facts)
  }

  private func live(
    _ range: ClosedRange<UInt32>, generation: UInt64 = 1, extra: String? = nil,
    settings: String = ""
  ) throws -> LiveConfiguration {
    var services = [(name: "a", backends: ["one.test:\(backend.port)"], more: settings)]
    if let extra { services.append((extra, ["127.0.0.9:\(backend.port)"], "")) }
    return try liveConfiguration(
      services, names: ["one.test": addresses(range)], generation: generation,
      more: "shutdown: {drain: 1s}")
  }

  private func started(_ live: LiveConfiguration, workers: Int = 2) throws -> DataPlane {
    let dataPlane = try DataPlane(
      live, DataPlaneSettings(workers: workers, connections: 512),
      seed: SystemRandomNumberGenerator())
    try dataPlane.start()
    return dataPlane
  }

  private func port(_ dataPlane: DataPlane) throws -> UInt16 {
    let address = try #require(dataPlane.boundAddresses.first)
    return try #require(UInt16(address.split(separator: ":").last ?? ""))
  }

  private func requests(_ dataPlane: DataPlane) -> UInt64 {
    dataPlane.shards.reduce(0) { sum, shard in
      (0..<shard.requests.places).reduce(sum) { $0 + (shard.requests.entry(at: $1)?.count ?? 0) }
    }
  }

  /// In a process of its own, because other tests' memory is none of its business.
  @Test func `loses no request and no count over 2,000 changes, and keeps no memory`() async {
    await #expect(processExitsWith: .success) {
      try `A data plane that is changed while it serves`().changeAllTheTime()
    }
  }

  private func changeAllTheTime() throws {
    let dataPlane = try started(live(1...2))
    let port = try port(dataPlane)
    let clients = try (0..<4).map { _ in try LoopbackClient.start(port, "/a/x", facts) }
    var random = Xoroshiro(seed: 3)
    var generation: UInt64 = 1
    var extra: String?
    var resident: [Int] = []
    for round in 0..<2_000 {
      let first = UInt32(random.below(6)) + 1
      if round % 20 == 19 {
        generation += 1
        extra = random.below(2) == 0 ? nil : "extra\(round)"
      }
      dataPlane.adopt(
        try live(
          first...first + UInt32(random.below(3)), generation: generation, extra: extra))
      let before = facts.answered.load()
      try facts.wait { facts.answered.load() >= before + 4 || facts.failed.load() > 0 }
      if facts.failed.load() > 0 { break }
      if round % 500 == 499 { resident.append(ProcessFacts.residentBytes() ?? 0) }
    }
    // What is lost with every change is lost in each part of the run; what is kept for the next
    // change is not. A snapshot has at least 16 KiB.
    let grown = zip(resident, resident.dropFirst()).map { $1 - $0 }.min() ?? 0
    facts.isOver.store(1)
    for client in clients { client.join() }
    #expect(facts.failed.load() == 0)
    try facts.wait { dataPlane.collect() }
    #expect(dataPlane.retiredSnapshots == 0)
    // A client may have read an answer that is not recorded yet.
    try facts.wait { dataPlane.exchangesInFlight == 0 }
    #expect(requests(dataPlane) == facts.answered.load())
    // Address sanitizer keeps freed memory for a while to find its use.
    if dlsym(nil, "__asan_init") == nil { #expect(grown < 6 << 20, "\(resident)") }
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }

  @Test func `a request under way keeps its snapshot and its connection until it is over`()
    throws
  {
    let dataPlane = try started(live(1...1), workers: 1)
    let client = try LoopbackClient(port(dataPlane))
    let asking = try WorkerThread.start(name: "held") { [facts] in
      if client.get("/a/held")?.hasPrefix("HTTP/1.1 200 ") == true { facts.answered.add(1) }
    }
    try facts.wait { dataPlane.gauges.first?.active == 1 }
    dataPlane.adopt(try live(2...2))
    try facts.wait {
      _ = dataPlane.collect()
      return dataPlane.gauges.count == 2
    }
    let other = try LoopbackClient(port(dataPlane))
    #expect(other.get("/a/x")?.hasPrefix("HTTP/1.1 200 ") == true)
    #expect(dataPlane.retiredSnapshots == 1)
    try facts.wait { dataPlane.exchangesInFlight == 1 }
    #expect(dataPlane.gauges.map(\.active) == [1, 0])
    #expect(dataPlane.gauges.map(\.open) == [1, 1])
    facts.mayAnswer.store(1)
    asking.join()
    #expect(facts.answered.load() == 1)
    try facts.wait { dataPlane.collect() }
    #expect(dataPlane.layout.backends.map(\.name) == ["127.0.0.2:\(backend.port)"])
    for one in [client, other] { one.end() }
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }

  /// Asks for /a/held until all have been answered.
  private func hold(_ clients: [LoopbackClient]) throws -> [WorkerThread] {
    try clients.map { client in
      try WorkerThread.start(name: "held") { [facts] in
        let isAnswered = client.get("/a/held")?.hasPrefix("HTTP/1.1 200 ") == true
        (isAnswered ? facts.answered : facts.failed).add(1)
        client.end()
      }
    }
  }

  @Test func `a request that waits for a connection gets one to a backend that has come`() throws {
    let single = "connections: {max: 1, queue_timeout: 1m}"
    let dataPlane = try started(live(1...1, settings: single), workers: 1)
    let port = try port(dataPlane)
    let first = try hold([LoopbackClient(port)])
    try facts.wait { dataPlane.gauges.first?.active == 1 }
    let second = try hold([LoopbackClient(port)])
    try facts.wait { dataPlane.exchangesInFlight == 2 }
    #expect(dataPlane.gauges.map(\.active) == [1])
    dataPlane.adopt(try live(2...2, settings: single))
    // The one that waited is on the newest snapshot now, the other keeps its own.
    try facts.wait { dataPlane.gauges.map(\.active) == [1, 1] }
    #expect(dataPlane.exchangesInFlight == 2 && dataPlane.retiredSnapshots == 1)
    facts.mayAnswer.store(1)
    for thread in first + second { thread.join() }
    #expect(facts.answered.load() == 2)
    try facts.wait { dataPlane.collect() && dataPlane.exchangesInFlight == 0 }
    #expect(requests(dataPlane) == 2)
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }

  @Test func `a request that waits for a service that has gone keeps its place`() throws {
    let single = "connections: {max: 1, queue_timeout: 1m}"
    let dataPlane = try started(live(1...1, settings: single), workers: 1)
    let port = try port(dataPlane)
    let first = try hold([LoopbackClient(port)])
    try facts.wait { dataPlane.gauges.first?.active == 1 }
    let second = try hold([LoopbackClient(port)])
    try facts.wait { dataPlane.exchangesInFlight == 2 }
    dataPlane.adopt(
      try liveConfiguration([("b", ["127.0.0.9:\(backend.port)"], "")], generation: 2))
    let other = try LoopbackClient(port)
    #expect(other.get("/a/x")?.contains("no_route") == true)
    other.end()
    facts.mayAnswer.store(1)
    for thread in first + second { thread.join() }
    #expect(facts.answered.load() == 2)
    try facts.wait { dataPlane.collect() }
    #expect(dataPlane.layout.services.map(\.name) == ["-", "b"])
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }

  @Test func `a removed backend's idle connections are closed, another's stay open`() throws {
    let dataPlane = try started(live(1...2), workers: 1)
    let client = try LoopbackClient(port(dataPlane))
    for _ in 0..<4 { #expect(client.get("/a/x") != nil) }
    try facts.wait { dataPlane.gauges.map(\.idle) == [1, 1] }
    dataPlane.adopt(try live(2...2))
    try facts.wait { dataPlane.collect() }
    #expect(dataPlane.gauges.map(\.idle) == [1])
    for _ in 0..<4 { #expect(client.get("/a/x") != nil) }
    let opened = dataPlane.layout.backends.map { dataPlane.shards[0].poolOpened(backend: $0.index) }
    #expect(opened.map(\.value) == [1])
    client.end()
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }

  @Test func `a backend that is given another's number begins to count at nothing`() throws {
    let dataPlane = try started(live(1...4), workers: 1)
    let client = try LoopbackClient(port(dataPlane))
    for _ in 0..<4 { #expect(client.get("/a/x") != nil) }
    #expect((0..<4).allSatisfy { dataPlane.shards[0].poolOpened(backend: $0).value == 1 })
    // Two go, are forgotten, and their numbers are free.
    for range in [2...3, 2...2, 5...5] as [ClosedRange<UInt32>] {
      dataPlane.adopt(try live(range))
      try facts.wait { dataPlane.collect() }
    }
    let newest = try #require(dataPlane.layout.backends.first)
    #expect([0, 3].contains(newest.index) && newest.name == "127.0.0.5:\(backend.port)")
    #expect(dataPlane.shards[0].poolOpened(backend: newest.index).value == 0)
    client.end()
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }

  @Test func `a service without an address answers no_backend until one is there`() throws {
    let empty = try liveConfiguration([("a", ["one.test:\(backend.port)"], "")])
    let dataPlane = try started(empty, workers: 1)
    let client = try LoopbackClient(port(dataPlane))
    let refusal = try #require(client.get("/a/x"))
    #expect(refusal.contains(" 503 ") && refusal.contains("no_backend"))
    client.end()
    dataPlane.adopt(try live(1...1))
    try facts.wait { dataPlane.collect() }
    let second = try LoopbackClient(port(dataPlane))
    #expect(second.get("/a/x")?.hasPrefix("HTTP/1.1 200 ") == true)
    second.end()
    #expect(dataPlane.stop() == 0)
    backend.stop()
  }
}
