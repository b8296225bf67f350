// Why this file exists: the gateway's own data plane between one client and one backend, on the
// virtual network of the simulation: what is fuzzed is the shipped code, and what it writes is what
// leaves a socket.
import Configuration
import EventLoop
import Glibc
import Primitives
import Proxy

/// What became of one input.
struct StagedPlay {
  /// What reached the backend, in the order of the requests' heads.
  var requests: [ReceivedRequest] = []
  /// What the client was answered with.
  var answers: [UInt8] = []
  var ending = Ending.open

  enum Ending {
    case open, fin, reset
  }

  /// For who looks into a finding.
  func show() {
    for request in requests {
      let line = request.message.line.map { NaiveFields.latin($0) }.joined(separator: " ")
      print("to the backend: \(line)\(request.isWhole ? "" : ", cut short")")
      for field in request.message.fields {
        print("  \(NaiveFields.latin(field.name)): \(NaiveFields.latin(field.value))")
      }
      print("  body: \(NaiveFields.latin(request.message.body).debugDescription)")
      print("  answered by: \(NaiveFields.latin(request.answer ?? []).debugDescription)")
    }
    print("to the client: \(NaiveFields.latin(answers).debugDescription), then \(ending)")
    fflush(nil)
  }
}

struct ReceivedRequest {
  var message: StrictMessage
  var isWhole: Bool
  /// What the backend said to it, and whether it closed behind that.
  var answer: [UInt8]?
  var isClosed = false
}

/// One for the whole process: a play begins with no connection, and leaves none.
final class Stage {
  private let network: NetworkRef
  private let plane: DataPlane
  fileprivate var play = StagedPlay()
  fileprivate var answers: [[UInt8]] = []
  fileprivate var answersEarly = false
  fileprivate var backends: [BackendEnd] = []

  nonisolated(unsafe) static let shared = Stage()

  private static let listener = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 8080)
  private static let backend = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 9001)
  private static let client = Endpoint(address: IPAddress(v4: 0xC000_0201), port: 40_000)

  private static let configuration = """
    listeners: [{address: 127.0.0.1:8080}]
    admin: none
    workers: 1
    limits: {head_size: 2KiB, head_fields: 40}
    logging: {access: {output: none}}
    services:
      s:
        backends: [127.0.0.1:9001]
        retries: {attempts: 0}
        health: {passive: none}
    routes: [{match: {path: /*}, service: s}]
    """

  private init() {
    network = Network.create(seed: 1, now: 1 << 40)
    network.pointee.conditions.buffers = 1 << 20...1 << 20
    // What was sent before a reset is what is looked at.
    network.pointee.conditions.overtakingResets = 0
    let result = ConfigurationLoader.load(
      Array(Stage.configuration.utf8), fileName: "stage.yaml",
      environment: ConfigurationEnvironment(
        variable: { _ in nil }, file: { _ in .failure(.system(ENOENT)) }))
    guard let configuration = result.configuration,
      let plane = try? DataPlane(
        LiveConfiguration(configuration, names: [:], generation: 1),
        DataPlaneSettings(workers: 1, connections: 64), seed: SplitMix64(seed: 1))
    else { fatalError("the stage's own configuration is not valid") }
    self.plane = plane
    do { try plane.start() } catch { fatalError("\(error)") }
    let door = Door(answer: .accept, owner: Unmanaged.passUnretained(self).toOpaque()) {
      owner, token in
      let stage = Unmanaged<Stage>.fromOpaque(owner).takeUnretainedValue()
      stage.backends.append(BackendEnd(stage, Peer(accepted: token)))
    }
    network.setDoor(Stage.backend, door)
  }

  /// - Parameter bytewise: every read of the gateway gets a byte or two.
  /// - Parameter answersEarly: the backend answers a head; else a whole request.
  func run(
    _ stream: [UInt8], _ answers: [[UInt8]], seed: UInt64, bytewise: Bool, answersEarly: Bool
  ) -> StagedPlay {
    network.pointee.random = Xoroshiro(seed: seed)
    network.pointee.conditions.bytewise = bytewise ? 128 : 0
    network.pointee.conditions.piecewise = bytewise ? 128 : 0
    play = StagedPlay()
    self.answers = answers
    self.answersEarly = answersEarly
    let client = ClientEnd(stream)
    client.connect(network, from: Stage.client, to: Stage.listener)
    settle()
    client.finish()
    settle()
    // Without an answer to one request the next may come, on another connection.
    var left = 0
    repeat {
      left = backends.count
      for backend in backends { backend.leave() }
      settle()
    } while backends.count > left
    play.answers = client.received
    play.ending = client.ending
    client.leave()
    settle()
    demand(plane.exchangesInFlight == 0, "no exchange is left over")
    _ = plane.collect()
    for backend in backends { backend.note() }
    backends = []
    return play
  }

  /// Lets everything happen that does not wait for a timer.
  private func settle() {
    let end = network.clock + .milliseconds(60)
    while network.nextTime <= end, network.step() {}
  }
}

// MARK: - The client

