// Why this file exists: backends for the prober's tests, on the prober's own loop: each does what
// the test says, and remembers what was asked of it.

import EventLoop
import Glibc
import Health
import Primitives
import Testing

@testable import Probing

/// What a backend does with a request.
enum Reply {
  /// Sends the text and closes.
  case answer(String)
  /// Sends one piece in each round of the loop and leaves the connection open.
  case pieces([String])
  case hang
  case close
  case reset
}

/// A connection as the backend sees it.
final class PeerConnection {
  let stream = UnsafeMutablePointer<EventLoop.Stream>.allocate(capacity: 1)
  unowned let peer: ScriptedPeer
  var received = ""
  var hasAnswered = false
  var pieces: [String] = []
  /// 0 when the prober has closed, -errno when it has reset.
  var end: Int?
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 4_096)

  init(_ peer: ScriptedPeer) { self.peer = peer }

  deinit {
    stream.deallocate()
    buffer.deallocate()
  }

  var owner: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  func send(_ text: String) {
    var text = text
    text.withUTF8 {
      var vector = IOVector($0.baseAddress, $0.count)
      _ = Stream.tryWrite(stream, &vector, 1)
    }
  }

  func step() {
    if !pieces.isEmpty, !Stream.isClosing(stream) { send(pieces.removeFirst()) }
  }

  fileprivate func giveBuffer(
    _ base: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, _ size: UnsafeMutablePointer<Int>
  ) {
    base.pointee = buffer
    size.pointee = 4_096
  }

  fileprivate func wasRead(_ count: Int) {
    guard count > 0 else {
      end = count
      return Stream.close(stream)
    }
    received += String(
      decoding: UnsafeBufferPointer(start: buffer, count: count), as: UTF8.self)
    guard !hasAnswered, received.hasSuffix("\r\n\r\n") else { return }
    hasAnswered = true
    peer.requests.append(received)
    switch peer.script(peer.requests.count - 1) {
    case .answer(let text):
      send(text)
      // The end of this side alone: what the prober does with its own side is still seen.
      _ = Stream.shutdownWriting(stream)
    case .pieces(let pieces): self.pieces = pieces
    case .hang: break
    case .close: Stream.close(stream)
    case .reset: Stream.reset(stream)
    }
  }

  fileprivate func wasClosed() { peer.openNow -= 1 }
}

private func connection(_ owner: UnsafeMutableRawPointer) -> PeerConnection {
  Unmanaged<PeerConnection>.fromOpaque(owner).takeUnretainedValue()
}

private nonisolated(unsafe) let peerHandlers: UnsafePointer<StreamHandlers> = {
  let table = UnsafeMutablePointer<StreamHandlers>.allocate(capacity: 1)
  table.initialize(
    to: StreamHandlers(
      onBuffer: { owner, base, size in connection(owner).giveBuffer(base, size) },
      onRead: { owner, _, count in connection(owner).wasRead(count) },
      onWritten: { _, _ in },
      onConnected: { _, _ in },
      onClosed: { owner in connection(owner).wasClosed() }))
  return UnsafePointer(table)
}()

/// A backend with a script: the number of the request, from 0, to what it does.
final class ScriptedPeer {
  let script: (Int) -> Reply
  var requests: [String] = []
  var connections: [PeerConnection] = []
  var openNow = 0
  private(set) var listener: Listener!
  let socket: ListeningSocket
  let unixPath: String?

  init(_ loop: Loop, _ socket: ListeningSocket? = nil, script: @escaping (Int) -> Reply) throws {
    self.socket =
      try socket
      ?? .tcp(Endpoint(address: IPAddress(v4: 0), port: 0), reusePort: false)
    self.script = script
    unixPath = nil
    try open(loop)
  }

  init(_ loop: Loop, unix path: String, script: @escaping (Int) -> Reply) throws {
    socket = try .unix(path)
    self.script = script
    unixPath = path
    try open(loop)
  }

  private func open(_ loop: Loop) throws {
    listener = try Listener.open(
      loop, socket, owner: Unmanaged.passUnretained(self).toOpaque(), handlers: doorHandlers)
  }

