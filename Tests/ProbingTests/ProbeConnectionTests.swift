// Why this file exists: every way in which a backend can answer a probe, or not answer it, and what
// the prober makes of it.

import EventLoop
import Glibc
import Health
import Primitives
import Probing
import Testing

/// The first verdict on a backend with this script.
private func verdict(
  statuses: [ClosedRange<UInt16>] = [200...399], timeout: Duration = .seconds(10),
  on script: @escaping (Int) -> Reply
) throws -> ProbeVerdict? {
  let stage = try Stage()
  defer { stage.finish() }
  let peer = try stage.peer(script)
  stage.prober.watch([target("b", peer.address, timeout: timeout, statuses: statuses)])
  stage.turn { !stage.results.isEmpty }
  return stage.results.first?.verdict
}

private let refused = [
  "another protocol": "220 mail.example.com ESMTP\r\n",
  "another version": "HTTP/2.0 200 OK\r\n\r\n",
  "no status": "HTTP/1.1 99 Low\r\n\r\n",
  "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  "an upgrade":
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
  "a long head": "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000) + "\r\n\r\n",
  "many fields": "HTTP/1.1 200 OK\r\n" + String(repeating: "X: y\r\n", count: 300) + "\r\n",
]

@Suite(.timeLimit(.minutes(3))) struct `Verdicts of probes` {
  @Test func `the request is one head with the host and the agent that were given`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in .answer(good) }
    stage.prober.watch([target("b", peer.address, path: "/healthz?deep=1")])
    stage.turn { !stage.results.isEmpty }
    #expect(
      peer.requests.first == """
        GET /healthz?deep=1 HTTP/1.1\r
        Host: example.com\r
        User-Agent: gateway/1.2.3 health-check\r
        Accept: */*\r
        Connection: close\r
        \r\n
        """)
  }

  @Test func `a status in the ranges passes, any other fails by its number`() throws {
    #expect(try verdict { _ in .answer(good) } == .pass(status: 200))
    let teapot = "HTTP/1.1 418 No\r\nContent-Length: 0\r\n\r\n"
    #expect(try verdict { _ in .answer(teapot) } == .fail(.status(418)))
    #expect(
      try verdict(statuses: [200...204, 418...418]) { _ in .answer(teapot) } == .pass(status: 418))
    let broken = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
    #expect(try verdict { _ in .answer(broken) } == .fail(.status(503)))
  }

  @Test func `regression 23: a redirect counts as its status, and nobody goes where it points`()
    throws
  {
    let stage = try Stage()
    defer { stage.finish() }
    let other = try stage.peer { _ in .answer(good) }
    let location = "http://127.0.0.1:\(other.socket.boundEndpoint.port)/elsewhere"
    let redirect = "HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"
    let peer = try stage.peer { _ in .answer(redirect) }
    stage.prober.watch([
      target("lax", peer.address), target("strict", peer.address, statuses: [200...299]),
    ])
    stage.turn {
      stage.results(of: "lax").count >= 5 && stage.results(of: "strict").count >= 5
    }
    #expect(stage.verdicts(of: "lax").allSatisfy { $0 == .pass(status: 302) })
    #expect(stage.verdicts(of: "strict").allSatisfy { $0 == .fail(.status(302)) })
    #expect(other.connections.isEmpty)
    #expect(peer.requests.allSatisfy { $0.hasPrefix("GET /healthz HTTP/1.1\r\n") })
  }

  @Test func `nobody there is connect_refused, over TCP and over a unix socket`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let gone = try ListeningSocket.tcp(loopback(0), reusePort: false)
    // Closing alone would leave it to a program that another test is just starting.
    shutdown(gone.descriptor, Int32(SHUT_RDWR))
    gone.close()
    stage.prober.watch([
      target("tcp", .tcp(gone.boundEndpoint)), target("unix", .unix("/tmp/no-such-socket.here")),
    ])
    stage.turn { !stage.results(of: "tcp").isEmpty && !stage.results(of: "unix").isEmpty }
    #expect(stage.verdicts(of: "tcp").first == .fail(.connectRefused))
    #expect(stage.verdicts(of: "unix").first == .fail(.connectRefused))
  }

  @Test func `what fails at once is connect_failed, however many wait for the place`() throws {
    let stage = try Stage(places: 2)
    defer { stage.finish() }
    // No TCP connection can have this end.
    let nowhere = Endpoint(address: IPAddress(v4: 0xffff_ffff), port: 80)
    let targets = (0..<20).map { target("b\($0)", .tcp(nowhere)) }
    stage.prober.watch(targets)
    stage.turn { targets.allSatisfy { stage.verdicts(of: $0.identity.backend).count >= 4 } }
    #expect(stage.results.allSatisfy { $0.verdict == .fail(.connectFailed) })
    #expect(stage.results.count { $0.flipped } == 20)
    #expect(stage.mostHeld <= 2)
  }

  @Test func `a connection that ends before a whole head is a reset`() throws {
    #expect(try verdict { _ in .close } == .fail(.reset))
    #expect(try verdict { _ in .reset } == .fail(.reset))
    #expect(try verdict { _ in .answer("HTTP/1.1 200 OK\r\nContent-Le") } == .fail(.reset))
    #expect(try verdict { _ in .answer("HTTP/1.1 103 Wait\r\n\r\n") } == .fail(.reset))
  }

  @Test(arguments: refused.keys.sorted())
  func `what traffic would refuse is a protocol error`(name: String) throws {
    let answer = try #require(refused[name])
    #expect(try verdict { _ in .pieces([answer]) } == .fail(.brokeProtocol))
  }

  @Test func `no answer in time is a timeout`() throws {
    let short = Duration.milliseconds(20)
    #expect(try verdict(timeout: short) { _ in .hang } == .fail(.timeout))
    #expect(try verdict(timeout: short) { _ in .pieces(["HTTP/1.1 200 O"]) } == .fail(.timeout))
  }

  @Test func `an answer that came in time counts, though the loop itself was late`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in .pieces([good]) }
    stage.prober.watch([target("b", peer.address, timeout: .seconds(2))])
    // The answer lies in the prober's socket now.
    stage.turn { peer.requests.count == 1 }
    let late = Loop.clock() + .milliseconds(2_010)
    while Loop.clock() < late { poll(nil, 0, 1) }
    stage.turn { !stage.results.isEmpty }
    #expect(stage.results.first?.verdict == .pass(status: 200))
  }

  @Test func `a backend whose queue is full is connect_timeout`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    // A queue of one place, and more connections than it takes.
    let door = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let bound = bindLoopback(door)
    listen(door, 0)
    let fillers = (0..<3).map { _ in startConnecting(to: bound) }
    defer { for descriptor in fillers + [door] { Glibc.close(descriptor) } }
    stage.prober.watch([target("b", .tcp(bound), timeout: .milliseconds(50))])
    stage.turn { !stage.results.isEmpty }
    #expect(stage.results.first?.verdict == .fail(.connectTimeout))
  }

  @Test func `interim responses are skipped, whole or in pieces`() throws {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    #expect(try verdict { _ in .answer(interim + interim + good) } == .pass(status: 200))
    let pieces = [interim, "HTTP/1.1 100 ", "Continue\r\n\r\nHTTP/1.1 204 No", " Content\r\n\r\n"]
    #expect(try verdict { _ in .pieces(pieces) } == .pass(status: 204))
  }

  @Test func `a head may come byte by byte, and be larger than a read`() throws {
    let long = "HTTP/1.1 200 OK\r\nX-Fill: " + String(repeating: "f", count: 30_000)
    #expect(try verdict { _ in .pieces(good.map(String.init)) } == .pass(status: 200))
    #expect(
      try verdict { _ in .pieces([long, "\r\nContent-Length: 0\r\n\r\n"]) } == .pass(status: 200))
  }

  @Test func `the verdict does not wait for the body`() throws {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    #expect(try verdict { _ in .pieces([head]) } == .pass(status: 200))
    #expect(try verdict { _ in .pieces(["HTTP/1.0 200 OK\r\n\r\nold"]) } == .pass(status: 200))
  }

  @Test func `a body is read and thrown away, so that the backend sees no reset`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let peer = try stage.peer { _ in
      .answer("HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "b", count: 20_000))
    }
    stage.prober.watch([target("b", peer.address, interval: .seconds(60))])
    stage.turn { peer.connections.first?.end != nil }
    #expect(peer.connections.first?.end == 0)
    #expect(stage.results.first?.verdict == .pass(status: 200))
  }

  @Test func `a body without end is cut, and so is a backend that does not close`() throws {
    let stage = try Stage()
    defer { stage.finish() }
    let body = [String](repeating: String(repeating: "b", count: 50_000), count: 1_000)
    let endless = try stage.peer { _ in .pieces(["HTTP/1.1 200 OK\r\n\r\n"] + body) }
    let stubborn = try stage.peer { _ in .pieces([good]) }
    stage.prober.watch([
      target("endless", endless.address, interval: .seconds(60)),
      target("stubborn", stubborn.address, interval: .seconds(60)),
    ])
    stage.turn {
      endless.connections.first?.end != nil && stubborn.connections.first?.end != nil
    }
    #expect(endless.connections[0].pieces.count > 900)
    #expect(stubborn.connections.first?.end == 0)
  }

  @Test func `without a descriptor to spare nothing is held against the backend`() async {
    await #expect(processExitsWith: .success) {
      let stage = try Stage()
      let peer = try stage.peer { _ in .answer(good) }
      // All numbers that are free are now kept from traffic.
      DescriptorReserve.keep(limit: 3)
      stage.prober.watch([target("b", peer.address, unhealthyAfter: 1)])
      stage.turn { stage.results.count >= 3 }
      guard stage.results.allSatisfy({ $0.verdict == .skipped && $0.isUp && !$0.flipped }),
        peer.connections.isEmpty
      else { exit(2) }
      DescriptorReserve.keep(limit: 1_024)
      stage.turn { stage.results.contains { $0.verdict == .pass(status: 200) } }
      exit(0)
    }
  }
}

private func bindLoopback(_ descriptor: Int32) -> Endpoint {
  var name = sockaddr_in()
  name.sin_family = sa_family_t(AF_INET)
  name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  withUnsafeMutablePointer(to: &name) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = Glibc.bind(descriptor, $0, size)
      _ = getsockname(descriptor, $0, &size)
    }
  }
  return loopback(UInt16(bigEndian: name.sin_port))
}

private func startConnecting(to endpoint: Endpoint) -> Int32 {
  let descriptor = socket(
    AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
  var name = sockaddr_in()
  name.sin_family = sa_family_t(AF_INET)
  name.sin_port = endpoint.port.bigEndian
  name.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.low).bigEndian
  withUnsafePointer(to: &name) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
    }
  }
  return descriptor
}