private final class ClientEnd {
  let stream: [UInt8]
  var peer: Peer?
  var received: [UInt8] = []
  var ending = StagedPlay.Ending.open
  private var hasFinished = false

  private nonisolated(unsafe) static let handlers: UnsafePointer<PeerHandlers> = {
    let handlers = UnsafeMutablePointer<PeerHandlers>.allocate(capacity: 1)
    handlers.initialize(
      to: PeerHandlers(
        onConnected: { owner, status in
          Unmanaged<ClientEnd>.fromOpaque(owner).takeUnretainedValue().connected(status)
        },
        onReadable: { owner in
          Unmanaged<ClientEnd>.fromOpaque(owner).takeUnretainedValue().read()
        }, onWritable: { _ in }))
    return UnsafePointer(handlers)
  }()

  init(_ stream: [UInt8]) { self.stream = stream }

  func connect(_ network: NetworkRef, from: Endpoint, to: Endpoint) {
    let owner = Unmanaged.passUnretained(self).toOpaque()
    peer = network.connect(from: from, to: to, owner: owner, ClientEnd.handlers)
  }

  func connected(_ status: Int32) {
    demand(status == 0, "the gateway listens")
    stream.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      demand(peer?.write(base, bytes.count) == bytes.count, "all is written at once")
    }
  }

  func read() {
    guard let peer else { return }
    let (bytes, _) = peer.received()
    received += bytes.buffer
    if bytes.count > 0 { peer.consume(bytes.count) }
    switch peer.received().end {
    case 0 - Int(EAGAIN): break
    case 0: ending = .fin
    default:
      ending = .reset
      leave()
    }
  }

  /// Nothing more is sent.
  func finish() {
    if !hasFinished { peer?.shutdown() }
    hasFinished = true
  }

  func leave() {
    peer?.close()
    peer = nil
  }
}

// MARK: - The backend

/// One connection of the backend.
private final class BackendEnd {
  private unowned let stage: Stage
  private var peer: Peer?
  private var received: [UInt8] = []
  private var at = 0
  /// Where in the play the present request stands; nil: no head has come.
  private var index: Int?
  private var hasAnswered = false

  private nonisolated(unsafe) static let handlers: UnsafePointer<PeerHandlers> = {
    let handlers = UnsafeMutablePointer<PeerHandlers>.allocate(capacity: 1)
    handlers.initialize(
      to: PeerHandlers(
        onConnected: { _, _ in },
        onReadable: { owner in
          Unmanaged<BackendEnd>.fromOpaque(owner).takeUnretainedValue().read()
        }, onWritable: { _ in }))
    return UnsafePointer(handlers)
  }()

  init(_ stage: Stage, _ peer: Peer) {
    self.stage = stage
    self.peer = peer
    peer.attach(owner: Unmanaged.passUnretained(self).toOpaque(), BackendEnd.handlers)
  }

  func read() {
    guard let peer else { return }
    let (bytes, _) = peer.received()
    received += bytes.buffer
    if bytes.count > 0 { peer.consume(bytes.count) }
    let end = peer.received().end
    note()
    // Closing, as most servers do, when the other side has.
    if end != 0 - Int(EAGAIN) { leave() }
  }

  /// Looks at what has come so far.
  func note() {
    while at < received.count {
      if let index, hasSwitched(index) { return }
      switch StrictReader.request(received, from: at) {
      case .ambiguous(let why): return demand(false, "a backend could misread it", why)
      case .broken: return demand(false, "a backend gets whole chunks")
      case .part(nil): return
      case .part(let message?):
        put(message, isWhole: false)
        if stage.answersEarly { answer() }
        return
      case .whole(let message):
        put(message, isWhole: true)
        answer()
        at = message.end
        if let index, hasSwitched(index) { return }
        index = nil
        hasAnswered = false
      }
    }
  }

  private func hasSwitched(_ index: Int) -> Bool {
    stage.play.requests[index].switches
  }

  private func put(_ message: StrictMessage, isWhole: Bool) {
    if index == nil {
      index = stage.play.requests.count
      stage.play.requests.append(ReceivedRequest(message: message, isWhole: isWhole))
    }
    stage.play.requests[index!].message = message
    stage.play.requests[index!].isWhole = isWhole
  }

  private func answer() {
    guard let index, !hasAnswered, let peer else { return }
    hasAnswered = true
    let text =
      index < stage.answers.count
      ? stage.answers[index] : Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    text.withUnsafeBufferPointer { bytes in
      if let base = bytes.baseAddress { _ = peer.write(base, bytes.count) }
    }
    stage.play.requests[index].answer = text
    let toHead = stage.play.requests[index].message.line[0].elementsEqual("HEAD".utf8)
    // It goes on where a client could know where the answer ends.
    var from = 0
    while case .whole(let head) = StrictReader.response(
      text, from: from, toHead: toHead, isEnded: false)
    {
      if head.status >= 200 { return }
      from = head.end
    }
    if hasSwitched(index) { return }
    stage.play.requests[index].isClosed = true
    peer.shutdown()
  }

  func leave() {
    peer?.close()
    peer = nil
  }
}
