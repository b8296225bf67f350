// Why this file exists: an admin server on a loop of its own, and a plain socket that asks it.

import Configuration
import EventLoop
import Glibc
import Primitives
import Testing

@testable import Admin

/// What the server is asked to show; changed by the tests.
final class Shown {
  var readiness = AdminReadiness.ready
  /// The parts of the metrics; the form that was asked for stands at the end of the last.
  var metrics = ["gateway_build_info{version=\"0\"} 1\n"].map { Array($0.utf8) }
  var services: [AdminService] = []
  var orders: [String] = []
  var verdict = AdminDrainVerdict.noService([])
  /// Orders to reload that have no answer yet.
  var reloads: [(AdminReloadVerdict) -> Void] = []
  var source: AdminSource {
    AdminSource(
      readiness: { self.readiness }, services: { self.services },
      setDraining: { service, address, isDraining in
        self.orders.append("\(service) \(address) \(isDraining)")
        return self.verdict
      }, status: { Array("{\"services\":[]}\n".utf8) },
      history: { Array("{\"samples\":[]}\n".utf8) },
      metrics: { format in
        var rest = self.metrics
        rest[rest.count - 1] += Array("\(format)\n".utf8)
        return { rest.isEmpty ? [] : rest.removeFirst() }
      },
      explain: { question in
        question.url == "/unclear"
          ? .unclear("who?") : .explained(Array("\(question)\n".utf8))
      }, configuration: { Array("{}\n".utf8) },
      configurationErrors: { Array("\($0) errors\n".utf8) },
      reload: { format, completion in
        self.orders.append("reload \(format)")
        self.reloads.append(completion)
      })
  }
}

struct Running {
  let loop: Loop
  let server: AdminServer
  let shown: Shown
  let path: String?

  static func start(
    token: String? = nil, unix: Bool = false, limits: AdminLimits = AdminLimits()
  ) throws -> Running {
    Signals.ignoreBrokenPipes()
    let loop = try Loop.create()
    let path =
      unix ? "/tmp/gateway-admin-\(getpid())-\(UInt32.random(in: .min ... .max)).sock" : nil
    let form: NetworkAddress.Form =
      path.map { .unix(path: $0) }
      ?? .endpoint(Endpoint(address: IPAddress(v4: 0x7f00_0001), port: 0))
    let shown = Shown()
    let server = try AdminServer.open(
      loop, at: NetworkAddress(form: form, text: "test"), token: token.map { Secret($0) },
      source: shown.source, limits: limits)
    return Running(loop: loop, server: server, shown: shown, path: path)
  }

  /// Turns the loop until the condition holds; 10 s without is a failure and no measure of time.
  func turn(sourceLocation: SourceLocation = #_sourceLocation, until condition: () -> Bool) {
    let end = Loop.clock() + .seconds(10)
    while !condition() {
      loop.runOnce(waiting: false)
      guard Loop.clock() < end else {
        Issue.record("the condition never held", sourceLocation: sourceLocation)
        return
      }
    }
  }

  func end() {
    server.close()
    turn { server.connectionCount == 0 }
    #expect(loop.destroy() == 0)
  }

  func connect() -> Asker { Asker(self) }

  /// One request on a connection of its own.
  func ask(_ request: String) -> Answer {
    let asker = connect()
    defer { asker.close() }
    asker.send(request)
    return asker.answer()
  }
}

struct Answer: Equatable {
  var status = 0
  var head = ""
  var body = ""
  func has(_ line: String) -> Bool { head.contains("\r\n\(line)\r\n") }
}

final class Asker {
  let running: Running
  let descriptor: Int32
  private var received: [UInt8] = []
  private(set) var hasEnded = false

  init(_ running: Running) {
    self.running = running
    if let path = running.path {
      descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
      connect(&name, MemoryLayout<sockaddr_un>.size)
    } else {
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = running.server.boundEndpoint.port.bigEndian
      name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      connect(&name, MemoryLayout<sockaddr_in>.size)
    }
  }

  private func connect(_ name: UnsafeRawPointer, _ size: Int) {
    let result = Glibc.connect(
      descriptor, name.assumingMemoryBound(to: sockaddr.self), socklen_t(size))
    #expect(result == 0)
  }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    #expect(Descriptor.write(descriptor, bytes, bytes.count) == bytes.count)
  }

  func close() { Descriptor.close(descriptor) }
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

  private func receive() {
    var room = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT))
    if count > 0 { received += room[..<count] }
    if count == 0 || (count < 0 && errno != EAGAIN) { hasEnded = true }
  }

  /// What was received and belongs to no answer yet.
  var everything: String { String(decoding: received, as: UTF8.self) }

  func waitForEnd(sourceLocation: SourceLocation = #_sourceLocation) {
    running.turn(sourceLocation: sourceLocation) {
      receive()
      return hasEnded
    }
  }

  /// The next answer, taken off what was received. `isHead`: it has no body whatever it says.
  func answer(
    isHead: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
  ) -> Answer {
    var answer: Answer?
    running.turn(sourceLocation: sourceLocation) {
      receive()
      answer = take(isHead)
      return answer != nil || hasEnded
    }
    return answer ?? Answer()
  }

  private func take(_ isHead: Bool) -> Answer? {
    // Only as much as a head can be: a long body would be decoded again with every piece of it.
    let text = String(decoding: received.prefix(4096), as: UTF8.self)
    guard let empty = text.firstRange(of: "\r\n\r\n") else { return nil }
    let head = String(text[..<empty.upperBound])
    if head.contains("\r\nTransfer-Encoding: chunked\r\n"), !isHead { return takeChunks(head) }
    let lengthLine = head.split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
    let length = isHead ? 0 : Int(lengthLine?.dropFirst(16) ?? "0") ?? 0
    guard received.count >= head.utf8.count + length else { return nil }
    let body = String(
      decoding: received[head.utf8.count..<(head.utf8.count + length)], as: UTF8.self)
    received.removeFirst(head.utf8.count + length)
    return Answer(status: Int(head.split(separator: " ")[1]) ?? 0, head: head, body: body)
  }

  private func takeChunks(_ head: String) -> Answer? {
    var body: [UInt8] = []
    var rest = received.dropFirst(head.utf8.count)
    while let end = rest.firstIndex(of: 0x0a) {
      let size = String(decoding: rest[..<end].dropLast(), as: UTF8.self)
      guard let count = Int(size, radix: 16), rest.count >= end + 1 - rest.startIndex + count + 2
      else { return nil }
      body += rest[(end + 1)..<(end + 1 + count)]
      rest = rest[(end + 1 + count + 2)...]
      if count == 0 {
        received = Array(rest)
        let status = Int(head.split(separator: " ")[1]) ?? 0
        return Answer(status: status, head: head, body: String(decoding: body, as: UTF8.self))
      }
    }
    return nil
  }
}