  fileprivate func offered(_ listener: Listener) {
    let connection = PeerConnection(self)
    guard
      listener.accept(into: connection.stream, owner: connection.owner, handlers: peerHandlers)
        == 0
    else { return }
    Stream.startReading(connection.stream)
    connections.append(connection)
    openNow += 1
  }

  func step() { for connection in connections { connection.step() } }

  func close() {
    listener.close()
    for connection in connections { Stream.close(connection.stream) }
    if let unixPath { unlink(unixPath) }
  }
}

private nonisolated(unsafe) let doorHandlers: UnsafePointer<ListenerHandlers> = {
  let table = UnsafeMutablePointer<ListenerHandlers>.allocate(capacity: 1)
  table.initialize(
    to: ListenerHandlers(
      onConnection: { owner, token in
        Unmanaged<ScriptedPeer>.fromOpaque(owner).takeUnretainedValue().offered(Listener(token))
      },
      onPaused: { _, _ in }))
  return UnsafePointer(table)
}()

/// A loop with a prober and the backends it asks; everything is closed at the end, and a handle
/// that somebody forgot is an issue.
final class Stage {
  let loop: Loop
  var peers: [ScriptedPeer] = []
  private(set) var results: [ProbeResult] = []
  private(set) var prober: Prober!
  /// The most places that were taken at the end of a round, by all and by those that hang.
  private(set) var mostHeld = 0
  private(set) var mostHanging = 0

  init(places: Int = Prober.defaultPlaces) throws {
    loop = try Loop.create()
    prober = Prober(
      loop, userAgent: "gateway/1.2.3 health-check", seed: 1, places: places
    ) { [unowned self] in results.append($0) }
  }

  func peer(_ script: @escaping (Int) -> Reply) throws -> ScriptedPeer {
    let peer = try ScriptedPeer(loop, script: script)
    peers.append(peer)
    return peer
  }

  /// Turns the loop until the condition holds; gives up after 20 s, which is a failure and no
  /// measure of time.
  func turn(sourceLocation: SourceLocation = #_sourceLocation, until condition: () -> Bool) {
    let end = Loop.clock() + .seconds(20)
    while !condition() {
      loop.runOnce(waiting: false)
      for peer in peers { peer.step() }
      mostHanging = max(mostHanging, prober.hanging.held)
      mostHeld = max(mostHeld, prober.answering.held + prober.hanging.held)
      if Loop.clock() > end {
        Issue.record("the condition never held", sourceLocation: sourceLocation)
        return
      }
    }
  }

  func results(of backend: String) -> [ProbeResult] {
    results.filter { $0.identity.backend == backend }
  }

  func verdicts(of backend: String) -> [ProbeVerdict] { results(of: backend).map(\.verdict) }

  func finish(sourceLocation: SourceLocation = #_sourceLocation) {
    let before = results.count
    prober.stop()
    for peer in peers { peer.close() }
    #expect(loop.destroy() == 0, "handles are left open", sourceLocation: sourceLocation)
    #expect(results.count == before, "a result after the end", sourceLocation: sourceLocation)
  }
}

func loopback(_ port: UInt16, host: UInt8 = 1) -> Endpoint {
  Endpoint(address: IPAddress(v4: 0x7f00_0000 | UInt32(host)), port: port)
}

/// A target whose probes follow each other every few milliseconds.
func target(
  _ name: String, _ address: ProbeTarget.Address, path: String = "/healthz",
  interval: Duration = .milliseconds(5), timeout: Duration = .seconds(10),
  statuses: [ClosedRange<UInt16>] = [200...399], healthyAfter: Int = 2, unhealthyAfter: Int = 3,
  isInitiallyUp: Bool = true
) -> ProbeTarget {
  ProbeTarget(
    identity: ProbeTarget.Identity(service: "s", backend: name), address: address,
    check: ProbeCheck(
      question: ProbeCheck.Question(
        path: path, host: "example.com", statuses: StatusRanges(statuses)),
      schedule: ProbeSchedule(interval: interval), timeout: timeout,
      thresholds: ProbeThresholds(healthyAfter: healthyAfter, unhealthyAfter: unhealthyAfter)),
    isInitiallyUp: isInitiallyUp)
}

extension ScriptedPeer {
  var address: ProbeTarget.Address {
    unixPath.map { .unix($0) } ?? .tcp(loopback(socket.boundEndpoint.port))
  }
}

let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
